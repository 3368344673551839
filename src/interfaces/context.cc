#include "interfaces/context.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/limit_error.h"
#include "envelope/envelope.h"

namespace realm::interfaces {
namespace {

using inference::GenerateParams;

// The record's length with what a running or finished generation appended.
void settle(ContextRecord& record) {
    if (record.generation && record.generation->over()) {
        record.length += record.generation->tokens_made();
        record.generation.reset();
    }
}

Result<std::vector<std::string>> read_stop(std::string_view text) {
    std::vector<std::string> stop;
    if (text.empty()) {
        return stop;
    }
    auto json = envelope::parse_json(text);
    if (json && json->is_array()) {
        for (const auto& item : *json) {
            if (!item.is_string()) {
                break;
            }
            stop.push_back(item.get<std::string>());
        }
        if (stop.size() == json->size()) {
            return stop;
        }
    }
    return fail(ErrorType::kInvalidRequest, "invalid_stop",
                "The stop strings must be a JSON array of strings.");
}

// Answers the guest that asked for a context with its handle, or with why there is none.
std::move_only_function<void(Result<void>)> answer_with(std::int32_t handle,
                                                        std::shared_ptr<ContextRecord> record,
                                                        std::shared_ptr<CallState> state,
                                                        sandbox::Completion completion) {
    return [handle, record = std::move(record), state = std::move(state),
            completion = std::move(completion)](Result<void> made) mutable {
        record->refused = !made.has_value();
        completion.resolve(made ? handle : state->failed(std::move(made.error())));
    };
}

}  // namespace

ContextTable::~ContextTable() {
    for (const auto& [handle, record] : records_) {
        release(*record);
    }
}

void ContextTable::release(const ContextRecord& record) {
    if (record.engine != nullptr) {
        record.engine->drop(record.id);
    }
}

Result<std::pair<std::int32_t, std::shared_ptr<ContextRecord>>> ContextTable::add(
    std::uint32_t capacity) {
    forget_refused();
    if (records_.size() >= limits_.contexts) {
        return std::unexpected(limit_error(
            {.limit = "contexts", .setting = "limits.contexts", .value = limits_.contexts},
            "A run may hold " + std::to_string(limits_.contexts) +
                " contexts at one time; drop one first"));
    }
    std::uint64_t tokens = capacity;
    for (const auto& [handle, record] : records_) {
        tokens += record->capacity;
    }
    if (tokens > limits_.kv_tokens) {
        return std::unexpected(limit_error(
            {.limit = "kv_tokens",
             .setting = "limits.kv_tokens",
             .value = limits_.kv_tokens,
             .asked = tokens},
            "The contexts of a run may have room for " + std::to_string(limits_.kv_tokens) +
                " tokens together; with this one they had " + std::to_string(tokens)));
    }
    const std::int32_t handle = next_++;
    auto record = std::make_shared<ContextRecord>();
    record->capacity = capacity;
    records_.emplace(handle, record);
    return std::pair(handle, std::move(record));
}

Result<void> ContextTable::check_operation() const {
    const auto running = std::ranges::count_if(records_, [](const auto& entry) {
        return entry.second->generation && !entry.second->generation->over();
    });
    if (running < std::ranges::range_difference_t<decltype(records_)>{limits_.operations}) {
        return {};
    }
    return std::unexpected(limit_error(
        {.limit = "operations", .setting = "limits.operations", .value = limits_.operations},
        "A run may have " + std::to_string(limits_.operations) +
            " operations on contexts going on at one time; read a generation to its end or stop "
            "it first"));
}

std::shared_ptr<ContextRecord> ContextTable::find(std::int32_t handle) const {
    const auto found = records_.find(handle);
    return found == records_.end() || found->second->refused ? nullptr : found->second;
}

void ContextTable::remove(std::int32_t handle) {
    if (const auto found = records_.find(handle); found != records_.end()) {
        release(*found->second);
        records_.erase(found);
    }
}

Result<std::shared_ptr<ContextRecord>> ContextTable::idle(std::int32_t handle) const {
    auto record = find(handle);
    if (!record) {
        return std::unexpected(no_such_handle("context", handle));
    }
    settle(*record);
    if (record->generation) {
        return fail(ErrorType::kConflict, "generating",
                    "The context generates; read its events to the end or stop it first.");
    }
    if (auto free = check_operation(); !free) {
        return std::unexpected(std::move(free.error()));
    }
    return record;
}

std::shared_ptr<ContextRecord> ContextTable::idle(std::int32_t handle, CallState& state,
                                                  sandbox::Completion& completion) const {
    auto record = idle(handle);
    if (!record) {
        completion.resolve(state.failed(std::move(record.error())));
        return nullptr;
    }
    return std::move(*record);
}

void ContextTable::forget_refused() {
    std::erase_if(records_, [](const auto& entry) { return entry.second->refused; });
}

void ContextInterface::create(std::int32_t model, std::uint32_t capacity,
                              sandbox::Completion completion) {
    inference::Engine* engine = models_->find(model);
    if (engine == nullptr) {
        completion.resolve(state_->failed(no_such_handle("model", model)));
        return;
    }
    if (auto free = contexts_->check_operation(); !free) {
        completion.resolve(state_->failed(std::move(free.error())));
        return;
    }
    auto added = contexts_->add(capacity);
    if (!added) {
        completion.resolve(state_->failed(std::move(added.error())));
        return;
    }
    const auto& [handle, record] = *added;
    record->engine = engine;
    record->id = engine->create(account_, capacity,
                                answer_with(handle, record, state_, std::move(completion)));
}

void ContextInterface::prefill(std::int32_t context, std::span<const std::int32_t> tokens,
                               sandbox::Completion completion) {
    const auto record = contexts_->idle(context, *state_, completion);
    if (!record) {
        return;
    }
    const std::uint32_t most = contexts_->limits().prefill_tokens;
    if (tokens.size() > most) {
        completion.resolve(state_->failed(limit_error({.limit = "prefill_tokens",
                                                       .setting = "limits.prefill_tokens",
                                                       .value = most,
                                                       .asked = tokens.size()},
                                                      std::to_string(tokens.size()) +
                                                          " tokens were given to one prefill; at "
                                                          "most " +
                                                          std::to_string(most) + " are taken")));
        return;
    }
    if (tokens.size() > record->capacity - record->length) {
        completion.resolve(
            state_->failed(fail(ErrorType::kInvalidRequest, "context_full",
                                "The context holds " + std::to_string(record->length) + " of " +
                                    std::to_string(record->capacity) + " tokens; " +
                                    std::to_string(tokens.size()) + " more do not fit.")
                               .error()));
        return;
    }
    const auto count = static_cast<std::uint32_t>(tokens.size());
    record->engine->prefill(record->id, {tokens.begin(), tokens.end()},
                            [state = state_, record, count, completion = std::move(completion)](
                                Result<std::uint32_t> reused) mutable {
                                if (!reused) {
                                    completion.resolve(state->failed(std::move(reused.error())));
                                    return;
                                }
                                record->length += count;
                                record->reused += *reused;
                                completion.resolve(REALM_OK);
                            });
}

std::int32_t ContextInterface::length(std::int32_t context) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    settle(*record);
    const std::uint32_t read = record->generation ? record->generation->tokens_read() : 0;
    return static_cast<std::int32_t>(record->length + read);
}

std::int32_t ContextInterface::reused(std::int32_t context) {
    const auto record = contexts_->find(context);
    return record ? static_cast<std::int32_t>(record->reused)
                  : state_->failed(no_such_handle("context", context));
}

std::int32_t ContextInterface::share(std::int32_t context, std::uint32_t shared) {
    const auto record = contexts_->find(context);
    if (!record) {
        return state_->failed(no_such_handle("context", context));
    }
    if (shared > 1) {
        return state_->failed(fail(ErrorType::kInvalidRequest, "invalid_value",
                                   "Whether a context shares its beginning is 0 or 1, not " +
                                       std::to_string(shared) + ".")
                                  .error());
    }
    record->engine->share_beginning(record->id, shared == 1);
    return REALM_OK;
}

std::int32_t ContextInterface::priority(std::int32_t context, std::int32_t priority) {
    constexpr std::int32_t kMost = inference::kMostPriority;
    const auto record = contexts_->find(context);
    if (!record && context != REALM_NEW_CONTEXTS) {
        return state_->failed(no_such_handle("context", context));
    }
    if (priority < -kMost || priority > kMost) {
        return state_->failed(fail(ErrorType::kInvalidRequest, "invalid_value",
                                   "A priority is " + std::to_string(-kMost) + " to " +
                                       std::to_string(kMost) + ", not " + std::to_string(priority) +
                                       ".")
                                  .error());
    }
    if (record) {
        record->engine->set_priority(record->id, priority);
    } else {
        account_.priority = priority;
    }
    return REALM_OK;
}

std::int32_t ContextInterface::drop(std::int32_t context) {
    if (!contexts_->find(context)) {
        return state_->failed(no_such_handle("context", context));
    }
    contexts_->remove(context);
    return REALM_OK;
}

void ContextInterface::fork(std::int32_t context, std::uint32_t capacity,
                            sandbox::Completion completion) {
    const auto source = contexts_->idle(context, *state_, completion);
    if (!source) {
        return;
    }
    auto added = contexts_->add(capacity);
    if (!added) {
        completion.resolve(state_->failed(std::move(added.error())));
        return;
    }
    const auto& [handle, record] = *added;
    record->engine = source->engine;
    record->length = source->length;
    record->sampling = source->sampling;
    record->mask = source->mask;
    record->min_tokens = source->min_tokens;
    record->id = source->engine->fork(source->id, capacity,
                                      answer_with(handle, record, state_, std::move(completion)));
}

void ContextInterface::truncate(std::int32_t context, std::uint32_t tokens,
                                sandbox::Completion completion) {
    const auto record = contexts_->idle(context, *state_, completion);
    if (!record) {
        return;
    }
    record->engine->truncate(record->id, tokens,
                             [state = state_, record, tokens,
                              completion = std::move(completion)](Result<void> done) mutable {
                                 if (!done) {
                                     completion.resolve(state->failed(std::move(done.error())));
                                     return;
                                 }
                                 record->length = tokens;
                                 completion.resolve(REALM_OK);
                             });
}

void ContextInterface::step(std::int32_t context, sandbox::Completion completion) {
    const auto record = contexts_->idle(context, *state_, completion);
    if (!record) {
        return;
    }
    record->engine->step(record->id, record->sampling, record->mask,
                         [state = state_, record, completion = std::move(completion)](
                             Result<inference::Token> token) mutable {
                             if (!token) {
                                 completion.resolve(state->failed(std::move(token.error())));
                                 return;
                             }
                             ++record->length;
                             completion.resolve(*token);
                         });
}

std::int32_t ContextInterface::generate(std::int32_t context, std::uint32_t max_tokens,
                                        std::string_view stop) {
    auto found = contexts_->idle(context);
    if (!found) {
        return state_->failed(std::move(found.error()));
    }
    const auto record = std::move(*found);
    const std::size_t most = contexts_->limits().stop_bytes;
    if (stop.size() > most) {
        return state_->failed(limit_error({.limit = "stop_bytes",
                                           .setting = "limits.stop_bytes",
                                           .value = most,
                                           .asked = stop.size()},
                                          "The stop strings have " + std::to_string(stop.size()) +
                                              " bytes; at most " + std::to_string(most) +
                                              " are taken"));
    }
    auto strings = read_stop(stop);
    if (!strings) {
        return state_->failed(std::move(strings.error()));
    }
    record->generation = std::make_shared<Generation>(state_);
    record->engine->generate(record->id,
                             GenerateParams{.max_tokens = max_tokens,
                                            .min_tokens = record->min_tokens,
                                            .stop = std::move(*strings),
                                            .sampling = record->sampling,
                                            .mask = record->mask},
                             record->generation);
    return REALM_OK;
}

void ContextInterface::next(std::int32_t context, sandbox::Completion completion) {
    const auto record = contexts_->find(context);
    if (!record) {
        completion.resolve(state_->failed(no_such_handle("context", context)));
        return;
    }
    settle(*record);
    if (!record->generation) {
        completion.resolve(state_->failed(
            fail(ErrorType::kConflict, "not_generating", "No generation runs in this context.")
                .error()));
        return;
    }
    if (record->generation->next(std::move(completion))) {
        record->engine->resume(record->id);
    }
}

void ContextInterface::stop(std::int32_t context, sandbox::Completion completion) {
    const auto record = contexts_->find(context);
    if (!record) {
        completion.resolve(state_->failed(no_such_handle("context", context)));
        return;
    }
    settle(*record);
    if (!record->generation) {
        completion.resolve(REALM_OK);
        return;
    }
    record->generation->finish(std::move(completion));
    record->engine->stop_generate(record->id);
}

}  // namespace realm::interfaces
