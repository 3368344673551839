#include "interfaces/grants.h"

#include <algorithm>
#include <array>

namespace realm::interfaces {
namespace {

constexpr std::array<std::string_view, 6> kNames{"context", "log",      "model",
                                                 "request", "sampling", "wasi"};

struct Grant {
    std::string_view function;
    std::string_view interface;
};

constexpr std::array kGrants{
    Grant{"realm_request_data", "request"},
    Grant{"realm_request_meta", "request"},
    Grant{"realm_emit", "request"},
    Grant{"realm_reply", "request"},
    Grant{"realm_fail", "request"},
    Grant{"realm_cancelled", "request"},
    Grant{"realm_time_left_ms", "request"},
    Grant{"realm_take", ""},
    Grant{"realm_last_error", ""},
    Grant{"realm_log", "log"},
    Grant{"realm_model_open", "model"},
    Grant{"realm_model_describe", "model"},
    Grant{"realm_model_name", "model"},
    Grant{"realm_tokenize", "model"},
    Grant{"realm_detokenize", "model"},
    Grant{"realm_apply_template", "model"},
    Grant{"realm_context_create", "context"},
    Grant{"realm_context_prefill", "context"},
    Grant{"realm_context_length", "context"},
    Grant{"realm_context_reused", "context"},
    Grant{"realm_context_drop", "context"},
    Grant{"realm_context_step", "context"},
    Grant{"realm_context_generate", "context"},
    Grant{"realm_context_next", "context"},
    Grant{"realm_context_stop", "context"},
    Grant{"realm_context_fork", "context"},
    Grant{"realm_context_truncate", "context"},
    Grant{"realm_context_share", "context"},
    Grant{"realm_context_priority", "context"},
    Grant{"realm_context_sampling", "sampling"},
    Grant{"realm_context_typical", "sampling"},
    Grant{"realm_context_repetition", "sampling"},
    Grant{"realm_context_logit_bias", "sampling"},
    Grant{"realm_context_mask", "sampling"},
    Grant{"realm_context_min_tokens", "sampling"},
    Grant{"realm_context_step_many", "sampling"},
    Grant{"realm_context_logits", "sampling"},
    Grant{"realm_context_top", "sampling"},
};

}  // namespace

std::span<const std::string_view> interface_names() {
    return kNames;
}

std::string_view interface_of(const sandbox::HostFunction& function) {
    if (function.module != "env") {
        return "wasi";
    }
    const auto* const found = std::ranges::find(kGrants, function.name, &Grant::function);
    // What nobody has put into the list is nobody's.
    return found == kGrants.end() ? "unlisted" : found->interface;
}

}  // namespace realm::interfaces
