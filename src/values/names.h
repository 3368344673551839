// Keys that our own code looks for, made once.
#pragma once

#include "values/key.h"

namespace realm::values {

struct Names {
    explicit Names(Heap& heap);

    PropertyKey length, prototype, constructor, name, message, stack, cause, errors;
    PropertyKey value, done, next, return_key, then, get, set, writable, enumerable, configurable;
    PropertyKey to_string, value_of, to_json, index, raw, to_iso_string, status, reason, size, has,
        keys;

    PropertyKey iterator, async_iterator, to_string_tag, to_primitive, has_instance, species;
    PropertyKey is_concat_spreadable, unscopables;
    Ref<Symbol> symbols[8];  // those of the two lines above, in that order
};

}  // namespace realm::values
