/* What Rust's wasm-bindgen puts into a module, by hand, for fixtures in plain C: an allocator that
 * counts what lives, values of the host, texts and arrays that change owner at the border.
 *
 * One source makes modules of both conventions. Without REFS a value of the host is a number of
 * the host's own table, and results of several words go through a return area (a C struct does so
 * by itself). With REFS it is an externref, kept in a table that the module exports, and several
 * words are several results. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#ifdef REFS
#define IMPORT(name) __attribute__((import_module("./bindgen_refs_bg.js"), import_name(#name)))
typedef __externref_t ref; /* a value at the border */
#else
#define IMPORT(name) __attribute__((import_module("__wbindgen_placeholder__"), import_name(#name)))
typedef uint32_t ref;
#endif
typedef uint32_t slot; /* a value that this module owns; 0 is no value */

/* Owned by whoever holds it. */
typedef struct {
    char* bytes;
    uint32_t length;
} text;

typedef struct {
    uint32_t value;
    uint32_t error;
    uint32_t is_error;
} result_word;

typedef struct {
    char* bytes;
    uint32_t length;
    uint32_t error;
    uint32_t is_error;
} result_text;

void* allocate(size_t size);
void release(void* block);

/* From the border into this module, and back; both move the value. */
slot keep(ref value);
ref give(slot value);
/* What the slot holds, which goes on holding it. */
ref peek(slot value);
void drop(slot value);
slot copy(slot value);

text text_of(const char* bytes, uint32_t length);
/* A new value that is this text, and the text of a value (bytes NULL: it is no text). */
slot value_of_text(text from);
text text_of_value(slot value);
/* A new Error. */
slot error_of(const char* message);
uint32_t length_of(const char* zero_ended);
/* Throws an Error out of this module; nothing of it is unwound. */
_Noreturn void throw_text(const char* message, uint32_t length);
