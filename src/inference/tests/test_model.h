// The real model for tests, and what plain llama.cpp makes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inference/engine.h"
#include "inference/model.h"

struct llama_context;

namespace realm::inference {

// The model at REALM_TEST_MODEL, loaded once in a process. Without the variable, or without a model
// there, the test program ends with a message: a test is never skipped.
const std::shared_ptr<const Model>& test_model();

// `question` as the user's message, with the system message that suits the default model.
std::vector<Token> question_tokens(std::string_view question);

// At least `count` tokens of ordinary text, cut to exactly that many.
std::vector<Token> text_tokens(std::size_t count);

// Threads to compute with: two, or one where this process has a single processor.
std::uint32_t test_threads();

// One sequence in a llama_context of its own: prompt in chunks, then token by token.
class PlainLlama {
public:
    explicit PlainLlama(std::uint32_t cells = 2048);
    ~PlainLlama();
    PlainLlama(const PlainLlama&) = delete;
    PlainLlama& operator=(const PlainLlama&) = delete;

    // Greedy tokens after `prompt` on a fresh sequence, without the one that ends the generation.
    std::vector<Token> greedy(const std::vector<Token>& prompt, std::size_t max_tokens,
                              std::size_t chunk = 512);

    // How a sequence came to be: tokens computed together or one by one, and truncations.
    struct Event {
        std::vector<Token> tokens = {};
        bool together = true;                      // in chunks of 512
        std::optional<std::uint32_t> cut_to = {};  // instead of tokens
    };
    // The logits after the last token when all of it is done on a fresh sequence.
    std::vector<float> logits_after(const std::vector<Event>& history);

private:
    void decode_in_chunks(const std::vector<Token>& tokens, std::size_t chunk);
    void decode(std::vector<Token> tokens);
    Token best() const;

    struct Deleter {
        void operator()(llama_context* context) const;
    };
    std::unique_ptr<llama_context, Deleter> context_;
};

}  // namespace realm::inference
