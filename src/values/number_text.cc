// Numbers to text and back, laid out as JavaScript has it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "values/convert.h"

namespace realm::values {

namespace {

// White space and line ends, as trim() has them.
bool is_space(char16_t unit) {
    return unit == ' ' || (unit >= 9 && unit <= 13) || unit == 0xA0 || unit == 0x1680 ||
           (unit >= 0x2000 && unit <= 0x200A) || unit == 0x2028 || unit == 0x2029 ||
           unit == 0x202F || unit == 0x205F || unit == 0x3000 || unit == 0xFEFF;
}

std::string named(double number) {
    return std::isnan(number) ? "NaN" : (number < 0 ? "-Infinity" : "Infinity");
}

struct Decimal {
    std::string digits;  // without a point, the first not 0
    int point = 0;       // how many digits stand before the point
};

Decimal shortest(double magnitude) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                                   std::chars_format::scientific);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
    const std::size_t e = text.find('e');
    Decimal out;
    out.digits = text[0];
    if (e > 1) {
        out.digits += text.substr(2, e - 2);
    }
    int exponent = 0;
    const std::size_t from = text[e + 1] == '+' ? e + 2 : e + 1;
    std::from_chars(text.data() + from, text.data() + text.size(), exponent);
    out.point = exponent + 1;
    return out;
}

std::string exponent_text(int exponent) {
    return (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
}

std::string printed(const char* format, int precision, double number) {
    std::string out(1500, '\0');
    const int size = std::snprintf(out.data(), out.size(), format, precision, number);
    out.resize(static_cast<std::size_t>(size));
    return out;
}

// snprintf rounds ties to even; JavaScript takes the larger magnitude. A tie's decimals end there,
// so the number that is one unit in the last place larger rounds the way we want.
std::string rounded(const char* format, int precision, double magnitude) {
    const std::string exact = printed(format, precision + 1, magnitude);
    const std::size_t e = exact.find('e');
    const char last = exact[(e == std::string::npos ? exact.size() : e) - 1];
    if (last == '5' && std::strtod(exact.c_str(), nullptr) == magnitude) {
        const std::string longer = printed(format, 1000, magnitude);
        const std::size_t end = std::min(longer.find('e'), longer.size());
        const std::size_t zeros = longer.find('.') + 2 + static_cast<std::size_t>(precision);
        if (longer.find_first_not_of('0', zeros) >= end) {
            return printed(format, precision,
                           std::nextafter(magnitude, std::numeric_limits<double>::infinity()));
        }
    }
    return printed(format, precision, magnitude);
}

double parse_radix_digits(std::string_view digits, int radix) {
    if (digits.empty()) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    double out = 0;
    for (const char c : digits) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'z' ? c - 'a' + 10
                          : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                                 : 99;
        if (digit >= radix) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        out = out * radix + digit;
    }
    return out;
}

// The longest beginning that is a decimal number; how long it is.
std::size_t decimal_length(std::string_view text) {
    std::size_t at = 0;
    const auto digits = [&] {
        const std::size_t from = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
            ++at;
        }
        return at - from;
    };
    const std::size_t whole = digits();
    std::size_t fraction = 0;
    if (at < text.size() && text[at] == '.') {
        ++at;
        fraction = digits();
    }
    if (whole + fraction == 0) {
        return 0;
    }
    const std::size_t without_exponent = at;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
            ++at;
        }
        if (digits() == 0) {
            return without_exponent;
        }
    }
    return at;
}

double parse_decimal(std::string_view text) {
    double out = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
    if (end.ec == std::errc::result_out_of_range) {
        return std::strtod(std::string(text).c_str(), nullptr);
    }
    return out;
}

// Without white space around; empty where there is something that no number has.
std::optional<std::string> trimmed(const String& text, bool whole) {
    std::size_t from = 0;
    std::size_t to = text.length();
    while (from < to && is_space(text.at(from))) {
        ++from;
    }
    while (to > from && is_space(text.at(to - 1))) {
        --to;
    }
    std::string out;
    for (; from < to; ++from) {
        const char16_t unit = text.at(from);
        if (unit >= 0x80) {
            return whole ? std::nullopt : std::optional(out);
        }
        out.push_back(static_cast<char>(unit));
    }
    return out;
}

}  // namespace

std::string number_to_text(double number) {
    if (!std::isfinite(number)) {
        return named(number);
    }
    if (number == 0) {
        return "0";
    }
    std::string out = number < 0 ? "-" : "";
    const double magnitude = std::abs(number);
    if (magnitude < 4294967296.0 && std::trunc(magnitude) == magnitude) {
        return out + std::to_string(static_cast<std::uint32_t>(magnitude));
    }
    const auto [digits, point] = shortest(magnitude);
    const int count = static_cast<int>(digits.size());
    if (count <= point && point <= 21) {
        return out + digits + std::string(static_cast<std::size_t>(point - count), '0');
    }
    if (0 < point && point <= 21) {
        const auto whole = static_cast<std::size_t>(point);
        return out + digits.substr(0, whole) + "." + digits.substr(whole);
    }
    if (-6 < point && point <= 0) {
        return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
    }
    out += digits[0];
    if (count > 1) {
        out += "." + digits.substr(1);
    }
    return out + exponent_text(point - 1);
}

// Digits until they tell the number from its neighbours, as V8 does it.
std::string number_to_text(double number, int radix) {
    if (radix == 10 || !std::isfinite(number)) {
        return number_to_text(number);
    }
    constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
    const double magnitude = std::abs(number);
    double whole = std::floor(magnitude);
    double fraction = magnitude - whole;
    double delta =
        0.5 * (std::nextafter(magnitude, std::numeric_limits<double>::infinity()) - magnitude);
    delta = std::max(std::nextafter(0.0, 1.0), delta);
    std::string decimals;
    if (fraction >= delta) {
        do {
            fraction *= radix;
            delta *= radix;
            const auto digit = static_cast<std::size_t>(fraction);
            decimals += kDigits[digit];
            fraction -= static_cast<double>(digit);
            if ((fraction > 0.5 || (fraction == 0.5 && (digit & 1U) != 0)) &&
                fraction + delta > 1) {
                // Rounded up, with what is carried over.
                while (true) {
                    if (decimals.empty()) {
                        whole += 1;
                        break;
                    }
                    const std::size_t last = kDigits.find(decimals.back());
                    decimals.pop_back();
                    if (last + 1 < static_cast<std::size_t>(radix)) {
                        decimals += kDigits[last + 1];
                        break;
                    }
                }
                break;
            }
        } while (fraction >= delta);
    }
    std::string out;
    // Beyond 2^53 the lowest digits are unknown and written as 0.
    while (std::ilogb(whole) > 52 && whole > 0) {
        out += '0';
        whole /= radix;
    }
    do {
        const double digit = std::fmod(whole, radix);
        out += kDigits[static_cast<std::size_t>(digit)];
        whole = std::floor((whole - digit) / radix);
    } while (whole > 0);
    if (number < 0) {
        out += '-';
    }
    std::ranges::reverse(out);
    return decimals.empty() ? out : out + "." + decimals;
}

std::string number_to_fixed(double number, int digits) {
    if (!std::isfinite(number) || std::abs(number) >= 1e21) {
        return number_to_text(number);
    }
    const std::string text = rounded("%.*f", digits, std::abs(number));
    const bool is_negative = number < 0;
    return (is_negative ? "-" : "") + text;
}

std::string number_to_exponential(double number, std::optional<int> digits) {
    if (!std::isfinite(number)) {
        return named(number);
    }
    const std::string sign = number < 0 ? "-" : "";
    const double magnitude = std::abs(number);
    if (!digits && magnitude != 0) {
        const auto [all, point] = shortest(magnitude);
        return sign + all[0] + (all.size() > 1 ? "." + all.substr(1) : "") +
               exponent_text(point - 1);
    }
    const std::string text = rounded("%.*e", digits.value_or(0), magnitude);
    const std::size_t e = text.find('e');
    return sign + text.substr(0, e) + exponent_text(std::atoi(text.c_str() + e + 1));
}

std::string number_to_precision(double number, int digits) {
    if (!std::isfinite(number)) {
        return named(number);
    }
    const std::string sign = number < 0 ? "-" : "";
    const std::string text = rounded("%.*e", digits - 1, std::abs(number));
    const std::size_t e = text.find('e');
    const int exponent = std::atoi(text.c_str() + e + 1);
    std::string mantissa = text.substr(0, e);
    if (exponent < -6 || exponent >= digits) {
        return sign + mantissa + exponent_text(exponent);
    }
    std::erase(mantissa, '.');
    if (exponent >= digits - 1) {
        return sign + mantissa;
    }
    if (exponent >= 0) {
        const auto whole = static_cast<std::size_t>(exponent) + 1;
        return sign + mantissa.substr(0, whole) + "." + mantissa.substr(whole);
    }
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + mantissa;
}

double text_to_number(const String& text) {
    const auto digits = trimmed(text, true);
    if (!digits) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    std::string_view rest = *digits;
    if (rest.empty()) {
        return 0;
    }
    if (rest.size() > 2 && rest[0] == '0') {
        const char mark = static_cast<char>(rest[1] | 0x20);
        const int radix = mark == 'x' ? 16 : (mark == 'o' ? 8 : (mark == 'b' ? 2 : 0));
        if (radix != 0) {
            return parse_radix_digits(rest.substr(2), radix);
        }
    }
    const bool is_negative = rest[0] == '-';
    if (rest[0] == '-' || rest[0] == '+') {
        rest.remove_prefix(1);
    }
    double out = std::numeric_limits<double>::quiet_NaN();
    if (rest == "Infinity") {
        out = std::numeric_limits<double>::infinity();
    } else if (!rest.empty() && decimal_length(rest) == rest.size()) {
        out = parse_decimal(rest);
    }
    return is_negative ? -out : out;
}

double parse_float(const String& text) {
    const std::string digits = *trimmed(text, false);
    std::string_view rest = digits;
    const bool is_negative = rest.starts_with('-');
    if (rest.starts_with('-') || rest.starts_with('+')) {
        rest.remove_prefix(1);
    }
    double out = std::numeric_limits<double>::quiet_NaN();
    if (rest.starts_with("Infinity")) {
        out = std::numeric_limits<double>::infinity();
    } else if (const std::size_t size = decimal_length(rest)) {
        out = parse_decimal(rest.substr(0, size));
    }
    return is_negative ? -out : out;
}

double parse_int(const String& text, std::int32_t radix) {
    const std::string digits = *trimmed(text, false);
    std::string_view rest = digits;
    const bool is_negative = rest.starts_with('-');
    if (rest.starts_with('-') || rest.starts_with('+')) {
        rest.remove_prefix(1);
    }
    if (radix != 0 && (radix < 2 || radix > 36)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if ((radix == 0 || radix == 16) && (rest.starts_with("0x") || rest.starts_with("0X"))) {
        rest.remove_prefix(2);
        radix = 16;
    }
    radix = radix == 0 ? 10 : radix;
    std::size_t size = 0;
    while (size < rest.size() && !std::isnan(parse_radix_digits(rest.substr(size, 1), radix))) {
        ++size;
    }
    rest = rest.substr(0, size);
    const double out =
        radix == 10 && size > 15 ? parse_decimal(rest) : parse_radix_digits(rest, radix);
    return is_negative ? -out : out;
}

std::int32_t to_int32(double number) {
    if (std::abs(number) < 2147483648.0) [[likely]] {
        return static_cast<std::int32_t>(number);
    }
    if (!std::isfinite(number)) {
        return 0;
    }
    double wrapped = std::fmod(std::trunc(number), 4294967296.0);
    if (wrapped < 0) {
        wrapped += 4294967296.0;
    }
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(wrapped));
}

double to_integer(double number) {
    return std::isnan(number) ? 0.0 : std::trunc(number) + 0.0;
}

std::size_t clamp_index(double relative, std::size_t length) {
    const auto size = static_cast<double>(length);
    const double index = relative < 0 ? std::max(size + relative, 0.0) : std::min(relative, size);
    return static_cast<std::size_t>(index);
}

}  // namespace realm::values
