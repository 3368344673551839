// Dates as JavaScript has them.
#pragma once

#include <utility>

#include "values/object.h"

namespace realm::values {

class DateObject final : public Object {
public:
    DateObject(Ref<Object> prototype, double time) : Object(std::move(prototype)), time_(time) {}
    // Milliseconds since 1970; NaN for an invalid one.
    [[nodiscard]] double time() const { return time_; }
    void set_time(double time) { time_ = time; }
    [[nodiscard]] std::string_view class_name() const override { return "Date"; }

private:
    double time_;
};

}  // namespace realm::values
