/* Goes on with a context that it has given back. */
#include "statuses.h"

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    const int32_t context = realm_context_create(model, 16);
    const int32_t tokens[2] = {1, 2};
    note(realm_context_prefill(context, tokens, 2));
    note(realm_context_generate(context, 8, 0, 0));
    note(realm_context_drop(context));
    note(realm_context_drop(context));
    note(realm_context_length(context));
    note(realm_context_prefill(context, tokens, 2));
    note(realm_context_step(context));
    note(realm_context_next(context));
    note(realm_context_stop(context));
    note(realm_context_generate(context, 1, 0, 0));
    const realm_sampling sampling = {.top_p = 1.0F};
    note(realm_context_sampling(context, &sampling));
    reply_statuses();
}
