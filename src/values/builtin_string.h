// Methods of strings that build others of them. Internal.
#pragma once

#include <array>
#include <string_view>

#include "values/builtin.h"

namespace realm::values {

// `this` as text: "String.prototype.trim called on null or undefined".
Eventual<Ref<String>> this_text(World& world, Value self, std::string_view method);

Eventual<Value> string_pad_end(World& world, Call call);
Eventual<Value> string_pad_start(World& world, Call call);
Eventual<Value> string_repeat(World& world, Call call);
Eventual<Value> string_replace(World& world, Call call);
Eventual<Value> string_replace_all(World& world, Call call);
Eventual<Value> string_split(World& world, Call call);
Eventual<Value> string_trim(World& world, Call call);
Eventual<Value> string_trim_end(World& world, Call call);
Eventual<Value> string_trim_start(World& world, Call call);

inline constexpr std::array kBuildingMethods{
    MethodSpec{"padEnd", string_pad_end, 1},
    MethodSpec{"padStart", string_pad_start, 1},
    MethodSpec{"repeat", string_repeat, 1},
    MethodSpec{"replace", string_replace, 2},
    MethodSpec{"replaceAll", string_replace_all, 2},
    MethodSpec{"split", string_split, 2},
    MethodSpec{"trim", string_trim, 0},
    MethodSpec{"trimEnd", string_trim_end, 0},
    MethodSpec{"trimStart", string_trim_start, 0},
};

}  // namespace realm::values
