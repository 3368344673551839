// raw_decode MODEL REQUEST.json THREADS
//
// The peer of single_stream_vs_raw_decode: llama_decode in a loop and the largest logit, nothing
// else. Takes `messages` and `max_tokens` from a chat completions body and prints
// {"tokens", "tokens_per_second", "text"}. The time runs from the first token to the last.
#include <fmt/format.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// As the server computes prompts.
constexpr std::size_t kChunk = 512;

struct Deleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
    void operator()(llama_context* context) const { llama_free(context); }
};

class RawModel {
public:
    RawModel(const char* path, std::int32_t threads, std::uint32_t cells) {
        model_.reset(llama_model_load_from_file(path, llama_model_default_params()));
        if (!model_) {
            throw std::runtime_error(fmt::format("cannot load {}", path));
        }
        vocabulary_ = llama_model_get_vocab(model_.get());
        llama_context_params params = llama_context_default_params();
        params.n_ctx = cells;
        params.n_batch = kChunk;
        params.n_ubatch = kChunk;
        params.n_threads = threads;
        params.n_threads_batch = threads;
        params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
        params.no_perf = true;
        context_.reset(llama_init_from_model(model_.get(), params));
        if (!context_) {
            throw std::runtime_error("cannot make a context");
        }
    }

    [[nodiscard]] std::vector<llama_token> prompt(const nlohmann::json& messages) const {
        std::vector<std::string> texts;
        for (const auto& message : messages) {
            texts.push_back(message.at("role"));
            texts.push_back(message.at("content"));
        }
        std::vector<llama_chat_message> chat;
        for (std::size_t i = 0; i < texts.size(); i += 2) {
            chat.push_back({texts[i].c_str(), texts[i + 1].c_str()});
        }
        std::string text(kMostPromptBytes, '\0');
        const std::int32_t length = llama_chat_apply_template(
            llama_model_chat_template(model_.get(), nullptr), chat.data(), chat.size(), true,
            text.data(), static_cast<std::int32_t>(text.size()));
        std::vector<llama_token> tokens(text.size());
        const std::int32_t count =
            llama_tokenize(vocabulary_, text.data(), length, tokens.data(),
                           static_cast<std::int32_t>(tokens.size()), true, true);
        if (length <= 0 || count <= 0) {
            throw std::runtime_error("the messages give no prompt");
        }
        tokens.resize(static_cast<std::size_t>(count));
        return tokens;
    }

    void decode(llama_token* tokens, std::size_t count) {
        if (llama_decode(context_.get(),
                         llama_batch_get_one(tokens, static_cast<std::int32_t>(count))) != 0) {
            throw std::runtime_error("llama_decode failed");
        }
    }

    [[nodiscard]] llama_token largest() const {
        const float* logits = llama_get_logits_ith(context_.get(), -1);
        return static_cast<llama_token>(
            std::max_element(logits, logits + llama_vocab_n_tokens(vocabulary_)) - logits);
    }

    [[nodiscard]] bool ends(llama_token token) const {
        return llama_vocab_is_eog(vocabulary_, token);
    }

    [[nodiscard]] std::string text(llama_token token) const {
        std::array<char, 256> bytes{};
        const std::int32_t count =
            llama_token_to_piece(vocabulary_, token, bytes.data(), bytes.size(), 0, false);
        return {bytes.data(), static_cast<std::size_t>(std::max(count, 0))};
    }

private:
    static constexpr std::size_t kMostPromptBytes = 65'536;

    std::unique_ptr<llama_model, Deleter> model_;
    std::unique_ptr<llama_context, Deleter> context_;
    const llama_vocab* vocabulary_ = nullptr;
};

nlohmann::json measure(RawModel& model, const nlohmann::json& request) {
    const std::size_t max_tokens = request.at("max_tokens");
    std::vector<llama_token> tokens = model.prompt(request.at("messages"));
    for (std::size_t at = 0; at < tokens.size(); at += kChunk) {
        model.decode(&tokens[at], std::min(kChunk, tokens.size() - at));
    }
    std::vector<llama_token> chosen;
    Clock::time_point first;
    Clock::time_point last;
    while (chosen.size() < max_tokens) {
        llama_token token = model.largest();
        if (model.ends(token)) {
            break;
        }
        last = Clock::now();
        first = chosen.empty() ? last : first;
        chosen.push_back(token);
        if (chosen.size() < max_tokens) {
            model.decode(&token, 1);
        }
    }
    std::string text;
    for (const llama_token token : chosen) {
        text += model.text(token);
    }
    const std::chrono::duration<double> seconds = last - first;
    return {{"tokens", chosen.size()},
            {"tokens_per_second", static_cast<double>(chosen.size() - 1) / seconds.count()},
            {"text", text}};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fmt::print(stderr, "usage: raw_decode MODEL REQUEST.json THREADS\n");
        return 2;
    }
    try {
        llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
        llama_backend_init();
        std::ifstream file(argv[2]);
        const nlohmann::json request = nlohmann::json::parse(file);
        constexpr std::uint32_t kCells = 2048;
        RawModel model(argv[1], std::stoi(argv[3]), kCells);
        fmt::print(
            "{}\n",
            measure(model, request).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "raw_decode: {}\n", error.what());
        return 1;
    }
}
