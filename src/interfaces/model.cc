#include "interfaces/model.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "base/limit_error.h"
#include "envelope/envelope.h"

namespace realm::interfaces {
namespace {

using inference::Model;
using inference::Token;

std::string to_bytes(std::span<const Token> tokens) {
    const auto bytes = std::as_bytes(tokens);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::vector<inference::ChatMessage>> read_messages(std::string_view text) {
    auto json = envelope::parse_json(text);
    if (!json) {
        return std::unexpected(std::move(json.error()));
    }
    const auto wrong = [] {
        return fail(ErrorType::kInvalidRequest, "invalid_messages",
                    "The messages must be a JSON array of {\"role\": string, \"content\": "
                    "string}.");
    };
    if (!json->is_array()) {
        return wrong();
    }
    std::vector<inference::ChatMessage> messages;
    for (const auto& item : *json) {
        if (!item.is_object() || !item.contains("role") || !item["role"].is_string() ||
            !item.contains("content") || !item["content"].is_string()) {
            return wrong();
        }
        messages.push_back({.role = item["role"].get<std::string>(),
                            .content = item["content"].get<std::string>()});
    }
    return messages;
}

}  // namespace

inference::Engine* ModelDirectory::find(std::string_view name) const {
    if (name.empty()) {
        return engines_.empty() ? nullptr : engines_.front().get();
    }
    const auto found = std::ranges::find_if(
        engines_, [&](const auto& engine) { return engine->model().info().name == name; });
    return found == engines_.end() ? nullptr : found->get();
}

std::int32_t ModelTable::open(inference::Engine& engine) {
    const auto found = std::ranges::find(open_, &engine);
    const auto index = found - open_.begin();
    if (found == open_.end()) {
        open_.push_back(&engine);
    }
    return static_cast<std::int32_t>(index);
}

inference::Engine* ModelTable::find(std::int32_t handle) const {
    if (handle < 0 || static_cast<std::size_t>(handle) >= open_.size()) {
        return nullptr;
    }
    return open_[static_cast<std::size_t>(handle)];
}

Error no_such_handle(std::string_view kind, std::int32_t handle) {
    return fail(ErrorType::kNotFound, "no_such_handle",
                "This instance has no " + std::string(kind) + " with handle " +
                    std::to_string(handle) + ".")
        .error();
}

std::int32_t ModelInterface::open(std::string_view name) {
    constexpr std::size_t kLongestShown = 200;
    inference::Engine* engine = directory_.find(name);
    if (engine == nullptr) {
        name = name.substr(0, kLongestShown);
        return state_->failed({.type = ErrorType::kNotFound,
                               .code = "model_not_found",
                               .message = "The model '" + std::string(name) +
                                          "' does not exist on this server; GET /v1/models lists "
                                          "those that do.",
                               .retryable = false,
                               .retry_after_ms = std::nullopt,
                               .details = {}});
    }
    return table_->open(*engine);
}

std::int32_t ModelInterface::describe(std::int32_t model, sandbox::Out<realm_model_info> info) {
    const inference::Engine* engine = table_->find(model);
    if (engine == nullptr) {
        return state_->failed(no_such_handle("model", model));
    }
    const inference::ModelInfo& known = engine->model().info();
    info.set({.vocabulary_size = known.vocabulary_size,
              .context_length = known.context_length,
              .max_context_tokens = std::min(engine->max_context_tokens(), limits_.context_tokens),
              .has_chat_template = known.has_chat_template ? 1U : 0U});
    return REALM_OK;
}

std::int32_t ModelInterface::name(std::int32_t model, std::span<char> buffer) {
    const inference::Engine* engine = table_->find(model);
    if (engine == nullptr) {
        return state_->failed(no_such_handle("model", model));
    }
    return copy_out(engine->model().info().name, buffer);
}

template <class Work>
void ModelInterface::on_worker(std::int32_t model, std::size_t input_bytes,
                               sandbox::Completion completion, Work work) {
    inference::Engine* engine = table_->find(model);
    if (engine == nullptr) {
        completion.resolve(state_->failed(no_such_handle("model", model)));
        return;
    }
    if (input_bytes > limits_.text_bytes) {
        completion.resolve(state_->failed(
            limit_error({.limit = "text_bytes",
                         .setting = "limits.text_bytes",
                         .value = limits_.text_bytes,
                         .asked = input_bytes},
                        "The input has " + std::to_string(input_bytes) + " bytes; at most " +
                            std::to_string(limits_.text_bytes) + " are taken in one call")));
        return;
    }
    auto shared = std::make_shared<sandbox::Completion>(std::move(completion));
    const bool queued = workers_.submit(
        tenant_, input_bytes,
        [model = engine->shared_model(), state = state_, shared, work = std::move(work)]() mutable {
            Result<Outcome> outcome = work(*model);
            if (!outcome) {
                shared->resolve(state->failed(std::move(outcome.error())));
                return;
            }
            state->set_result(std::move(outcome->bytes));
            shared->resolve(outcome->value);
        });
    if (!queued) {
        shared->resolve(
            state_->failed(fail(ErrorType::kOverloaded, "workers_busy",
                                "Too many texts wait to be tokenised; try again in a moment.")
                               .error()));
    }
}

void ModelInterface::tokenize(std::int32_t model, std::string_view text, std::uint32_t flags,
                              sandbox::Completion completion) {
    const inference::TokenizeOptions options{
        .add_special = (flags & REALM_TOKENIZE_ADD_SPECIAL) != 0,
        .parse_special = (flags & REALM_TOKENIZE_PARSE_SPECIAL) != 0};
    const std::string kept(text.substr(0, limits_.text_bytes));
    on_worker(model, text.size(), std::move(completion),
              [kept, options](const Model& known) -> Result<Outcome> {
                  auto tokens = known.tokenize(kept, options);
                  if (!tokens) {
                      return std::unexpected(std::move(tokens.error()));
                  }
                  return Outcome{.bytes = to_bytes(*tokens),
                                 .value = static_cast<std::int32_t>(tokens->size())};
              });
}

void ModelInterface::detokenize(std::int32_t model, std::span<const std::int32_t> tokens,
                                sandbox::Completion completion) {
    const std::size_t bytes = tokens.size_bytes();
    std::vector<Token> kept;
    if (bytes <= limits_.text_bytes) {
        kept.assign(tokens.begin(), tokens.end());
    }
    on_worker(model, bytes, std::move(completion),
              [kept = std::move(kept)](const Model& known) -> Result<Outcome> {
                  std::string text;
                  for (const Token token : kept) {
                      if (!known.is_token(token)) {
                          return fail(
                              ErrorType::kInvalidRequest, "invalid_token",
                              "Token " + std::to_string(token) + " is not in the vocabulary.");
                      }
                      text += known.token_bytes(token);
                  }
                  const auto length = static_cast<std::int32_t>(text.size());
                  return Outcome{.bytes = std::move(text), .value = length};
              });
}

void ModelInterface::apply_template(std::int32_t model, std::string_view messages,
                                    std::uint32_t add_generation_prompt,
                                    sandbox::Completion completion) {
    const std::string kept(messages.substr(0, limits_.text_bytes));
    on_worker(model, messages.size(), std::move(completion),
              [kept, prompt = add_generation_prompt != 0](const Model& known) -> Result<Outcome> {
                  auto list = read_messages(kept);
                  if (!list) {
                      return std::unexpected(std::move(list.error()));
                  }
                  auto text = known.apply_chat_template(*list, prompt);
                  if (!text) {
                      return std::unexpected(std::move(text.error()));
                  }
                  const auto length = static_cast<std::int32_t>(text->size());
                  return Outcome{.bytes = std::move(*text), .value = length};
              });
}

}  // namespace realm::interfaces
