// A model file in memory: weights, vocabulary, chat template. Loaded once, shared by all tenants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct llama_model;
struct llama_vocab;

namespace realm::inference {

using Token = std::int32_t;

struct ModelInfo {
    std::string name;         // what clients call it, e.g. "smollm2-135m-instruct"
    std::string description;  // of the file: architecture, size, quantisation
    std::filesystem::path path;
    std::uint32_t vocabulary_size = 0;
    std::uint32_t context_length = 0;  // tokens the model was trained for
    std::uint64_t parameters = 0;
    std::uint64_t weight_bytes = 0;
    bool has_chat_template = false;
};

// One message of a conversation, as chat templates take it.
struct ChatMessage {
    std::string role;     // "system", "user", "assistant", ...
    std::string content;  // UTF-8
};

struct TokenizeOptions {
    bool add_special = true;    // a beginning-of-sequence token where the model wants one
    bool parse_special = true;  // text such as <|im_end|> becomes its control token
};

// Immutable after load; every member may be called from any thread at once. tokenize() and
// apply_chat_template() take time that grows with their input: call them on a worker.
class Model {
public:
    // Largest text that tokenize() and apply_chat_template() take, in bytes.
    static constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;

    // Reads the GGUF file at `path`; `name` is what clients will call it. The error says what is
    // wrong with a file that is missing, no GGUF, truncated, corrupt or of an unknown architecture
    // (invalid_request / not_found). Blocks for as long as the file takes to map.
    static Result<std::shared_ptr<const Model>> load(const std::filesystem::path& path,
                                                     std::string name);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    [[nodiscard]] const ModelInfo& info() const { return info_; }

    // invalid_request/text_too_long above kMaxTextBytes.
    [[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view text,
                                                      TokenizeOptions options = {}) const;
    // The bytes a token stands for; control tokens give nothing. Not always whole UTF-8.
    // Out-of-range tokens give an empty string.
    [[nodiscard]] std::string token_bytes(Token token) const;
    [[nodiscard]] bool is_end_of_generation(Token token) const;
    [[nodiscard]] bool is_token(Token token) const;

    // The prompt that the model's own Jinja template makes of `messages`.
    // invalid_request when the file has no template, the template rejects the messages, or they
    // are longer than kMaxTextBytes in all.
    [[nodiscard]] Result<std::string> apply_chat_template(std::span<const ChatMessage> messages,
                                                          bool add_generation_prompt) const;

    // For this folder alone.
    [[nodiscard]] llama_model* native() const;
    [[nodiscard]] const llama_vocab* vocabulary() const;

private:
    struct Impl;
    explicit Model(std::unique_ptr<Impl> impl, ModelInfo info);
    std::unique_ptr<Impl> impl_;
    ModelInfo info_;
};

// Whether models are computed by a GPU that this build of llama.cpp and this machine have.
bool computes_on_gpu();

}  // namespace realm::inference
