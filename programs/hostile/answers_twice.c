/* Comes back into itself, answers again and again, and goes on afterwards. */
#include "statuses.h"

static int depth;

void realm_run(void) {
    if (++depth < 4) {
        realm_run();
        return;
    }
    note(depth);
    reply_statuses();
    if (realm_reply("1", 1) != REALM_E_CONFLICT || realm_emit("1", 1) != REALM_E_CONFLICT ||
        realm_fail("{\"type\":\"internal\",\"code\":\"c\",\"message\":\"m\"}", 46) !=
            REALM_E_CONFLICT) {
        __builtin_trap();
    }
}
