/* Nests JSON deeper than a parser's stack, wherever the host reads JSON. */
#include "statuses.h"

static char text[60000];

static void fill(char c) {
    for (uint32_t i = 0; i < sizeof(text); ++i) {
        text[i] = c;
    }
}

void realm_run(void) {
    fill('[');
    note(realm_emit(text, sizeof(text)));
    note(realm_reply(text, sizeof(text)));
    note(realm_fail(text, sizeof(text)));
    for (uint32_t i = 0; i + 4 < sizeof(text); i += 5) {
        __builtin_memcpy(text + i, "{\"a\":", 5);
    }
    note(realm_emit(text, sizeof(text)));
    note(realm_fail(text, sizeof(text)));
    fill('9');
    note(realm_reply(text, sizeof(text)));
    note(realm_fail("{\"type\":\"no_such_type\",\"code\":\"c\",\"message\":\"m\"}", 50));
    note(realm_fail("{}", 2));
    note(realm_reply("", 0));
    note(realm_reply("\"\xff\"", 3));
    reply_statuses();
}
