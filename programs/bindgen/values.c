/* Values of every kind in and out: numbers, characters, options, arrays, arrays of the host's
 * values, arrays that are written back. */
#include "abi.h"

enum { NONE_SMALL = 0xFFFFFF };

EXPORT(echo) text echo(char* bytes, uint32_t length) {
    return (text){bytes, length};
}

EXPORT(next_char) uint32_t next_char(uint32_t code) {
    return code + 1;
}

EXPORT(negate_i8) int32_t negate_i8(int32_t value) {
    return (int8_t)-value;
}

EXPORT(high_u32) uint32_t high_u32(uint32_t value) {
    return value | 0x80000000u;
}

EXPORT(negate_i64) int64_t negate_i64(int64_t value) {
    return (int64_t)(0 - (uint64_t)value);
}

EXPORT(high_u64) uint64_t high_u64(uint64_t value) {
    return value | (uint64_t)1 << 63;
}

typedef struct {
    uint64_t low;
    uint64_t high;
} wide;

EXPORT(negate_i128) wide negate_i128(uint64_t low, uint64_t high) {
    const unsigned __int128 value = -((unsigned __int128)high << 64 | low);
    return (wide){(uint64_t)value, (uint64_t)(value >> 64)};
}

EXPORT(high_u128) wide high_u128(uint64_t low, uint64_t high) {
    return (wide){low, high | (uint64_t)1 << 63};
}

/* Options that fit one word: the number that no value has stands for none. */
EXPORT(option_bool) uint32_t option_bool(uint32_t value) {
    return value == NONE_SMALL ? NONE_SMALL : !value;
}

EXPORT(option_u8) uint32_t option_u8(uint32_t value) {
    return value == NONE_SMALL || value == 255 ? NONE_SMALL : value + 1;
}

EXPORT(option_char) uint32_t option_char(uint32_t code) {
    return code == NONE_SMALL || code == 'z' ? NONE_SMALL : code + 1;
}

#ifdef REFS
/* One double, 2^53 - 1 for none. */
static const double kNone = 9007199254740991.0;

EXPORT(option_i32) double option_i32(double value) {
    return value == kNone || value == 0 ? kNone : (double)(int32_t)(0 - (uint32_t)(int32_t)value);
}

EXPORT(option_u32) double option_u32(double value) {
    return value == kNone || value == 0 ? kNone : (double)((uint32_t)value | 0x80000000u);
}

EXPORT(option_f32) double option_f32(double value) {
    return value == kNone || value == 0 ? kNone : (double)((float)value / 2);
}
#else
typedef struct {
    uint32_t some;
    int32_t value;
} maybe_i32;

typedef struct {
    uint32_t some;
    float value;
} maybe_f32;

EXPORT(option_i32) maybe_i32 option_i32(uint32_t some, int32_t value) {
    return some && value != 0 ? (maybe_i32){1, (int32_t)(0 - (uint32_t)value)} : (maybe_i32){0, 0};
}

EXPORT(option_u32) maybe_i32 option_u32(uint32_t some, uint32_t value) {
    return some && value != 0 ? (maybe_i32){1, (int32_t)(value | 0x80000000u)} : (maybe_i32){0, 0};
}

EXPORT(option_f32) maybe_f32 option_f32(uint32_t some, float value) {
    return some && value != 0 ? (maybe_f32){1, value / 2} : (maybe_f32){0, 0};
}
#endif

typedef struct {
    uint32_t some;
    double value;
} maybe_f64;

typedef struct {
    uint32_t some;
    int64_t value;
} maybe_i64;

EXPORT(option_f64) maybe_f64 option_f64(uint32_t some, double value) {
    return some && value != 0 ? (maybe_f64){1, value / 2} : (maybe_f64){0, 0};
}

EXPORT(option_i64) maybe_i64 option_i64(uint32_t some, int64_t value) {
    return some && value != 0 ? (maybe_i64){1, (int64_t)(0 - (uint64_t)value)} : (maybe_i64){0, 0};
}

EXPORT(option_u64) maybe_i64 option_u64(uint32_t some, int64_t value) {
    return some && value != 0 ? (maybe_i64){1, value | INT64_MIN} : (maybe_i64){0, 0};
}

/* None for none and for the empty text. */
EXPORT(option_text) text option_text(char* bytes, uint32_t length) {
    if (bytes != NULL && length == 0) {
        release(bytes);
        bytes = NULL;
    }
    return (text){bytes, length};
}

/* Twice each element, in a new array. */
#define DOUBLE(name, type)                                         \
    typedef struct {                                               \
        type* items;                                               \
        uint32_t length;                                           \
    } array_##type;                                                \
    EXPORT(name) array_##type name(type* items, uint32_t length) { \
        type* made = allocate(length * sizeof(type));              \
        for (uint32_t i = 0; i < length; ++i) {                    \
            made[i] = (type)(items[i] * 2);                        \
        }                                                          \
        release(items);                                            \
        return (array_##type){made, length};                       \
    }
DOUBLE(double_u8, uint8_t)
DOUBLE(double_i8, int8_t)
DOUBLE(double_u16, uint16_t)
DOUBLE(double_i32, int32_t)
DOUBLE(double_u64, uint64_t)
DOUBLE(double_f32, float)
DOUBLE(double_f64, double)

#ifdef REFS
IMPORT(__wbg___wbindgen_copy_to_typed_array_33fbd71146904370)
#else
IMPORT(__wbindgen_copy_to_typed_array)
#endif
void write_back(const void* bytes, uint32_t length, ref array);

/* &mut [f32]: the caller's array is written back and given up. */
EXPORT(negate_f32) void negate_f32(float* items, uint32_t length, ref array) {
    for (uint32_t i = 0; i < length; ++i) {
        items[i] = -items[i];
    }
    const slot kept = keep(array);
    write_back(items, length * sizeof(float), peek(kept));
    drop(kept);
    release(items);
}

typedef struct {
    slot* items;
    uint32_t length;
} slots;

/* Vec<String> out: the text cut at each comma. */
EXPORT(split) slots split(char* bytes, uint32_t length) {
    slot* items = allocate((length + 1) * sizeof(slot));
    uint32_t count = 0;
    uint32_t start = 0;
    for (uint32_t i = 0; i <= length; ++i) {
        if (i == length || bytes[i] == ',') {
            items[count++] = value_of_text((text){bytes + start, i - start});
            start = i + 1;
        }
    }
    release(bytes);
    return (slots){items, count};
}

/* Vec<String> in, put together with commas; an element that is no text is an error. */
EXPORT(join) result_text join(slot* items, uint32_t length) {
    char joined[1024];
    uint32_t size = 0;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < length; ++i) {
        const text part = text_of_value(items[i]);
        if (part.bytes == NULL) {
            ++wrong;
        } else {
            if (size + part.length + 1 <= sizeof(joined)) {
                if (i != 0) {
                    joined[size++] = ',';
                }
                __builtin_memcpy(joined + size, part.bytes, part.length);
                size += part.length;
            }
            release(part.bytes);
        }
        drop(items[i]);
    }
    release(items);
    if (wrong != 0) {
        return (result_text){NULL, 0, error_of("array contains a value of the wrong type"), 1};
    }
    const text made = text_of(joined, size);
    return (result_text){made.bytes, made.length, 0, 0};
}

/* Vec<JsValue> in and out. */
EXPORT(reverse) slots reverse(slot* items, uint32_t length) {
    for (uint32_t i = 0; i < length / 2; ++i) {
        const slot other = items[length - 1 - i];
        items[length - 1 - i] = items[i];
        items[i] = other;
    }
    return (slots){items, length};
}

/* Option<Vec<f64>>. */
EXPORT(option_f64s) array_double option_f64s(double* items, uint32_t length) {
    if (items != NULL) {
        items[0] = length;
    }
    return (array_double){items, items == NULL ? 0 : length};
}

/* A string enum: a number inside, its text outside, one more for any other text. */
EXPORT(lighter) uint32_t lighter(uint32_t shade) {
    return shade < 2 ? shade + 1 : shade;
}
