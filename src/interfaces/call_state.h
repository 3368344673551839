// What the host functions of one instance share: the last result and the last error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// The status that a guest sees for an error: REALM_E_* of sdk/cpp/include/realm/realm.h.
std::int32_t status_of(ErrorType type);

// Copies as much of `source` as fits and returns its whole length.
std::int32_t copy_out(std::string_view source, std::span<char> target);

// Shared between an instance's interfaces and the callbacks of operations that it waits for, which
// may outlive it. The guest stands still while a callback writes; Completion::resolve publishes it.
class CallState {
public:
    // Keeps the error for realm_last_error and returns its status.
    std::int32_t failed(Error error);
    void set_result(std::string bytes) { result_ = std::move(bytes); }

    [[nodiscard]] const std::string& result() const { return result_; }
    [[nodiscard]] std::string last_error_json() const;

private:
    std::string result_;
    std::optional<Error> last_error_;
};

// realm_take and realm_last_error.
class ResultInterface {
public:
    explicit ResultInterface(std::shared_ptr<CallState> state) : state_(std::move(state)) {}

    std::int32_t take(std::span<char> buffer);
    std::int32_t last_error(std::span<char> buffer);

private:
    std::shared_ptr<CallState> state_;
};

}  // namespace realm::interfaces
