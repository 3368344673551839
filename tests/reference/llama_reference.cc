// llama_reference MODEL PROMPTS.json [max_tokens]
//
// PROMPTS.json is an array; each element is a string, a prompt with its template applied already,
// or an array of {"role", "content"} messages, to which the model's own template is applied.
// Computes each prompt alone, greedily, in a llama_context of its own with flash attention: the
// prompt in chunks of 512 tokens, then token by token. Prints an array of
// {"tokens": [...], "text": "...", "finish": "stop" or "length", "prompt_tokens": n}.
// It uses llama.cpp directly, so that Realm's answers can be compared with something else.
#include <common/chat.h>
#include <common/log.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kChunk = 512;
constexpr std::size_t kDefaultMaxTokens = 64;

struct Deleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
    void operator()(llama_context* context) const { llama_free(context); }
};

class Reference {
public:
    explicit Reference(const char* path) {
        model_.reset(llama_model_load_from_file(path, llama_model_default_params()));
        if (!model_) {
            throw std::runtime_error(std::string("cannot load ") + path);
        }
        vocabulary_ = llama_model_get_vocab(model_.get());
        templates_ = common_chat_templates_init(model_.get(), "");
    }

    nlohmann::json answer(const nlohmann::json& prompt, std::size_t max_tokens) {
        std::vector<llama_token> tokens =
            tokenize(prompt.is_string() ? prompt.get<std::string>() : apply_template(prompt));
        open(tokens.size() + max_tokens);
        for (std::size_t at = 0; at < tokens.size(); at += kChunk) {
            decode(&tokens[at], std::min(kChunk, tokens.size() - at));
        }
        std::vector<llama_token> chosen;
        std::string text;
        const char* finish = "length";
        while (chosen.size() < max_tokens) {
            llama_token token = largest();
            if (llama_vocab_is_eog(vocabulary_, token)) {
                finish = "stop";
                break;
            }
            chosen.push_back(token);
            text += piece(token);
            if (chosen.size() < max_tokens) {
                decode(&token, 1);
            }
        }
        return {{"tokens", chosen},
                {"text", text},
                {"finish", finish},
                {"prompt_tokens", tokens.size()}};
    }

private:
    std::string apply_template(const nlohmann::json& messages) const {
        common_chat_templates_inputs inputs;
        for (const auto& message : messages) {
            common_chat_msg& copy = inputs.messages.emplace_back();
            copy.role = message.at("role");
            copy.content = message.at("content");
        }
        inputs.force_pure_content = true;
        return common_chat_templates_apply(templates_.get(), inputs).prompt;
    }

    std::vector<llama_token> tokenize(const std::string& text) const {
        std::vector<llama_token> tokens(text.size() + 8);
        const std::int32_t count =
            llama_tokenize(vocabulary_, text.data(), static_cast<std::int32_t>(text.size()),
                           tokens.data(), static_cast<std::int32_t>(tokens.size()), true, true);
        if (count <= 0) {
            throw std::runtime_error("a prompt gives no tokens");
        }
        tokens.resize(static_cast<std::size_t>(count));
        return tokens;
    }

    void open(std::size_t cells) {
        llama_context_params params = llama_context_default_params();
        params.n_ctx = static_cast<std::uint32_t>(cells);
        params.n_batch = kChunk;
        params.n_ubatch = kChunk;
        params.n_threads =
            static_cast<std::int32_t>(std::max(1U, std::thread::hardware_concurrency()));
        params.n_threads_batch = params.n_threads;
        params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
        context_.reset(llama_init_from_model(model_.get(), params));
        if (!context_) {
            throw std::runtime_error("cannot make a context");
        }
    }

    void decode(llama_token* tokens, std::size_t count) {
        if (llama_decode(context_.get(),
                         llama_batch_get_one(tokens, static_cast<std::int32_t>(count))) != 0) {
            throw std::runtime_error("llama_decode failed");
        }
    }

    llama_token largest() const {
        const float* logits = llama_get_logits_ith(context_.get(), -1);
        return static_cast<llama_token>(
            std::max_element(logits, logits + llama_vocab_n_tokens(vocabulary_)) - logits);
    }

    std::string piece(llama_token token) const {
        std::array<char, 256> bytes{};
        const std::int32_t count =
            llama_token_to_piece(vocabulary_, token, bytes.data(), bytes.size(), 0, false);
        return {bytes.data(), static_cast<std::size_t>(std::max(count, 0))};
    }

    std::unique_ptr<llama_model, Deleter> model_;
    std::unique_ptr<llama_context, Deleter> context_;
    const llama_vocab* vocabulary_ = nullptr;
    common_chat_templates_ptr templates_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc > 4) {
        std::cerr << "usage: llama_reference MODEL PROMPTS.json [max_tokens]\n";
        return 2;
    }
    try {
        llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        common_log_set_verbosity_thold(-1);
        llama_backend_init();
        const std::size_t max_tokens = argc == 4 ? std::stoul(argv[3]) : kDefaultMaxTokens;
        std::ifstream file(argv[2]);
        const nlohmann::json prompts = nlohmann::json::parse(file);
        Reference reference(argv[1]);
        nlohmann::json answers = nlohmann::json::array();
        for (const auto& prompt : prompts) {
            answers.push_back(reference.answer(prompt, max_tokens));
        }
        // A text that was cut inside a character is still printed.
        std::cout << answers.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "llama_reference: " << error.what() << '\n';
        return 1;
    }
}
