/* Sends one chunk above the limit, then a reply above that of all output. */
#include "statuses.h"

static char text[300000];

void realm_run(void) {
    for (uint32_t i = 0; i < sizeof(text); ++i) {
        text[i] = ' ';
    }
    text[0] = '1';
    note(realm_emit(text, 100000));
    note(realm_reply(text, sizeof(text)));
    reply_statuses();
}
