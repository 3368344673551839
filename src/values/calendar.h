// The proleptic Gregorian calendar in milliseconds since 1970, as ECMAScript counts time. UTC
// alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace realm::values {

struct CivilTime {
    double year = 1970;
    double month = 0;  // 0 to 11
    double day = 1;
    double hour = 0;
    double minute = 0;
    double second = 0;
    double millisecond = 0;
};

CivilTime civil_time(double time);
int week_day(double time);  // 0 is Sunday
// Fields beyond their ranges are carried over; NaN for what is no time.
double time_of(const CivilTime& civil);
// NaN beyond 100 million days from 1970.
double time_clip(double time);

std::string iso_text(double time);          // 2024-05-06T07:08:09.010Z
std::string date_text(double time);         // Mon May 06 2024
std::string time_text(double time);         // 07:08:09 GMT+0000 (Coordinated Universal Time)
std::string utc_text(double time);          // Mon, 06 May 2024 07:08:09 GMT
std::string locale_date_text(double time);  // 5/6/2024
std::string locale_time_text(double time);  // 7:08:09 AM

// Date.parse: ISO 8601 as ECMAScript has it, and the forms that toString and toUTCString give. NaN
// for anything else.
double parse_time(std::string_view text);

}  // namespace realm::values
