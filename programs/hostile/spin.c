/* Never ends and never calls the host. */
#include "hostile.h"

void realm_run(void) {
    volatile uint32_t turns = 0;
    for (;;) {
        turns = turns + 1;
    }
}
