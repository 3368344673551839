/* What a module of wasm-bindgen brings along, by hand: its allocator, its shadow stack, errors as
 * handles in a table that it imports. For fixtures in plain C. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

/* Result<T, JsError> in a return area: T's words, then the error's handle and whether it is one. */
enum { ERROR_SLOT = 40 };

extern unsigned char __heap_base;

static uintptr_t heap_top;

__attribute__((unused)) static void* take(size_t size) {
    if (heap_top == 0) {
        heap_top = (uintptr_t)&__heap_base;
    }
    const uintptr_t at = (heap_top + 15) & ~(uintptr_t)15;
    const uintptr_t end = at + size;
    const uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * 65536;
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) / 65536) == (size_t)-1) {
        return NULL;
    }
    heap_top = end;
    return (void*)at;
}

EXPORT(__wbindgen_malloc) void* bindgen_malloc(size_t size, size_t align) {
    (void)align;
    return take(size);
}

/* Only what was allocated last comes back. */
EXPORT(__wbindgen_free) void bindgen_free(void* block, size_t size, size_t align) {
    (void)align;
    if ((uintptr_t)block + size == heap_top) {
        heap_top = (uintptr_t)block;
    }
}

/* table.set of an error that the host makes of a text: no C for tables that are imported. */
__asm__(
    ".tabletype __wbindgen_externrefs, externref, 128\n"
    ".import_module __wbindgen_externrefs, wbg\n"
    ".import_name __wbindgen_externrefs, __wbindgen_externrefs\n"
    ".functype make_error (i32, i32) -> (externref)\n"
    ".import_module make_error, wbg\n"
    ".import_name make_error, __wbindgen_error_new\n"
    ".globl keep_error\n"
    ".type keep_error,@function\n"
    "keep_error:\n"
    ".functype keep_error (i32, i32, i32) -> ()\n"
    "local.get 0\n"
    "local.get 1\n"
    "local.get 2\n"
    "call make_error\n"
    "table.set __wbindgen_externrefs\n"
    "end_function\n"
    ".globaltype __stack_pointer, i32\n"
    ".globl move_stack\n"
    ".type move_stack,@function\n"
    "move_stack:\n"
    ".functype move_stack (i32) -> (i32)\n"
    "local.get 0\n"
    "global.get __stack_pointer\n"
    "i32.add\n"
    "global.set __stack_pointer\n"
    "global.get __stack_pointer\n"
    "end_function\n"
    ".export_name move_stack, __wbindgen_add_to_stack_pointer\n");

void keep_error(uint32_t slot, const char* text, size_t length);
