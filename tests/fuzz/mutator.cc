#include "tests/fuzz/mutator.h"

#include <array>
#include <string_view>

namespace realm::fuzz {
namespace {

using namespace std::string_view_literals;

// Numbers at the borders of their types, little-endian and LEB128.
constexpr std::array kBorders{"\x00"sv,
                              "\x7f"sv,
                              "\x80"sv,
                              "\xff"sv,
                              "\xff\xff\xff\xff"sv,
                              "\xff\xff\xff\x7f"sv,
                              "\x00\x00\x00\x80"sv,
                              "\xff\xff\xff\xff\x0f"sv,
                              "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv};

}  // namespace

std::string Mutator::next() {
    std::string input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) {
        change(input);
    }
    return input;
}

void Mutator::change(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const std::string& other = corpus_[below(corpus_.size())];
    const std::size_t from = below(other.size() + 1);
    switch (below(6)) {
        case 0:
            input.insert(at, 1, static_cast<char>(below(256)));
            break;
        case 1:
            input.erase(at, 1 + below(8));
            break;
        case 2:
            if (at < input.size()) {
                input[at] =
                    static_cast<char>(static_cast<unsigned char>(input[at]) ^ (1U << below(8)));
            }
            break;
        case 3: {
            const std::string_view border = kBorders[below(kBorders.size())];
            input.replace(at, border.size(), border);
            break;
        }
        case 4:
            input.insert(at, other, from, 1 + below(64));
            break;
        default:
            input.insert(at, input.substr(below(input.size() + 1), 1 + below(64)));
            break;
    }
}

}  // namespace realm::fuzz
