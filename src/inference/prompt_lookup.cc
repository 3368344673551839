#include "inference/prompt_lookup.h"

#include <algorithm>

namespace realm::inference {
namespace {

constexpr std::size_t kLookBack = 16'384;
// More agreement says no more.
constexpr std::size_t kLongestMatch = 16;

// How many tokens before `end` agree with those at the end of all.
std::size_t agreeing(std::span<const Token> tokens, std::size_t end) {
    const std::size_t most = std::min(end, kLongestMatch);
    std::size_t count = 0;
    while (count < most && tokens[end - 1 - count] == tokens[tokens.size() - 1 - count]) {
        ++count;
    }
    return count;
}

}  // namespace

std::vector<Token> look_up(std::span<const Token> tokens, std::size_t most) {
    tokens = tokens.last(std::min(tokens.size(), kLookBack));
    std::size_t best = 0;
    std::size_t best_end = 0;
    for (std::size_t end = tokens.empty() ? 0 : tokens.size() - 1; end > best; --end) {
        if (tokens[end - 1] == tokens.back() && agreeing(tokens, end) > best) {
            best = agreeing(tokens, end);
            best_end = end;
            if (best == kLongestMatch) {
                break;
            }
        }
    }
    std::vector<Token> drafted;
    for (std::size_t i = 0; best >= kLeastMatch && i < most; ++i) {
        const std::size_t at = best_end + i;
        drafted.push_back(at < tokens.size() ? tokens[at] : drafted[at - tokens.size()]);
    }
    return drafted;
}

}  // namespace realm::inference
