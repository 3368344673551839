/* Reads far beyond the end of its memory. */
#include "hostile.h"

__attribute__((noinline)) static uint32_t peek(uint32_t address) {
    return *(volatile uint32_t*)(uintptr_t)address;
}

void realm_run(void) {
    if (peek(0xfffffff0u) != 0) {
        REPLY("\"read something\"");
    }
}
