/* Calls itself without end, with nothing on its own stack, so that the host's runs out. */
#include "hostile.h"

static volatile uint32_t depth;

__attribute__((noinline)) static uint32_t dive(uint32_t level) {
    depth = level;
    if (level == UINT32_MAX) {
        return 1;
    }
    const uint32_t below = dive(level + 1);
    return below + depth;
}

void realm_run(void) {
    if (dive(0) != 0) {
        REPLY("\"came back\"");
    }
}
