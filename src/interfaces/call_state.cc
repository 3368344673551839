#include "interfaces/call_state.h"

#include <algorithm>
#include <utility>

#include "envelope/envelope.h"

namespace realm::interfaces {

std::int32_t status_of(ErrorType type) {
    return -1 - static_cast<std::int32_t>(type);
}

std::int32_t copy_out(std::string_view source, std::span<char> target) {
    std::copy_n(source.begin(), std::min(source.size(), target.size()), target.begin());
    return static_cast<std::int32_t>(source.size());
}

std::int32_t CallState::failed(Error error) {
    last_error_ = std::move(error);
    return status_of(last_error_->type);
}

std::string CallState::last_error_json() const {
    return last_error_ ? envelope::dump(envelope::to_json(*last_error_)) : std::string{};
}

std::int32_t ResultInterface::take(std::span<char> buffer) {
    return copy_out(state_->result(), buffer);
}

std::int32_t ResultInterface::last_error(std::span<char> buffer) {
    return copy_out(state_->last_error_json(), buffer);
}

}  // namespace realm::interfaces
