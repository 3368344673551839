// llama.cpp's log lines: silent, except that a failed call's reason can be read.
#pragma once

#include <string>
#include <string_view>

namespace realm::inference {

// Keeps the first error, or else the last warning, that llama.cpp logs on this thread while the
// object lives; the innermost object of a thread gets it. Everything else llama.cpp says is
// dropped: it repeats prompts and paths. Must stay on the thread that made it.
class LlamaLogCapture {
public:
    LlamaLogCapture();
    ~LlamaLogCapture();
    LlamaLogCapture(const LlamaLogCapture&) = delete;
    LlamaLogCapture& operator=(const LlamaLogCapture&) = delete;

    // Without the name of llama.cpp's function in front and the line end; `otherwise` when there
    // was none.
    [[nodiscard]] std::string problem(std::string_view otherwise) const;

private:
    friend struct LlamaLogSink;
    LlamaLogCapture* outer_;
    std::string problem_;
    bool has_error_ = false;
};

}  // namespace realm::inference
