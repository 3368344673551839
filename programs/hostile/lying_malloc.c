/* Its allocators give what is not theirs: outside the memory, the same twice, or they never end. */
#include "hostile.h"

REALM_EXPORT(malloc) void* lying_malloc(uint32_t size);
REALM_EXPORT(free) void lying_free(void* place);
REALM_EXPORT(__wbindgen_malloc) void* wbindgen_malloc(uint32_t size, uint32_t alignment);
REALM_EXPORT(takes_text) uint32_t takes_text(const char* text, uint32_t length);

void* lying_malloc(uint32_t size) {
    return (void*)(uintptr_t)(0xfffffff0u - size % 8);
}

void lying_free(void* place) {
    (void)place;
    __builtin_trap();
}

void* wbindgen_malloc(uint32_t size, uint32_t alignment) {
    (void)alignment;
    return lying_malloc(size);
}

uint32_t takes_text(const char* text, uint32_t length) {
    return length == 0 ? 0 : (uint32_t)text[length - 1];
}

void realm_run(void) {
    char* const text = lying_malloc(16);
    text[0] = 'x';
    REPLY("\"wrote it\"");
}
