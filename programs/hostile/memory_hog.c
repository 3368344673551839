/* Takes memory, 16 pages at a time, until there is none. */
#include "hostile.h"

void realm_run(void) {
    while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1) {
    }
    REPLY("\"memory.grow failed and the program went on\"");
}
