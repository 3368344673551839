/* Gives the tokenizer what takes it longest: spaces, as many as one call may have and more. */
#include "statuses.h"

#define MOST (1u << 20)

static char text[2 * MOST];

void realm_run(void) {
    for (uint32_t i = 0; i < sizeof(text); ++i) {
        text[i] = ' ';
    }
    const int32_t model = realm_model_open(0, 0);
    note(realm_tokenize(model, text, sizeof(text), 0));
    note(realm_tokenize(model, text, MOST + 1, UINT32_MAX));
    note(realm_tokenize(model, text, MOST, 0) > 0);
    note(realm_detokenize(model, (const int32_t*)text, sizeof(text) / 4));
    note(realm_detokenize(model, (const int32_t*)text, 64));
    reply_statuses();
}
