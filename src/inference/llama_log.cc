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
        LlamaLogCapture* capture = innermost();
        const bool error = level == GGML_LOG_LEVEL_ERROR;
        // The first error says the most; those that follow say that the caller failed too.
        if (capture != nullptr && !capture->has_error_ && (error || level == GGML_LOG_LEVEL_WARN)) {
            capture->problem_ = text;
            capture->has_error_ = error;
        }
    }
};

LlamaLogCapture::LlamaLogCapture() : outer_(LlamaLogSink::innermost()) {
    static const bool kInstalled = [] {
        llama_log_set(LlamaLogSink::write, nullptr);
        common_log_set_verbosity_thold(-1);
        return true;
    }();
    static_cast<void>(kInstalled);
    LlamaLogSink::innermost() = this;
}

LlamaLogCapture::~LlamaLogCapture() {
    LlamaLogSink::innermost() = outer_;
}

std::string LlamaLogCapture::problem(std::string_view otherwise) const {
    std::string_view text = problem_;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    const std::size_t colon = text.find(": ");
    if (colon != std::string_view::npos && text.find(' ') > colon) {
        text.remove_prefix(colon + 2);
    }
    if (constexpr std::string_view kPreface = "error loading model: "; text.starts_with(kPreface)) {
        text.remove_prefix(kPreface.size());
    }
    return std::string(text.empty() ? otherwise : text);
}

}  // namespace realm::inference
