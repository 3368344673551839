#include "inference/tests/test_model.h"

#include <llama.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace realm::inference {
namespace {

std::shared_ptr<const Model> load() {
    const char* path = std::getenv("REALM_TEST_MODEL");
    if (path == nullptr || *path == '\0') {
        std::cerr << "REALM_TEST_MODEL is not set: it must name the default model's .gguf file "
                     "(`realm pull` fetches it)\n";
        std::exit(1);
    }
    auto model = Model::load(path, "smollm2-135m-instruct");
    if (!model) {
        std::cerr << "REALM_TEST_MODEL: " << model.error().message << '\n';
        std::exit(1);
    }
    return *model;
}

}  // namespace

const std::shared_ptr<const Model>& test_model() {
    static const std::shared_ptr<const Model> kModel = load();
    return kModel;
}

std::vector<Token> question_tokens(std::string_view question) {
    const std::vector<ChatMessage> messages = {
        {.role = "system", .content = "You are a helpful assistant."},
        {.role = "user", .content = std::string(question)}};
    return test_model()
        ->tokenize(test_model()->apply_chat_template(messages, true).value())
        .value();
}

std::vector<Token> text_tokens(std::size_t count) {
    std::string text;
    std::vector<Token> tokens;
    for (int i = 0; tokens.size() < count; ++i) {
        text += "Chapter " + std::to_string(i) + ": the river passed house number " +
                std::to_string(i * 7919 % 1000) + " and went on towards the sea. ";
        tokens = test_model()->tokenize(text).value();
    }
    tokens.resize(count);
    return tokens;
}

std::uint32_t test_threads() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1 ? 1 : 2;
}

void PlainLlama::Deleter::operator()(llama_context* context) const {
    llama_free(context);
}

PlainLlama::PlainLlama(std::uint32_t cells) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = cells;
    params.n_batch = 512;
    params.n_ubatch = 512;
    params.n_seq_max = 1;
    params.n_threads = static_cast<std::int32_t>(test_threads());
    params.n_threads_batch = params.n_threads;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    context_.reset(llama_init_from_model(test_model()->native(), params));
}

PlainLlama::~PlainLlama() = default;

void PlainLlama::decode(std::vector<Token> tokens) {
    if (llama_decode(context_.get(), llama_batch_get_one(tokens.data(), static_cast<std::int32_t>(
                                                                            tokens.size()))) != 0) {
        throw std::runtime_error("llama_decode failed");
    }
}

Token PlainLlama::best() const {
    const float* logits = llama_get_logits_ith(context_.get(), -1);
    return static_cast<Token>(
        std::max_element(logits, logits + test_model()->info().vocabulary_size) - logits);
}

void PlainLlama::decode_in_chunks(const std::vector<Token>& tokens, std::size_t chunk) {
    for (std::size_t at = 0; at < tokens.size(); at += chunk) {
        const std::size_t end = std::min(tokens.size(), at + chunk);
        decode({tokens.begin() + static_cast<std::ptrdiff_t>(at),
                tokens.begin() + static_cast<std::ptrdiff_t>(end)});
    }
}

std::vector<float> PlainLlama::logits_after(const std::vector<Event>& history) {
    llama_memory_t memory = llama_get_memory(context_.get());
    llama_memory_clear(memory, true);
    for (const Event& event : history) {
        if (event.cut_to) {
            llama_memory_seq_rm(memory, 0, static_cast<llama_pos>(*event.cut_to), -1);
        } else {
            decode_in_chunks(event.tokens, event.together ? 512 : 1);
        }
    }
    const float* logits = llama_get_logits_ith(context_.get(), -1);
    return {logits, logits + test_model()->info().vocabulary_size};
}

std::vector<Token> PlainLlama::greedy(const std::vector<Token>& prompt, std::size_t max_tokens,
                                      std::size_t chunk) {
    llama_memory_clear(llama_get_memory(context_.get()), true);
    decode_in_chunks(prompt, chunk);
    std::vector<Token> tokens;
    while (tokens.size() < max_tokens) {
        const Token token = best();
        if (test_model()->is_end_of_generation(token)) {
            break;
        }
        tokens.push_back(token);
        decode({token});
    }
    return tokens;
}

}  // namespace realm::inference
