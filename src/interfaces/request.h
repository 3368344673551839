// Request and reply: what a program reads of its request and how it answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "interfaces/call_state.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// The run behind a program, implemented above. Called from executor threads, one call at a time.
class RunPort {
public:
    virtual ~RunPort() = default;

    [[nodiscard]] virtual std::string_view data() const = 0;  // JSON
    [[nodiscard]] virtual std::string_view meta() const = 0;  // JSON
    // Whether a chunk, or output at all, of so many bytes is within the limits; asked before the
    // text is looked at.
    [[nodiscard]] virtual Result<void> check_chunk(std::size_t bytes) const = 0;
    [[nodiscard]] virtual Result<void> check_output(std::size_t bytes) const = 0;
    // `done` is called once, from any thread, as soon as there is room for another chunk.
    virtual void emit(std::string chunk, std::move_only_function<void(Result<void>)> done) = 0;
    virtual Result<void> reply(std::string json) = 0;
    virtual Result<void> fail(Error error) = 0;
    [[nodiscard]] virtual bool cancelled() const = 0;
    [[nodiscard]] virtual std::chrono::milliseconds time_left() const = 0;
};

class RequestInterface {
public:
    RequestInterface(std::shared_ptr<RunPort> run, std::shared_ptr<CallState> state)
        : run_(std::move(run)), state_(std::move(state)) {}

    std::int32_t data(std::span<char> buffer);
    std::int32_t meta(std::span<char> buffer);
    void emit(std::string_view json, sandbox::Completion completion);
    std::int32_t reply(std::string_view json);
    std::int32_t fail(std::string_view json);
    std::int32_t cancelled();
    std::int64_t time_left_ms();

private:
    std::shared_ptr<RunPort> run_;
    std::shared_ptr<CallState> state_;
};

}  // namespace realm::interfaces
