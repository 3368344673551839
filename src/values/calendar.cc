#include "values/calendar.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

namespace realm::values {

namespace {

constexpr double kDay = 86'400'000;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<std::string_view, 7> kWeekDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Days from 1970 to a date whose years begin in March, so that the leap day is their last.
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
    year -= month < 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t shifted = month + (month > 1 ? -2 : 10);
    const std::int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
    const std::int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
    std::array<char, 64> out{};
    const int size = std::snprintf(out.data(), out.size(), pattern, arguments...);
    return {out.data(), static_cast<std::size_t>(size)};
}

int whole(double number) {
    return static_cast<int>(number);
}

std::string year_text(double year) {
    return year < 0 ? format("-%06d", whole(-year)) : format("%04d", whole(year));
}

}  // namespace

CivilTime civil_time(double time) {
    const double days = std::floor(time / kDay);
    double rest = time - days * kDay;
    const auto shifted = static_cast<std::int64_t>(days) + 719'468;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
    const std::int64_t day_of_era = shifted - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;
    const std::int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
    CivilTime out;
    out.day = static_cast<double>(day);
    out.month = static_cast<double>(month < 10 ? month + 2 : month - 10);
    out.year = static_cast<double>(year_of_era + era * 400) + (out.month < 2 ? 1 : 0);
    out.hour = std::floor(rest / 3'600'000);
    rest -= out.hour * 3'600'000;
    out.minute = std::floor(rest / 60'000);
    rest -= out.minute * 60'000;
    out.second = std::floor(rest / 1000);
    out.millisecond = rest - out.second * 1000;
    return out;
}

int week_day(double time) {
    const double days = std::floor(time / kDay);
    const double day = std::fmod(days + 4, 7);
    return whole(day < 0 ? day + 7 : day);
}

double time_of(const CivilTime& civil) {
    for (const double field : {civil.year, civil.month, civil.day, civil.hour, civil.minute,
                               civil.second, civil.millisecond}) {
        if (!std::isfinite(field)) {
            return kNaN;
        }
    }
    const double month = std::trunc(civil.month);
    const double year = std::trunc(civil.year) + std::floor(month / 12);
    if (std::abs(year) > 400'000) {
        return kNaN;
    }
    const double of_year = month - 12 * std::floor(month / 12);
    const auto days = static_cast<double>(
        days_from_civil(static_cast<std::int64_t>(year), static_cast<std::int64_t>(of_year), 1));
    return (days + std::trunc(civil.day) - 1) * kDay + std::trunc(civil.hour) * 3'600'000 +
           std::trunc(civil.minute) * 60'000 + std::trunc(civil.second) * 1000 +
           std::trunc(civil.millisecond);
}

double time_clip(double time) {
    return std::abs(time) <= 8.64e15 ? std::trunc(time) + 0.0 : kNaN;
}

std::string iso_text(double time) {
    const CivilTime at = civil_time(time);
    const std::string year =
        at.year < 0 || at.year > 9999
            ? format("%c%06d", at.year < 0 ? '-' : '+', whole(std::abs(at.year)))
            : format("%04d", whole(at.year));
    return year + format("-%02d-%02dT%02d:%02d:%02d.%03dZ", whole(at.month) + 1, whole(at.day),
                         whole(at.hour), whole(at.minute), whole(at.second), whole(at.millisecond));
}

std::string date_text(double time) {
    const CivilTime at = civil_time(time);
    return std::string(kWeekDays.at(static_cast<std::size_t>(week_day(time)))) + " " +
           std::string(kMonths.at(static_cast<std::size_t>(at.month))) +
           format(" %02d ", whole(at.day)) + year_text(at.year);
}

std::string time_text(double time) {
    const CivilTime at = civil_time(time);
    return format("%02d:%02d:%02d GMT+0000 (Coordinated Universal Time)", whole(at.hour),
                  whole(at.minute), whole(at.second));
}

std::string utc_text(double time) {
    const CivilTime at = civil_time(time);
    return std::string(kWeekDays.at(static_cast<std::size_t>(week_day(time)))) +
           format(", %02d ", whole(at.day)) +
           std::string(kMonths.at(static_cast<std::size_t>(at.month))) + " " + year_text(at.year) +
           format(" %02d:%02d:%02d GMT", whole(at.hour), whole(at.minute), whole(at.second));
}

std::string locale_date_text(double time) {
    const CivilTime at = civil_time(time);
    return format("%d/%d/%d", whole(at.month) + 1, whole(at.day), whole(at.year));
}

std::string locale_time_text(double time) {
    const CivilTime at = civil_time(time);
    const int hour = whole(at.hour);
    return format("%d:%02d:%02d %s", hour % 12 == 0 ? 12 : hour % 12, whole(at.minute),
                  whole(at.second), hour < 12 ? "AM" : "PM");
}

namespace {

class TimeReader {
public:
    explicit TimeReader(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    bool take(char wanted) {
        if (at_ < text_.size() && text_[at_] == wanted) {
            ++at_;
            return true;
        }
        return false;
    }
    // So many digits, no more and no fewer.
    std::optional<double> digits(std::size_t count) {
        if (text_.size() - at_ < count) {
            return std::nullopt;
        }
        double out = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const char c = text_[at_ + i];
            if (c < '0' || c > '9') {
                return std::nullopt;
            }
            out = out * 10 + (c - '0');
        }
        at_ += count;
        return out;
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

bool read_into(TimeReader& reader, double& field, std::size_t count, double least, double most) {
    const auto number = reader.digits(count);
    if (!number || *number < least || *number > most) {
        return false;
    }
    field = *number;
    return true;
}

bool read_year(TimeReader& reader, CivilTime& out) {
    const bool is_negative = reader.take('-');
    if (is_negative || reader.take('+')) {
        if (!read_into(reader, out.year, 6, 0, 999'999) || (is_negative && out.year == 0)) {
            return false;
        }
        out.year = is_negative ? -out.year : out.year;
        return true;
    }
    return read_into(reader, out.year, 4, 0, 9999);
}

// Minutes to the east; nothing for what is no offset.
std::optional<double> read_offset(TimeReader& reader) {
    if (reader.take('Z')) {
        return 0;
    }
    const bool is_west = reader.take('-');
    double hours = 0;
    double minutes = 0;
    if ((!is_west && !reader.take('+')) || !read_into(reader, hours, 2, 0, 23)) {
        return std::nullopt;
    }
    (void)reader.take(':');
    if (!read_into(reader, minutes, 2, 0, 59)) {
        return std::nullopt;
    }
    return (hours * 60 + minutes) * (is_west ? -1 : 1);
}

bool read_clock(TimeReader& reader, CivilTime& out) {
    if (!read_into(reader, out.hour, 2, 0, 24) || !reader.take(':') ||
        !read_into(reader, out.minute, 2, 0, 59)) {
        return false;
    }
    if (reader.take(':')) {
        if (!read_into(reader, out.second, 2, 0, 59)) {
            return false;
        }
        if (reader.take('.') || reader.take(',')) {
            double scale = 100;
            auto digit = reader.digits(1);
            if (!digit) {
                return false;
            }
            for (; digit; digit = reader.digits(1)) {
                out.millisecond += *digit * scale;
                scale /= 10;
            }
            out.millisecond = std::floor(out.millisecond + 1e-9);
        }
    }
    return out.hour < 24 || (out.minute == 0 && out.second == 0 && out.millisecond == 0);
}

double parse_iso(std::string_view text) {
    TimeReader reader(text);
    CivilTime out;
    double month = 1;
    if (!read_year(reader, out)) {
        return kNaN;
    }
    if (reader.take('-')) {
        if (!read_into(reader, month, 2, 1, 12)) {
            return kNaN;
        }
        if (reader.take('-') && !read_into(reader, out.day, 2, 1, 31)) {
            return kNaN;
        }
    }
    out.month = month - 1;
    double offset = 0;
    if (reader.take('T') || reader.take(' ') || reader.take('t')) {
        if (!read_clock(reader, out)) {
            return kNaN;
        }
        if (!reader.at_end()) {
            const auto east = read_offset(reader);
            if (!east) {
                return kNaN;
            }
            offset = *east;
        }
    }
    return reader.at_end() ? time_of(out) - offset * 60'000 : kNaN;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" ,"), text.size());
        if (end > 0) {
            words.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

std::optional<double> month_of(std::string_view word) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
        if (word.starts_with(kMonths[i])) {
            return static_cast<double>(i);
        }
    }
    return std::nullopt;
}

std::optional<double> number_of(std::string_view word) {
    TimeReader reader(word);
    return word.size() <= 6 ? reader.digits(word.size()) : std::nullopt;
}

// "Mon May 06 2024 07:08:09 GMT+0000 (...)", "Mon, 06 May 2024 07:08:09 GMT", "May 6, 2024".
double parse_words(std::string_view text) {
    CivilTime out;
    double offset = 0;
    bool has_month = false;
    std::vector<double> numbers;
    for (const std::string_view word : words_of(text.substr(0, text.find('(')))) {
        if (const auto month = month_of(word)) {
            out.month = *month;
            has_month = true;
        } else if (const auto number = number_of(word)) {
            numbers.push_back(*number);
        } else if (word.find(':') != std::string_view::npos) {
            TimeReader reader(word);
            if (!read_clock(reader, out) || !reader.at_end()) {
                return kNaN;
            }
        } else if (word.starts_with("GMT") || word.starts_with("UTC") || word == "Z") {
            TimeReader reader(word.substr(std::min<std::size_t>(3, word.size())));
            const auto east = reader.at_end() ? std::optional(0.0) : read_offset(reader);
            if (!east) {
                return kNaN;
            }
            offset = *east;
        } else if (word.size() < 3 ||
                   std::string_view("SunMonTueWedThuFriSat").find(word.substr(0, 3)) ==
                       std::string_view::npos) {
            return kNaN;
        }
    }
    if (!has_month || numbers.size() != 2 || numbers[0] < 1 || numbers[0] > 31) {
        return kNaN;
    }
    out.day = numbers[0];
    out.year = numbers[1];
    return time_of(out) - offset * 60'000;
}

}  // namespace

double parse_time(std::string_view text) {
    const double iso = parse_iso(text);
    return time_clip(std::isnan(iso) ? parse_words(text) : iso);
}

}  // namespace realm::values
