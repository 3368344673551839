#include "inference/model.h"

#include <common/chat.h>
#include <fmt/format.h>
#include <llama.h>

#include <array>
#include <exception>
#include <utility>

#include "inference/gguf_check.h"
#include "inference/llama_log.h"

namespace realm::inference {
namespace {

struct ModelDeleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
};

std::unexpected<Error> too_long(std::size_t bytes) {
    return fail(
        ErrorType::kInvalidRequest, "text_too_long",
        fmt::format("the text has {} bytes, at most {} are taken", bytes, Model::kMaxTextBytes));
}

void start_backend_once() {
    static const bool kStarted = [] {
        llama_backend_init();
        return true;
    }();
    static_cast<void>(kStarted);
}

std::string describe(const llama_model* model) {
    std::array<char, 128> text{};
    llama_model_desc(model, text.data(), text.size());
    return text.data();
}

}  // namespace

struct Model::Impl {
    std::unique_ptr<llama_model, ModelDeleter> model;
    const llama_vocab* vocabulary = nullptr;
    common_chat_templates_ptr templates;  // none where the file has no template
};

Model::Model(std::unique_ptr<Impl> impl, ModelInfo info)
    : impl_(std::move(impl)), info_(std::move(info)) {}

Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::load(const std::filesystem::path& path,
                                                 std::string name) {
    if (auto checked = check_gguf(path); !checked) {
        return std::unexpected(checked.error());
    }
    start_backend_once();
    const LlamaLogCapture log;
    const auto broken = [&path](std::string_view reason) {
        return fail(ErrorType::kInvalidRequest, "model_file_invalid",
                    fmt::format("model file '{}' cannot be loaded: {}", path.string(), reason));
    };
    try {
        auto impl = std::make_unique<Impl>();
        llama_model_params params = llama_model_default_params();
        params.check_tensors = true;
        impl->model.reset(llama_model_load_from_file(path.c_str(), params));
        if (!impl->model) {
            return broken(log.problem("llama.cpp gave no reason"));
        }
        const llama_model* model = impl->model.get();
        impl->vocabulary = llama_model_get_vocab(model);
        if (llama_vocab_n_tokens(impl->vocabulary) <= 0 || llama_model_n_ctx_train(model) <= 0) {
            return broken("it has no vocabulary or no context");
        }
        const bool has_template = llama_model_chat_template(model, nullptr) != nullptr;
        if (has_template) {
            impl->templates = common_chat_templates_init(model, "");
        }
        ModelInfo info{
            .name = std::move(name),
            .description = describe(model),
            .path = path,
            .vocabulary_size = static_cast<std::uint32_t>(llama_vocab_n_tokens(impl->vocabulary)),
            .context_length = static_cast<std::uint32_t>(llama_model_n_ctx_train(model)),
            .parameters = llama_model_n_params(model),
            .weight_bytes = llama_model_size(model),
            .has_chat_template = has_template};
        return std::shared_ptr<const Model>(new Model(std::move(impl), std::move(info)));
    } catch (const std::exception& error) {
        return broken(error.what());
    }
}

Result<std::vector<Token>> Model::tokenize(std::string_view text, TokenizeOptions options) const {
    if (text.size() > kMaxTextBytes) {
        return too_long(text.size());
    }
    const auto length = static_cast<std::int32_t>(text.size());
    // One token a byte and a few special ones is the usual bound; llama.cpp says when it is not.
    std::vector<Token> tokens(text.size() + 8);
    try {
        for (;;) {
            const std::int32_t count =
                llama_tokenize(impl_->vocabulary, text.data(), length, tokens.data(),
                               static_cast<std::int32_t>(tokens.size()), options.add_special,
                               options.parse_special);
            if (count >= 0) {
                tokens.resize(static_cast<std::size_t>(count));
                tokens.shrink_to_fit();
                return tokens;
            }
            if (count == INT32_MIN) {
                return too_long(text.size());
            }
            tokens.resize(static_cast<std::size_t>(-static_cast<std::int64_t>(count)));
        }
    } catch (const std::exception& error) {
        return fail(ErrorType::kInvalidRequest, "tokenize_failed",
                    fmt::format("the text could not be tokenised: {}", error.what()));
    }
}

std::string Model::token_bytes(Token token) const {
    if (!is_token(token)) {
        return {};
    }
    std::array<char, 64> buffer{};
    std::int32_t count =
        llama_token_to_piece(impl_->vocabulary, token, buffer.data(), buffer.size(), 0, false);
    if (count >= 0) {
        return {buffer.data(), static_cast<std::size_t>(count)};
    }
    std::string longer(static_cast<std::size_t>(-count), '\0');
    count = llama_token_to_piece(impl_->vocabulary, token, longer.data(),
                                 static_cast<std::int32_t>(longer.size()), 0, false);
    longer.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return longer;
}

bool Model::is_end_of_generation(Token token) const {
    return is_token(token) && llama_vocab_is_eog(impl_->vocabulary, token);
}

bool Model::is_token(Token token) const {
    return token >= 0 && static_cast<std::uint32_t>(token) < info_.vocabulary_size;
}

Result<std::string> Model::apply_chat_template(std::span<const ChatMessage> messages,
                                               bool add_generation_prompt) const {
    if (!impl_->templates) {
        return fail(ErrorType::kInvalidRequest, "no_chat_template",
                    fmt::format("model '{}' has no chat template", info_.name));
    }
    if (messages.empty()) {
        return fail(ErrorType::kInvalidRequest, "no_messages", "there are no messages");
    }
    std::size_t bytes = 0;
    common_chat_templates_inputs inputs;
    for (const ChatMessage& message : messages) {
        bytes += message.role.size() + message.content.size();
        if (bytes > kMaxTextBytes) {
            return too_long(bytes);
        }
        common_chat_msg& copy = inputs.messages.emplace_back();
        copy.role = message.role;
        copy.content = message.content;
    }
    inputs.add_generation_prompt = add_generation_prompt;
    inputs.use_jinja = true;
    // The template's own words alone: no parser for the answer is built, which would cost more than
    // the template itself.
    inputs.force_pure_content = true;
    try {
        return common_chat_templates_apply(impl_->templates.get(), inputs).prompt;
    } catch (const std::exception& error) {
        return fail(ErrorType::kInvalidRequest, "chat_template_failed",
                    fmt::format("the chat template of model '{}' rejects the messages: {}",
                                info_.name, error.what()));
    }
}

llama_model* Model::native() const {
    return impl_->model.get();
}

const llama_vocab* Model::vocabulary() const {
    return impl_->vocabulary;
}

bool computes_on_gpu() {
    return llama_supports_gpu_offload();
}

}  // namespace realm::inference
