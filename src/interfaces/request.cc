#include "interfaces/request.h"

#include <realm/realm.h>

#include <algorithm>
#include <utility>

#include "envelope/envelope.h"

namespace realm::interfaces {
namespace {

// `size` is what the run says of its length.
Result<envelope::Json> checked_json(std::string_view function, std::string_view text,
                                    Result<void> size) {
    if (!size) {
        return std::unexpected(std::move(size.error()));
    }
    auto json = envelope::parse_json(text);
    if (!json) {
        json.error().message = std::string(function) + ": " + json.error().message;
    }
    return json;
}

}  // namespace

std::int32_t RequestInterface::data(std::span<char> buffer) {
    return copy_out(run_->data(), buffer);
}

std::int32_t RequestInterface::meta(std::span<char> buffer) {
    return copy_out(run_->meta(), buffer);
}

void RequestInterface::emit(std::string_view json, sandbox::Completion completion) {
    if (auto checked = checked_json("realm_emit", json, run_->check_chunk(json.size())); !checked) {
        completion.resolve(state_->failed(std::move(checked.error())));
        return;
    }
    run_->emit(std::string(json),
               [state = state_, completion = std::move(completion)](Result<void> sent) mutable {
                   completion.resolve(sent ? REALM_OK : state->failed(std::move(sent.error())));
               });
}

std::int32_t RequestInterface::reply(std::string_view json) {
    if (auto checked = checked_json("realm_reply", json, run_->check_output(json.size()));
        !checked) {
        return state_->failed(std::move(checked.error()));
    }
    auto kept = run_->reply(std::string(json));
    return kept ? REALM_OK : state_->failed(std::move(kept.error()));
}

std::int32_t RequestInterface::fail(std::string_view json) {
    // A run that has sent all it may can still say so.
    auto parsed = checked_json("realm_fail", json, run_->check_chunk(json.size()));
    if (!parsed) {
        return state_->failed(std::move(parsed.error()));
    }
    auto error = envelope::error_from_json(*parsed);
    if (!error) {
        return state_->failed(std::move(error.error()));
    }
    auto kept = run_->fail(std::move(*error));
    return kept ? REALM_OK : state_->failed(std::move(kept.error()));
}

std::int32_t RequestInterface::cancelled() {
    return run_->cancelled() ? 1 : 0;
}

std::int64_t RequestInterface::time_left_ms() {
    return std::max<std::int64_t>(0, run_->time_left().count());
}

}  // namespace realm::interfaces
