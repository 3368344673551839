#include "interfaces/wasi_lines.h"

#include <algorithm>

namespace realm::interfaces {
namespace {

// `at` or, where that lies inside of a character, the character's begin.
std::size_t cut_before(std::string_view text, std::size_t at) {
    constexpr std::size_t kLongestCharacter = 4;
    const auto continues = [&](std::size_t place) {
        return (static_cast<unsigned char>(text[place]) & 0xc0U) == 0x80U;
    };
    std::size_t begin = at;
    while (begin > 0 && begin + kLongestCharacter > at + 1 && continues(begin)) {
        --begin;
    }
    return begin > 0 && !continues(begin) ? begin : at;
}

}  // namespace

WasiLines::~WasiLines() {
    flush();
}

void WasiLines::write(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::size_t taken = std::min(end, kLongestLine + 1 - line_.size());
        line_.append(text.substr(0, taken));
        text.remove_prefix(taken);
        if (line_.size() > kLongestLine) {
            const std::size_t cut = cut_before(line_, kLongestLine);
            log_.write(level_, std::string_view(line_).substr(0, cut));
            line_.erase(0, cut);
        } else if (!text.empty()) {
            text.remove_prefix(1);
            log_.write(level_, line_);
            line_.clear();
        }
    }
}

void WasiLines::flush() {
    if (!line_.empty()) {
        log_.write(level_, line_);
        line_.clear();
    }
}

}  // namespace realm::interfaces
