// Date. Local time is UTC.
#include <array>
#include <cmath>
#include <limits>

#include "values/builtin_specs.h"
#include "values/calendar.h"
#include "values/date_object.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Completion<DateObject*> date_of(World& world, const Value& self) {
    if (auto* const date = self.as<DateObject>()) {
        return date;
    }
    return world.type_error("this is not a Date object.");
}

constexpr std::array kFields{&CivilTime::year,       &CivilTime::month,  &CivilTime::day,
                             &CivilTime::hour,       &CivilTime::minute, &CivilTime::second,
                             &CivilTime::millisecond};

// Year, month and so on, as the constructor and Date.UTC take them.
Eventual<double> time_of_arguments(World& world, Call call) {
    CivilTime civil;
    for (std::size_t i = 0; i < std::min(kFields.size(), call.arguments.size()); ++i) {
        const double field = co_await to_number(world, call.arguments[i]);
        civil.*kFields.at(i) = field;
    }
    const double year = std::trunc(civil.year);
    if (year >= 0 && year <= 99) {
        civil.year = 1900 + year;
    }
    co_return time_clip(time_of(civil));
}

Eventual<Value> construct_date(World& world, Call call) {
    double time = world.services().wall_ms();
    if (!call.constructs()) {
        co_return world.string(date_text(time) + " " + time_text(time));
    }
    if (call.arguments.size() > 1) {
        time = co_await time_of_arguments(world, call);
    } else if (call.arguments.size() == 1) {
        Value value = call.arguments[0];
        if (const auto* const other = value.as<DateObject>()) {
            time = other->time();
        } else {
            value = co_await to_primitive(world, value, Hint::kDefault);
            if (value.is_string()) {
                time = parse_time(value.string().utf8());
            } else {
                const double number = co_await to_number(world, value);
                time = time_clip(number);
            }
        }
    }
    co_return Value(world.heap().make<DateObject>(world.prototype_for(call, Builtin::kDate), time));
}

Eventual<Value> now(World& world, Call /*call*/) {
    return Value(world.services().wall_ms());
}

Eventual<Value> utc(World& world, Call call) {
    const double time = co_await time_of_arguments(world, std::move(call));
    co_return Value(time);
}

Eventual<Value> parse(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_return Value(parse_time(text->utf8()));
}

// --- The prototype -------------------------------------------------------------------------------

Eventual<Value> get_time(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    co_return Value(date->time());
}

template <std::size_t kField>
Eventual<Value> get_field(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    co_return Value(std::isnan(date->time()) ? kNaN : civil_time(date->time()).*kFields.at(kField));
}

Eventual<Value> get_day(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    co_return Value(std::isnan(date->time()) ? kNaN : static_cast<double>(week_day(date->time())));
}

Eventual<Value> get_year(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    co_return Value(std::isnan(date->time()) ? kNaN : civil_time(date->time()).year - 1900);
}

Eventual<Value> time_zone_offset(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    co_return Value(std::isnan(date->time()) ? kNaN : 0.0);
}

Eventual<Value> set_time(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    const double time = co_await to_number(world, call.argument(0));
    date->set_time(time_clip(time));
    co_return Value(date->time());
}

// Sets fields from kField on, at most kCount of them.
template <std::size_t kField, std::size_t kCount>
Eventual<Value> set_fields(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    double time = date->time();
    std::array<double, kCount> fields{};
    for (std::size_t i = 0; i < kCount && (i == 0 || i < call.arguments.size()); ++i) {
        const double field = co_await to_number(world, call.argument(i));
        fields.at(i) = field;
    }
    if (std::isnan(time) && kField != 0) {
        co_return Value(kNaN);
    }
    CivilTime civil = civil_time(std::isnan(time) ? 0 : time);
    for (std::size_t i = 0; i < kCount && (i == 0 || i < call.arguments.size()); ++i) {
        civil.*kFields.at(kField + i) = fields.at(i);
    }
    date->set_time(time_clip(time_of(civil)));
    co_return Value(date->time());
}

template <std::string (*kWrite)(double)>
Eventual<Value> written(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    co_return world.string(std::isnan(date->time()) ? "Invalid Date" : kWrite(date->time()));
}

std::string full_text(double time) {
    return date_text(time) + " " + time_text(time);
}
std::string locale_text(double time) {
    return locale_date_text(time) + ", " + locale_time_text(time);
}

Eventual<Value> to_iso(World& world, Call call) {
    DateObject* const date = co_await date_of(world, call.self);
    if (std::isnan(date->time())) {
        co_return world.range_error("Invalid time value");
    }
    co_return world.string(iso_text(date->time()));
}

Eventual<Value> to_json(World& world, Call call) {
    const Ref<Object> object = co_await to_object(world, call.self);
    const Value self(object);
    const Value primitive = co_await to_primitive(world, self, Hint::kNumber);
    if (primitive.is_number() && !std::isfinite(primitive.number())) {
        co_return Value::null();
    }
    co_return co_await invoke(world, self, world.names().to_iso_string, {});
}

Eventual<Value> as_primitive(World& world, Call call) {
    if (!call.self.is_object()) {
        co_return world.type_error("Date.prototype[Symbol.toPrimitive] called on non-object");
    }
    const Value& hint = call.argument(0);
    const bool is_number = hint.is_string() && hint.string().equals("number");
    if (!is_number && !(hint.is_string() &&
                        (hint.string().equals("string") || hint.string().equals("default")))) {
        co_return world.type_error("Invalid hint: " + describe(world, hint));
    }
    const Names& names = world.names();
    for (const bool text : {!is_number, is_number}) {
        const Value method =
            co_await get(world, call.self, text ? names.to_string : names.value_of);
        if (is_callable(method)) {
            Value result = co_await values::call(world, method, call.self, {});
            if (!result.is_object()) {
                co_return result;
            }
        }
    }
    co_return world.type_error("Cannot convert object to primitive value");
}

constexpr std::array kStatics{MethodSpec{"now", now, 0}, MethodSpec{"parse", parse, 1},
                              MethodSpec{"UTC", utc, 7}};

constexpr std::array kMethods{
    MethodSpec{"getDate", get_field<2>, 0},
    MethodSpec{"getDay", get_day, 0},
    MethodSpec{"getFullYear", get_field<0>, 0},
    MethodSpec{"getHours", get_field<3>, 0},
    MethodSpec{"getMilliseconds", get_field<6>, 0},
    MethodSpec{"getMinutes", get_field<4>, 0},
    MethodSpec{"getMonth", get_field<1>, 0},
    MethodSpec{"getSeconds", get_field<5>, 0},
    MethodSpec{"getTime", get_time, 0},
    MethodSpec{"getTimezoneOffset", time_zone_offset, 0},
    MethodSpec{"getUTCDate", get_field<2>, 0},
    MethodSpec{"getUTCDay", get_day, 0},
    MethodSpec{"getUTCFullYear", get_field<0>, 0},
    MethodSpec{"getUTCHours", get_field<3>, 0},
    MethodSpec{"getUTCMilliseconds", get_field<6>, 0},
    MethodSpec{"getUTCMinutes", get_field<4>, 0},
    MethodSpec{"getUTCMonth", get_field<1>, 0},
    MethodSpec{"getUTCSeconds", get_field<5>, 0},
    MethodSpec{"getYear", get_year, 0},
    MethodSpec{"setDate", set_fields<2, 1>, 1},
    MethodSpec{"setFullYear", set_fields<0, 3>, 3},
    MethodSpec{"setHours", set_fields<3, 4>, 4},
    MethodSpec{"setMilliseconds", set_fields<6, 1>, 1},
    MethodSpec{"setMinutes", set_fields<4, 3>, 3},
    MethodSpec{"setMonth", set_fields<1, 2>, 2},
    MethodSpec{"setSeconds", set_fields<5, 2>, 2},
    MethodSpec{"setTime", set_time, 1},
    MethodSpec{"setUTCDate", set_fields<2, 1>, 1},
    MethodSpec{"setUTCFullYear", set_fields<0, 3>, 3},
    MethodSpec{"setUTCHours", set_fields<3, 4>, 4},
    MethodSpec{"setUTCMilliseconds", set_fields<6, 1>, 1},
    MethodSpec{"setUTCMinutes", set_fields<4, 3>, 3},
    MethodSpec{"setUTCMonth", set_fields<1, 2>, 2},
    MethodSpec{"setUTCSeconds", set_fields<5, 2>, 2},
    MethodSpec{"toDateString", written<date_text>, 0},
    MethodSpec{"toISOString", to_iso, 0},
    MethodSpec{"toJSON", to_json, 1},
    MethodSpec{"toLocaleDateString", written<locale_date_text>, 0},
    MethodSpec{"toLocaleString", written<locale_text>, 0},
    MethodSpec{"toLocaleTimeString", written<locale_time_text>, 0},
    MethodSpec{"toString", written<full_text>, 0},
    MethodSpec{"toTimeString", written<time_text>, 0},
    MethodSpec{"toUTCString", written<utc_text>, 0},
    MethodSpec{"valueOf", get_time, 0},
    MethodSpec{"@@toPrimitive", as_primitive, 1},
};

}  // namespace

constinit const BuiltinSpec kDateSpec{.name = "Date",
                                      .construct = construct_date,
                                      .length = 7,
                                      .methods = kMethods,
                                      .statics = kStatics};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
