// What a call through the bindings of a module costs.
#pragma once

namespace realm::sandbox {

// Microseconds a call, each in one job of many calls.
struct BindgenCosts {
    double call_us = 0;    // f(i32) -> i32
    double string_us = 0;  // f(text of 1 KB) -> the same text
};
BindgenCosts measure_bindgen();

}  // namespace realm::sandbox
