/* Does not say for which version of the interface it was made. */
#define HOSTILE_NO_MARKER
#include "hostile.h"

void realm_run(void) {
    REPLY("null");
}
