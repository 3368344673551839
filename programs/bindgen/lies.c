/* A module of wasm-bindgen that does what Rust would not: places and handles that do not exist,
 * loops that fill the host, microtasks and timers without end. Linked with the honest fixtures. */
#include "abi.h"

IMPORT(__wbindgen_closure_wrapper9) ref new_requeuing(uint32_t, uint32_t, uint32_t);
IMPORT(__wbg_queueMicrotask_481971b0d87f3dd4) void queue_microtask(ref);
IMPORT(__wbg_setTimeout_c172d5704ef82276) double set_timeout(ref, int32_t);
IMPORT(__wbg_new_16b304a2cfa7ff4a) ref new_array(void);
IMPORT(__wbg_push_a5b05aedc7234f9f) uint32_t push(ref, ref);
IMPORT(__wbg_new_81740750da40724f) ref new_promise(uint32_t, uint32_t);
IMPORT(__wbg_repeat_3b7d0f2c1a4e5d6f) ref repeat(ref, uint32_t);
IMPORT(__wbindgen_object_drop_ref) void drop_ref(uint32_t);
IMPORT(__wbindgen_copy_to_typed_array) void write_back(uint32_t, uint32_t, ref);
IMPORT(__wbindgen_string_new) ref text_at(uint32_t, uint32_t);

typedef struct {
    uint32_t at;
    uint32_t length;
} place;

EXPORT(text_beyond_memory) place text_beyond_memory(void) {
    return (place){0xFFFFFFF0u, 0x7FFFFFFFu};
}

EXPORT(text_without_end) place text_without_end(void) {
    return (place){1024, 0xFFFFFFFFu};
}

/* Not UTF-8. */
EXPORT(text_of_no_encoding) place text_of_no_encoding(void) {
    static const char bytes[] = {'a', (char)0xFF, (char)0xC0, 'b'};
    return (place){(uint32_t)(uintptr_t)text_of(bytes, sizeof(bytes)).bytes, sizeof(bytes)};
}

EXPORT(handle_of_nothing) uint32_t handle_of_nothing(uint32_t handle) {
    return handle;
}

EXPORT(drop_nothing) void drop_nothing(uint32_t handle) {
    drop_ref(handle);
}

/* Takes the same handle twice: what comes next shares it. */
EXPORT(drop_twice) uint32_t drop_twice(void) {
    const slot made = value_of_text(text_of("x", 1));
    drop_ref(made);
    drop_ref(made);
    const slot first = value_of_text(text_of("first", 5));
    const slot second = value_of_text(text_of("second", 6));
    return first == second;
}

EXPORT(read_beyond) ref read_beyond(void) {
    return text_at(0xFFFFFF00u, 0x1000u);
}

EXPORT(write_beyond) void write_beyond(ref array) {
    write_back(0xFFFFFF00u, 0x1000u, array);
}

EXPORT(lying_malloc) uint32_t lying_malloc(uint32_t size, uint32_t align) {
    (void)size;
    (void)align;
    return 0xFFFFFF00u;
}

EXPORT(leak_handles) void leak_handles(void) {
    for (;;) {
        text_at(1024, 1);
    }
}

EXPORT(leak_text) void leak_text(void) {
    slot text = value_of_text((text_of("0123456789abcdef", 16)));
    for (;;) {
        text = repeat(text, 16);
    }
}

EXPORT(leak_array) void leak_array(void) {
    const slot array = new_array();
    const slot item = new_array();
    for (;;) {
        push(array, item);
    }
}

/* Closures that put themselves back: 0 as a microtask, 1 as a timer. */
static slot again;
static uint32_t how;

static void requeue(void) {
    if (how == 0) {
        queue_microtask(again);
    } else {
        set_timeout(again, 0);
    }
}

EXPORT(invoke_requeuing) void invoke_requeuing(uint32_t a, uint32_t b) {
    (void)a;
    (void)b;
    requeue();
}

EXPORT(requeue_forever) void requeue_forever(uint32_t kind) {
    how = kind;
    again = new_requeuing(1, 1, 1);
    requeue();
}

/* A promise that nobody settles; with timers that never end, or nothing at all. */
EXPORT(never) ref never(uint32_t with_timers) {
    static uint32_t functions[2];
    const ref promise = new_promise((uint32_t)(uintptr_t)functions, 1);
    if (with_timers) {
        requeue_forever(1);
    }
    return promise;
}

EXPORT(wait_forever) void wait_forever(void) {
    for (;;) {
        __asm__ volatile("");
    }
}
