/* The parts of abi.h that all fixtures share. */
#include "abi.h"

extern unsigned char __heap_base;

enum { CLASSES = 24, HEADER = 16 };

/* What no bytes are given: not null, and no block. */
#define NOTHING ((void*)HEADER)

/* Blocks of powers of two, each with a free list; a header holds the class. */
static struct {
    uintptr_t top;
    void* spare[CLASSES];
    uint32_t live;
} heap;

static void* extend(size_t size) {
    if (heap.top == 0) {
        heap.top = ((uintptr_t)&__heap_base + HEADER - 1) & ~(uintptr_t)(HEADER - 1);
    }
    const uintptr_t end = heap.top + size;
    const uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * 65536;
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) / 65536) == (size_t)-1) {
        __builtin_trap();
    }
    void* block = (void*)heap.top;
    heap.top = end;
    return block;
}

void* allocate(size_t size) {
    if (size == 0) {
        return NOTHING;
    }
    uint32_t class = 0;
    while (((size_t)HEADER << class) < size) {
        ++class;
    }
    if (class >= CLASSES) {
        __builtin_trap();
    }
    unsigned char* block = heap.spare[class];
    if (block != NULL) {
        heap.spare[class] = *(void**)block;
    } else {
        block = (unsigned char*)extend(HEADER + ((size_t)HEADER << class)) + HEADER;
        *(uint32_t*)(block - HEADER) = class;
    }
    ++heap.live;
    return block;
}

void release(void* block) {
    if (block == NOTHING) {
        return;
    }
    const uint32_t class = *(uint32_t*)((unsigned char*)block - HEADER);
    *(void**)block = heap.spare[class];
    heap.spare[class] = block;
    --heap.live;
}

/* How many blocks are in use: a host that frees too little or too much shows here. */
EXPORT(live) uint32_t live(void) {
    return heap.live;
}

EXPORT(__wbindgen_malloc) void* bindgen_malloc(size_t size, size_t align) {
    (void)align;
    return allocate(size);
}

EXPORT(__wbindgen_realloc)
void* bindgen_realloc(void* old, size_t old_size, size_t size, size_t align) {
    (void)align;
    void* block = allocate(size);
    __builtin_memcpy(block, old, old_size < size ? old_size : size);
    release(old);
    return block;
}

EXPORT(__wbindgen_free) void bindgen_free(void* block, size_t size, size_t align) {
    (void)align;
    if (size != 0) {
        release(block);
    }
}

void* memcpy(void* to, const void* from, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        ((unsigned char*)to)[i] = ((const unsigned char*)from)[i];
    }
    return to;
}

#ifdef REFS
IMPORT(__wbg_Error_52673b7de5a0ca89) ref new_error(const char*, uint32_t);
IMPORT(__wbindgen_cast_2241b6af4c4b2941) ref new_text(const char*, uint32_t);
IMPORT(__wbg___wbindgen_string_get_a2a31e16edf96e42) void get_text(text*, ref);
IMPORT(__wbg___wbindgen_throw_dd24417ed36fc46e) _Noreturn void throw_error(const char*, uint32_t);
IMPORT(__wbindgen_init_externref_table) void fill_table(void);

__asm__(
    ".globl __wbindgen_externrefs\n"
    ".tabletype __wbindgen_externrefs, externref, 128\n"
    "__wbindgen_externrefs:\n"
    ".globl read_ref\n.type read_ref,@function\nread_ref:\n"
    ".functype read_ref (i32) -> (externref)\n"
    "local.get 0\ntable.get __wbindgen_externrefs\nend_function\n"
    ".globl write_ref\n.type write_ref,@function\nwrite_ref:\n"
    ".functype write_ref (i32, externref) -> ()\n"
    "local.get 0\nlocal.get 1\ntable.set __wbindgen_externrefs\nend_function\n"
    ".globl clear_ref\n.type clear_ref,@function\nclear_ref:\n"
    ".functype clear_ref (i32) -> ()\n"
    "local.get 0\nref.null_extern\ntable.set __wbindgen_externrefs\nend_function\n"
    ".globl grow_refs\n.type grow_refs,@function\ngrow_refs:\n"
    ".functype grow_refs (i32) -> (i32)\n"
    "ref.null_extern\nlocal.get 0\ntable.grow __wbindgen_externrefs\nend_function\n");
ref read_ref(slot);
void write_ref(slot, ref);
void clear_ref(slot);
uint32_t grow_refs(uint32_t);

enum { SLOTS = 1024 };
static slot spare_slots[SLOTS];
static uint32_t spare_count;

EXPORT(__wbindgen_start) void start(void) {
    fill_table();
}

EXPORT(__externref_table_alloc) slot take_slot(void) {
    return spare_count != 0 ? spare_slots[--spare_count] : grow_refs(1);
}

EXPORT(__externref_table_dealloc) void free_slot(slot at) {
    clear_ref(at);
    if (spare_count < SLOTS) {
        spare_slots[spare_count++] = at;
    }
}

EXPORT(__externref_drop_slice) void drop_slots(const slot* slots, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        free_slot(slots[i]);
    }
}

slot keep(ref value) {
    const slot at = take_slot();
    write_ref(at, value);
    return at;
}

ref give(slot value) {
    ref result = read_ref(value);
    free_slot(value);
    return result;
}

ref peek(slot value) {
    return read_ref(value);
}

void drop(slot value) {
    free_slot(value);
}

slot copy(slot value) {
    return keep(read_ref(value));
}
#else
IMPORT(__wbindgen_error_new) ref new_error(const char*, uint32_t);
IMPORT(__wbindgen_string_new) ref new_text(const char*, uint32_t);
IMPORT(__wbindgen_string_get) void get_text(text*, ref);
IMPORT(__wbindgen_throw) _Noreturn void throw_error(const char*, uint32_t);
IMPORT(__wbindgen_object_drop_ref) void drop_ref(ref);
IMPORT(__wbindgen_object_clone_ref) ref clone_ref(ref);

__asm__(
    ".globaltype __stack_pointer, i32\n"
    ".globl move_stack\n.type move_stack,@function\nmove_stack:\n"
    ".functype move_stack (i32) -> (i32)\n"
    "local.get 0\nglobal.get __stack_pointer\ni32.add\nglobal.set __stack_pointer\n"
    "global.get __stack_pointer\nend_function\n"
    ".export_name move_stack, __wbindgen_add_to_stack_pointer\n");

slot keep(ref value) {
    return value;
}

ref give(slot value) {
    return value;
}

ref peek(slot value) {
    return value;
}

void drop(slot value) {
    drop_ref(value);
}

slot copy(slot value) {
    return clone_ref(value);
}
#endif

uint32_t length_of(const char* zero_ended) {
    uint32_t length = 0;
    while (zero_ended[length] != '\0') {
        ++length;
    }
    return length;
}

text text_of(const char* bytes, uint32_t length) {
    text made = {allocate(length), length};
    __builtin_memcpy(made.bytes, bytes, length);
    return made;
}

slot value_of_text(text from) {
    return keep(new_text(from.bytes, from.length));
}

text text_of_value(slot value) {
    text found = {NULL, 0};
    get_text(&found, peek(value));
    return found;
}

slot error_of(const char* message) {
    return keep(new_error(message, length_of(message)));
}

_Noreturn void throw_text(const char* message, uint32_t length) {
    throw_error(message, length);
}
