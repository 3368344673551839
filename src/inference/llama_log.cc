#include "inference/llama_log.h"

#include <common/log.h>
#include <llama.h>

namespace realm::inference {

// The callback's only way to the caller: llama.cpp has one callback for the whole process and its
// user data cannot tell the threads apart.
struct LlamaLogSink {
    static LlamaLogCapture*& innermost() {
        static thread_local LlamaLogCapture* capture = nullptr;
        return capture;
    }

    static void write(ggml_log_level level, const char* text, void* /*unused*/) noexcept {
        if (LlamaLogCapture* capture = innermost();
            capture != nullptr && (level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR)) {
            capture->problem_ = text;
        }
    }
};

LlamaLogCapture::LlamaLogCapture() : outer_(LlamaLogSink::innermost()) {
    static const bool installed = [] {
        llama_log_set(LlamaLogSink::write, nullptr);
        common_log_set_verbosity_thold(-1);
        return true;
    }();
    static_cast<void>(installed);
    LlamaLogSink::innermost() = this;
}

LlamaLogCapture::~LlamaLogCapture() {
    LlamaLogSink::innermost() = outer_;
}

std::string LlamaLogCapture::last_problem(std::string_view otherwise) const {
    std::string_view text = problem_;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    const std::size_t colon = text.find(": ");
    if (colon != std::string_view::npos && text.find(' ') > colon) {
        text.remove_prefix(colon + 2);
    }
    return std::string(text.empty() ? otherwise : text);
}

}  // namespace realm::inference
