/* Gives the chat template what it must not try to render. */
#include "statuses.h"

#define MOST (1u << 20)

static char text[MOST + 1];

static void fill(char c) {
    for (uint32_t i = 0; i < sizeof(text); ++i) {
        text[i] = c;
    }
}

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    fill('[');
    note(realm_apply_template(model, text, sizeof(text), 1));
    note(realm_apply_template(model, text, MOST, 1));
    note(realm_apply_template(model, "[{\"role\":1,\"content\":2}]", 24, 1));
    note(realm_apply_template(model, "[{\"role\":\"user\"}]", 17, 1));
    note(realm_apply_template(model, "{}", 2, 1));
    note(realm_apply_template(model, "\xff\xfe", 2, 1));
    fill(' ');
    note(realm_apply_template(model, text, MOST, 1));
    reply_statuses();
}
