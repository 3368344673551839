/* A class: constructor that can fail, fields, static and other methods, objects that arguments
 * borrow or consume, arrays of objects; and every way in which an export fails. */
#include "abi.h"

typedef struct {
    double x;
    double y;
    text label;
    uint32_t borrowed;
} point;

#ifdef REFS
IMPORT(__wbg_point_new) ref wrap_point(point*);
IMPORT(__wbg_point_unwrap) point* unwrap_point(ref);
#else
IMPORT(__wbg_point_new) ref wrap_point(point*);
IMPORT(__wbg_point_unwrap) point* unwrap_point(ref);
#endif

static point* make(double x, double y) {
    point* made = allocate(sizeof(point));
    *made = (point){x, y, text_of("point", 5), 0};
    return made;
}

static void destroy(point* self) {
    release(self->label.bytes);
    release(self);
}

static result_word failed(const char* message) {
    return (result_word){0, error_of(message), 1};
}

static result_word made(point* self) {
    return (result_word){(uint32_t)(uintptr_t)self, 0, 0};
}

EXPORT(point_new) result_word point_new(double x, double y) {
    if (x != x || y != y) {
        return failed("a coordinate is not a number");
    }
    return made(make(x, y));
}

EXPORT(__wbg_point_free) void point_free(point* self, uint32_t delayed) {
    (void)delayed;
    destroy(self);
}

EXPORT(point_origin) point* point_origin(void) {
    return make(0, 0);
}

EXPORT(__wbg_get_point_x) double point_x(const point* self) {
    return self->x;
}
EXPORT(__wbg_set_point_x) void point_set_x(point* self, double x) {
    self->x = x;
}

EXPORT(point_label) text point_label(const point* self) {
    return text_of(self->label.bytes, self->label.length);
}
EXPORT(point_set_label) void point_set_label(point* self, char* bytes, uint32_t length) {
    release(self->label.bytes);
    self->label = (text){bytes, length};
}

EXPORT(point_scale) void point_scale(point* self, double factor) {
    self->x *= factor;
    self->y *= factor;
}

/* Borrows the other. */
EXPORT(point_plus) point* point_plus(const point* self, const point* other) {
    return make(self->x + other->x, self->y + other->y);
}

/* Consumes the other. */
EXPORT(point_absorb) void point_absorb(point* self, point* other) {
    self->x += other->x;
    self->y += other->y;
    destroy(other);
}

/* Consumes itself. */
EXPORT(point_into_label) text point_into_label(point* self) {
    const text label = text_of(self->label.bytes, self->label.length);
    destroy(self);
    return label;
}

/* Option<Point> in, consumed, and out: none for none and for the origin. */
EXPORT(point_mirrored) point* point_mirrored(point* other) {
    if (other != NULL && other->x == 0 && other->y == 0) {
        destroy(other);
        other = NULL;
    }
    if (other != NULL) {
        other->x = -other->x;
        other->y = -other->y;
    }
    return other;
}

typedef struct {
    slot* items;
    uint32_t length;
} slots;

/* Vec<Point> out. */
EXPORT(points) slots points(uint32_t count) {
    slot* items = allocate(count * sizeof(slot));
    for (uint32_t i = 0; i < count; ++i) {
        items[i] = keep(wrap_point(make(i, 10 * i)));
    }
    return (slots){items, count};
}

typedef struct {
    double value;
    uint32_t error;
    uint32_t is_error;
} result_double;

/* Vec<Point> in, all of them consumed; Result<f64>. */
EXPORT(total) result_double total(slot* items, uint32_t length) {
    double sum = 0;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < length; ++i) {
        point* one = unwrap_point(give(items[i]));
        if (one == NULL) {
            ++wrong;
        } else {
            sum += one->x + one->y;
            destroy(one);
        }
    }
    release(items);
    if (wrong != 0) {
        return (result_double){0, error_of("array contains a value of the wrong type"), 1};
    }
    return (result_double){sum, 0, 0};
}

typedef struct {
    uint32_t error;
    uint32_t is_error;
} result_unit;

/* Result<()>: the error side is any value. */
EXPORT(refuse) result_unit refuse(ref value) {
    return (result_unit){keep(value), 1};
}

EXPORT(accept) result_unit accept(void) {
    return (result_unit){0, 0};
}

/* Result<JsValue>. */
EXPORT(pass) result_word pass(ref value) {
    return (result_word){keep(value), 0, 0};
}

/* Throws out of frames that nothing unwinds: they stay on the shadow stack. */
__attribute__((noinline)) static uint32_t deep(uint32_t depth, volatile char* above) {
    volatile char frame[64];
    frame[0] = above[0];
    if (depth == 0) {
        throw_text("thrown from below", 17);
    }
    return deep(depth - 1, frame) + (uint32_t)frame[0];
}

EXPORT(throw_deep) uint32_t throw_deep(uint32_t depth) {
    volatile char frame[1] = {0};
    return deep(depth, frame);
}

EXPORT(crash) void crash(void) {
    __builtin_trap();
}
