// What arrays share with typed arrays: methods that only read elements. Internal.
#pragma once

#include <array>

#include "values/builtin.h"

namespace realm::values {

Eventual<Value> array_at(World& world, Call call);
Eventual<Value> array_every(World& world, Call call);
Eventual<Value> array_filter(World& world, Call call);
Eventual<Value> array_find(World& world, Call call);
Eventual<Value> array_find_index(World& world, Call call);
Eventual<Value> array_find_last(World& world, Call call);
Eventual<Value> array_find_last_index(World& world, Call call);
Eventual<Value> array_flat(World& world, Call call);
Eventual<Value> array_flat_map(World& world, Call call);
Eventual<Value> array_for_each(World& world, Call call);
Eventual<Value> array_includes(World& world, Call call);
Eventual<Value> array_index_of_value(World& world, Call call);
Eventual<Value> array_last_index_of(World& world, Call call);
Eventual<Value> array_map(World& world, Call call);
Eventual<Value> array_reduce(World& world, Call call);
Eventual<Value> array_reduce_right(World& world, Call call);
Eventual<Value> array_some(World& world, Call call);

inline constexpr std::array kSearchMethods{
    MethodSpec{"at", array_at, 1},
    MethodSpec{"every", array_every, 1},
    MethodSpec{"filter", array_filter, 1},
    MethodSpec{"find", array_find, 1},
    MethodSpec{"findIndex", array_find_index, 1},
    MethodSpec{"findLast", array_find_last, 1},
    MethodSpec{"findLastIndex", array_find_last_index, 1},
    MethodSpec{"flat", array_flat, 0},
    MethodSpec{"flatMap", array_flat_map, 1},
    MethodSpec{"forEach", array_for_each, 1},
    MethodSpec{"includes", array_includes, 1},
    MethodSpec{"indexOf", array_index_of_value, 1},
    MethodSpec{"lastIndexOf", array_last_index_of, 1},
    MethodSpec{"map", array_map, 1},
    MethodSpec{"reduce", array_reduce, 1},
    MethodSpec{"reduceRight", array_reduce_right, 1},
    MethodSpec{"some", array_some, 1},
};

}  // namespace realm::values
