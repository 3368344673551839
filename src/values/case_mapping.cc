#include "values/case_mapping.h"

#include <array>

namespace realm::values {

namespace {

// Capital letters first...last whose small ones lie `distance` further; with `step` 2 capitals and
// small letters take turns.
struct CaseRange {
    char32_t first;
    char32_t last;
    char32_t distance;
    char32_t step;
};

// Unicode's simple mappings, put together.
constexpr std::array kRanges{
    CaseRange{0x41, 0x5A, 32, 1},       CaseRange{0xC0, 0xD6, 32, 1},
    CaseRange{0xD8, 0xDE, 32, 1},       CaseRange{0x100, 0x12E, 1, 2},
    CaseRange{0x132, 0x136, 1, 2},      CaseRange{0x139, 0x147, 1, 2},
    CaseRange{0x14A, 0x176, 1, 2},      CaseRange{0x179, 0x17D, 1, 2},
    CaseRange{0x1CD, 0x1DB, 1, 2},      CaseRange{0x1DE, 0x1EE, 1, 2},
    CaseRange{0x1F8, 0x21E, 1, 2},      CaseRange{0x222, 0x232, 1, 2},
    CaseRange{0x386, 0x386, 38, 1},     CaseRange{0x388, 0x38A, 37, 1},
    CaseRange{0x38C, 0x38C, 64, 1},     CaseRange{0x38E, 0x38F, 63, 1},
    CaseRange{0x391, 0x3A1, 32, 1},     CaseRange{0x3A3, 0x3AB, 32, 1},
    CaseRange{0x400, 0x40F, 80, 1},     CaseRange{0x410, 0x42F, 32, 1},
    CaseRange{0x460, 0x480, 1, 2},      CaseRange{0x48A, 0x4BE, 1, 2},
    CaseRange{0x4C1, 0x4CD, 1, 2},      CaseRange{0x4D0, 0x52E, 1, 2},
    CaseRange{0x531, 0x556, 48, 1},     CaseRange{0x1E00, 0x1E94, 1, 2},
    CaseRange{0x1EA0, 0x1EFE, 1, 2},    CaseRange{0x2160, 0x216F, 16, 1},
    CaseRange{0x24B6, 0x24CF, 26, 1},   CaseRange{0xFF21, 0xFF3A, 32, 1},
    CaseRange{0x10400, 0x10427, 40, 1},
};

bool is_letter(char32_t point) {
    return to_lower(point) != point || to_upper(point) != point;
}

// Sigma has another small form at the end of a word.
bool ends_word(const String& text, std::size_t index) {
    return index > 0 && is_letter(text.at(index - 1)) &&
           (index + 1 >= text.length() || !is_letter(text.at(index + 1)));
}

}  // namespace

char32_t to_lower(char32_t point) {
    if (point == 0x178) {
        return 0xFF;
    }
    for (const CaseRange& range : kRanges) {
        if (point >= range.first && point <= range.last &&
            (point - range.first) % range.step == 0) {
            return point + range.distance;
        }
    }
    return point;
}

char32_t to_upper(char32_t point) {
    switch (point) {
        case 0xFF:
            return 0x178;
        case 0xB5:
            return 0x39C;
        case 0x131:
            return 'I';
        case 0x17F:
            return 'S';
        case 0x3C2:
            return 0x3A3;
        default:
            break;
    }
    for (const CaseRange& range : kRanges) {
        if (point >= range.first + range.distance && point <= range.last + range.distance &&
            (point - range.first - range.distance) % range.step == 0) {
            return point - range.distance;
        }
    }
    return point;
}

Ref<String> to_lower(Heap& heap, const String& text) {
    TextBuilder out;
    for (std::size_t i = 0; i < text.length(); ++i) {
        const char32_t point = text.code_point_at(i);
        if (point == 0x130) {
            out.add(u'i');
            out.add(char16_t{0x307});
        } else if (point == 0x3A3 && ends_word(text, i)) {
            out.add(char16_t{0x3C2});
        } else {
            out.add_code_point(to_lower(point));
        }
        i += point >= 0x10000 ? 1 : 0;
    }
    return out.make(heap);
}

Ref<String> to_upper(Heap& heap, const String& text) {
    TextBuilder out;
    for (std::size_t i = 0; i < text.length(); ++i) {
        const char32_t point = text.code_point_at(i);
        if (point == 0xDF) {
            out.add("SS");
        } else {
            out.add_code_point(to_upper(point));
        }
        i += point >= 0x10000 ? 1 : 0;
    }
    return out.make(heap);
}

}  // namespace realm::values
