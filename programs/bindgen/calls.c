/* Functions both ways: functions of the host called, closures of this module given to the host,
 * promises, timers, properties, iteration. */
#include "abi.h"

#ifdef REFS
IMPORT(__wbg_call_e133b57c9155d22c) ref call_1(ref, ref, ref);
IMPORT(__wbg_get_af9dab7e9603ea93) ref get_property(ref, ref);
IMPORT(__wbg_new_361308b2356cecd0) ref new_object(void);
IMPORT(__wbg_new_3eb36ae241fe6f44) ref new_array(void);
IMPORT(__wbg_push_8ffdcb2063340ba5) uint32_t push(ref, ref);
IMPORT(__wbg_new_b5d9e2fb389fef91) ref new_promise(uint32_t, uint32_t);
IMPORT(__wbg_then_0d9fe2c7b1857d32) ref then_2(ref, ref, ref);
IMPORT(__wbg_queueMicrotask_9b549dfce8865860) void queue_microtask(ref);
IMPORT(__wbg_setTimeout_eefe7f4c234b0c6b) double set_timeout(ref, int32_t);
IMPORT(__wbg_parse_708461a1feddfb38) ref parse(const char*, uint32_t);
IMPORT(__wbg_iterator_27b7c8b35ab3e86b) ref iterator_symbol(void);
IMPORT(__wbg_next_138a17bbf04e926c) ref next(ref);
IMPORT(__wbg_done_57b39ecd9addfe81) uint32_t is_done(ref);
IMPORT(__wbg_value_57b7b035e117f7ee) ref value_of(ref);
IMPORT(__wbg_log_1d990106d99dacb7) void console_log(ref);
IMPORT(__wbg_now_69d776cd24f5215b) double now(void);
IMPORT(__wbg_random_cc1f9237d866d212) double random_number(void);
IMPORT(__wbg___wbindgen_number_get_9619185a74197f95) void number_of(void*, ref);
IMPORT(__wbg_call_389efe28435a9388) ref call_0(ref, ref);
IMPORT(__wbg___wbindgen_debug_string_adfb662ae34724b6) void debug_text(text*, ref);
IMPORT(__wbindgen_cast_d6cd19b81560fd6e) ref new_number(double);
IMPORT(__wbindgen_cast_0000000000000001) ref new_closure(uint32_t, uint32_t);
IMPORT(__wbg__wbg_cb_unref_9704c4b3d5e4d8a2) void forget_closure(ref);
IMPORT(__wbindgen_cast_0000000000000002) ref new_shared_closure(uint32_t, uint32_t);
IMPORT(__wbg_forEach_e1cf6f7c8ecb7dae) void for_each(ref, uint32_t, uint32_t);
#else
IMPORT(__wbg_call_b3ca7c6051f9bec1) ref call_1(ref, ref, ref);
IMPORT(__wbg_get_e3c254076557e348) ref get_property(ref, ref);
IMPORT(__wbg_new_72fb9a18b5ae2624) ref new_object(void);
IMPORT(__wbg_new_16b304a2cfa7ff4a) ref new_array(void);
IMPORT(__wbg_push_a5b05aedc7234f9f) uint32_t push(ref, ref);
IMPORT(__wbg_new_81740750da40724f) ref new_promise(uint32_t, uint32_t);
IMPORT(__wbg_then_a73caa9a87991566) ref then_2(ref, ref, ref);
IMPORT(__wbg_queueMicrotask_481971b0d87f3dd4) void queue_microtask(ref);
IMPORT(__wbg_setTimeout_c172d5704ef82276) double set_timeout(ref, int32_t);
IMPORT(__wbg_parse_66d1801634e099ac) ref parse(const char*, uint32_t);
IMPORT(__wbg_iterator_2cee6dadfd956dfa) ref iterator_symbol(void);
IMPORT(__wbg_next_196c84450b364254) ref next(ref);
IMPORT(__wbg_done_298b57d23c0fc80c) uint32_t is_done(ref);
IMPORT(__wbg_value_d93c65011f51a456) ref value_of(ref);
IMPORT(__wbg_log_5bb5f88f245d7762) void console_log(ref);
IMPORT(__wbg_now_3014639a94423537) double now(void);
IMPORT(__wbg_random_4a6f48b07d1eab14) double random_number(void);
IMPORT(__wbindgen_number_get) void number_of(void*, ref);
IMPORT(__wbg_call_27c0f87801dedf93) ref call_0(ref, ref);
IMPORT(__wbindgen_debug_string) void debug_text(text*, ref);
IMPORT(__wbindgen_number_new) ref new_number(double);
IMPORT(__wbindgen_closure_wrapper7) ref new_closure(uint32_t, uint32_t, uint32_t);
IMPORT(__wbindgen_cb_drop) uint32_t drop_closure(ref);
IMPORT(__wbindgen_closure_wrapper8) ref new_shared_closure(uint32_t, uint32_t, uint32_t);
IMPORT(__wbg_forEach_0fba6d5ae9c2ab8e) void for_each(ref, uint32_t, uint32_t);
#endif

/* The exception that a failed import left, 0 for none. */
static slot stored;

EXPORT(__wbindgen_exn_store) void store_exception(slot error) {
    stored = error;
}

static double to_number(slot value) {
    struct {
        uint32_t some;
        double value;
    } found = {0, 0};
    number_of(&found, peek(value));
    return found.some ? found.value : -1;
}

/* A Result of what an import that may throw has left. */
static result_word settle(slot value) {
    const slot error = stored;
    stored = 0;
    if (error != 0) {
        drop(value);
        return (result_word){0, error, 1};
    }
    return (result_word){value, 0, 0};
}

/* The function with one argument; keeps both. */
static result_word call(slot function, slot argument) {
    const slot receiver = keep(new_object());
    const slot value = keep(call_1(peek(function), peek(receiver), peek(argument)));
    drop(receiver);
    return settle(value);
}

/* Calls a value as a function with one number. */
EXPORT(call_with) result_word call_with(ref function, double argument) {
    const slot callee = keep(function);
    const slot number = keep(new_number(argument));
    const result_word result = call(callee, number);
    drop(number);
    drop(callee);
    return result;
}

/* What a closure does when it is called. */
typedef enum {
    ADD,   /* adds its argument to its total, and gives that */
    ONCE,  /* the same, once only */
    NEST,  /* calls its argument with its argument, its total says how often */
    LATER, /* calls its function with its own argument, then drops itself */
} action;

typedef struct {
    action does;
    double total;
    slot function;
    slot argument;
    slot self;
    uint32_t spent;
} closure;

static closure* the_counter;

static void destroy_closure(uint32_t a, uint32_t b) {
    (void)b;
    if (a == 0) {
        return; /* it was destroyed before */
    }
    closure* state = (closure*)(uintptr_t)a;
    if (state->function != 0) {
        drop(state->function);
    }
    if (state->argument != 0) {
        drop(state->argument);
    }
    release(state);
}

#ifdef REFS
EXPORT(__wbindgen_destroy_closure) void destroy(uint32_t a, uint32_t b) {
    destroy_closure(a, b);
}
#else
/* The host's JavaScript knows its index in the table of functions. */
EXPORT(destructor_index) uint32_t destructor_index(void) {
    return (uint32_t)(uintptr_t)&destroy_closure;
}
#endif

static closure* make_closure(action does, double total) {
    closure* made = allocate(sizeof(closure));
    *made = (closure){does, total, 0, 0, 0, 0};
    return made;
}

static slot wrap(closure* state, bool shared) {
    const uint32_t a = (uint32_t)(uintptr_t)state;
#ifdef REFS
    return keep(shared ? new_shared_closure(a, 1) : new_closure(a, 1));
#else
    return keep(shared ? new_shared_closure(a, 1, 7) : new_closure(a, 1, 7));
#endif
}

/* Gives up the module's part of a closure, which ends it unless it runs just now. */
static void forget(closure* state) {
    const slot self = state->self;
    state->self = 0;
#ifdef REFS
    forget_closure(peek(self));
    drop(self);
#else
    if (drop_closure(self)) {
        destroy_closure((uint32_t)(uintptr_t)state, 1);
    }
#endif
}

static slot run_nested(closure* state, slot function) {
    if (state->total == 0) {
        return keep(new_number(0));
    }
    state->total -= 1;
    const result_word result = call(function, function);
    return result.is_error ? result.error : result.value;
}

static slot run_adder(closure* state, slot argument) {
    if (state->spent) {
        throw_text("FnOnce called more than once", 28);
    }
    state->spent = state->does == ONCE;
    state->total += to_number(argument);
    return keep(new_number(state->total));
}

static slot run_later(closure* state) {
    const result_word result = call(state->function, state->argument);
    drop(result.is_error ? result.error : result.value);
    forget(state);
    return keep(new_number(0));
}

/* The shim of the closures with one argument. A is 0 where a mutable one runs already, and where
 * the closure was dropped. */
EXPORT(wasm_bindgen__convert__closures_____invoke__h5f0f4b21e9b2a2c7)
ref invoke(uint32_t a, uint32_t b, ref argument) {
    (void)b;
    const slot given = keep(argument);
    if (a == 0) {
        drop(given);
        throw_text("closure invoked recursively or after being dropped", 50);
    }
    closure* state = (closure*)(uintptr_t)a;
    slot result = 0;
    switch (state->does) {
        case ADD:
        case ONCE:
            result = run_adder(state, given);
            break;
        case NEST:
            result = run_nested(state, given);
            break;
        case LATER:
            result = run_later(state);
            break;
    }
    drop(given);
    return give(result);
}

/* FnMut: adds up what it is called with. The module keeps its part of it. */
EXPORT(counter) ref counter(double start) {
    the_counter = make_closure(ADD, start);
    the_counter->self = wrap(the_counter, false);
    return give(copy(the_counter->self));
}

EXPORT(drop_counter) void drop_counter(void) {
    forget(the_counter);
}

/* FnOnce. */
EXPORT(once) ref once(double start) {
    return give(wrap(make_closure(ONCE, start), false));
}

/* FnMut and Fn that are called by themselves. */
EXPORT(nested) ref nested(double times) {
    return give(wrap(make_closure(NEST, times), false));
}
EXPORT(nested_shared) ref nested_shared(double times) {
    return give(wrap(make_closure(NEST, times), true));
}

/* Gives the host a closure that lives on this stack. */
EXPORT(sum_each) double sum_each(ref array) {
    closure sum = {ADD, 0, 0, 0, 0, 0};
    const slot items = keep(array);
    for_each(peek(items), (uint32_t)(uintptr_t)&sum, 1);
    drop(items);
    return sum.total;
}

/* A closure that calls the function with the argument, both moved into it. */
static closure* make_later(slot function, slot argument) {
    closure* made = make_closure(LATER, 0);
    made->function = function;
    made->argument = argument;
    made->self = wrap(made, false);
    return made;
}

static void run_in_microtask(slot function, slot argument) {
    queue_microtask(peek(make_later(function, argument)->self));
}

static void run_in_timer(slot function, slot argument, int32_t milliseconds) {
    set_timeout(peek(make_later(function, argument)->self), milliseconds);
}

/* What the executor of a promise takes from its two functions. */
typedef struct {
    slot resolve;
    slot reject;
} executor;

EXPORT(wasm_bindgen__convert__closures_____invoke__h8a6cb6d7a3f3d1b4)
void invoke_executor(uint32_t a, uint32_t b, ref resolve, ref reject) {
    (void)b;
    *(executor*)(uintptr_t)a = (executor){keep(resolve), keep(reject)};
}

static slot make_promise(executor* functions) {
    return keep(new_promise((uint32_t)(uintptr_t)functions, 1));
}

/* async fn: resolved in a microtask. */
EXPORT(soon) ref soon(ref value) {
    executor functions;
    const slot promise = make_promise(&functions);
    run_in_microtask(functions.resolve, keep(value));
    drop(functions.reject);
    return give(promise);
}

/* async fn: resolved by a timer. */
EXPORT(after) ref after(int32_t milliseconds, ref value) {
    executor functions;
    const slot promise = make_promise(&functions);
    run_in_timer(functions.resolve, keep(value), milliseconds);
    drop(functions.reject);
    return give(promise);
}

/* async fn -> Result: its error side. */
EXPORT(fail_soon) ref fail_soon(ref error) {
    executor functions;
    const slot promise = make_promise(&functions);
    run_in_microtask(functions.reject, keep(error));
    drop(functions.resolve);
    return give(promise);
}

/* Awaits a promise of its own: gives one more than the value, or one more than 100 where the
 * promise was refused with it. */
EXPORT(plus_one) ref plus_one(ref value, uint32_t refused) {
    const slot awaited = keep(refused ? fail_soon(value) : soon(value));
    closure* add = make_closure(ADD, 1);
    closure* recover = make_closure(ADD, 101);
    add->self = wrap(add, false);
    recover->self = wrap(recover, false);
    const slot result = keep(then_2(peek(awaited), peek(add->self), peek(recover->self)));
    drop(awaited);
    return give(result);
}

/* Calls the function at once, in a microtask and in timers; resolved after all of them. */
EXPORT(order) ref order(ref function) {
    executor functions;
    const slot callee = keep(function);
    const slot promise = make_promise(&functions);
    run_in_timer(copy(callee), keep(new_number(5)), 4);
    run_in_timer(copy(callee), keep(new_number(4)), 1);
    run_in_timer(functions.resolve, keep(new_number(6)), 8);
    run_in_microtask(copy(callee), keep(new_number(2)));
    run_in_microtask(copy(callee), keep(new_number(3)));
    const slot first = keep(new_number(1));
    const result_word result = call(callee, first);
    drop(result.is_error ? result.error : result.value);
    drop(first);
    drop(functions.reject);
    drop(callee);
    return give(promise);
}

/* Imports that may throw. */
EXPORT(parse_text) result_word parse_text(char* bytes, uint32_t length) {
    const slot value = keep(parse(bytes, length));
    release(bytes);
    return settle(value);
}

EXPORT(property) result_word property(ref object, ref key) {
    const slot owner = keep(object);
    const slot name = keep(key);
    const slot value = keep(get_property(peek(owner), peek(name)));
    drop(owner);
    drop(name);
    return settle(value);
}

/* The iterator of an iterable, got and called as JavaScript would. */
static result_word iterator_of(slot iterable) {
    const slot symbol = keep(iterator_symbol());
    const result_word method = settle(keep(get_property(peek(iterable), peek(symbol))));
    drop(symbol);
    if (method.is_error) {
        return method;
    }
    const result_word iterator = settle(keep(call_0(peek(method.value), peek(iterable))));
    drop(method.value);
    return iterator;
}

/* All that an iterable has, as an array. */
EXPORT(collect) result_word collect(ref iterable) {
    const slot source = keep(iterable);
    const result_word iterator = iterator_of(source);
    drop(source);
    if (iterator.is_error) {
        return iterator;
    }
    const slot array = keep(new_array());
    result_word step = settle(keep(next(peek(iterator.value))));
    while (!step.is_error && !is_done(peek(step.value))) {
        const slot item = keep(value_of(peek(step.value)));
        push(peek(array), peek(item));
        drop(item);
        drop(step.value);
        step = settle(keep(next(peek(iterator.value))));
    }
    drop(iterator.value);
    if (step.is_error) {
        drop(array);
        return step;
    }
    drop(step.value);
    return (result_word){array, 0, 0};
}

/* How a value looks to Rust's {:?}. */
EXPORT(debug) text debug(ref value) {
    const slot kept = keep(value);
    text shown = {NULL, 0};
    debug_text(&shown, peek(kept));
    drop(kept);
    return shown;
}

/* Clock and chance, as far as they are the same everywhere. */
EXPORT(world_is_sound) uint32_t world_is_sound(void) {
    const double start = now();
    const double chance = random_number();
    return start > 1.6e12 && now() >= start && chance >= 0 && chance < 1;
}

EXPORT(log_text) void log_text(char* bytes, uint32_t length) {
    const slot value = value_of_text((text){bytes, length});
    console_log(peek(value));
    drop(value);
    release(bytes);
}
