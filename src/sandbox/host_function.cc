#include "sandbox/host_function.h"

#include <fmt/format.h>

#include <algorithm>

#include "sandbox/waiter.h"
#include "sandbox/wording.h"

namespace realm::sandbox {

Completion::~Completion() {
    if (waiter_) {
        waiter_->trap(Error{.type = ErrorType::kInternal,
                            .code = "completion_dropped",
                            .message = "a host function gave up its call without an answer",
                            .retry_after_ms = std::nullopt,
                            .details = {}});
    }
}

void Completion::resolve(std::int32_t value) {
    if (const auto waiter = std::exchange(waiter_, nullptr)) {
        waiter->resolve(value);
    }
}

void Completion::resolve_with(Finish finish) {
    if (const auto waiter = std::exchange(waiter_, nullptr)) {
        waiter->resolve_with(std::move(finish));
    }
}

void Completion::trap(Error error) {
    if (const auto waiter = std::exchange(waiter_, nullptr)) {
        waiter->trap(std::move(error));
    }
}

const HostFunction* find_function(std::span<const HostFunction> functions, std::string_view module,
                                  std::string_view name) {
    const auto found = std::ranges::find_if(functions, [&](const HostFunction& function) {
        return function.name == name && function.module == module;
    });
    return found == functions.end() ? nullptr : &*found;
}

void HostCall::fail(Error error) {
    if (!error_) {
        error_ = std::make_unique<Error>(std::move(error));
    }
}

void HostCall::bad_pointer(std::size_t parameter, const BadPointer& problem) {
    fail(Caller(*this).bad_pointer(fmt::format("parameter {}", parameter + 1), problem));
}

Error Caller::bad_pointer(std::string_view what, const BadPointer& problem) const {
    return make_error(ErrorType::kProgramTrap, "bad_pointer",
                      fmt::format("{}: {}: {}", call_->function(), what, problem.reason));
}

}  // namespace realm::sandbox
