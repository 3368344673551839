/* Forks, truncates, masks and steps what it must not, then goes on as if nothing had been. */
#include "statuses.h"

static int32_t many[10000];
static uint32_t mask[2000];

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    const int32_t context = realm_context_create(model, 16);
    static const int32_t tokens[3] = {1, 2, 3};
    note(realm_context_top(context, 1));
    note(realm_context_logits(context));
    note(realm_context_truncate(context, 1));
    note(realm_context_prefill(context, tokens, 3));
    note(realm_context_fork(context, 2));
    note(realm_context_fork(context, UINT32_MAX));
    note(realm_context_truncate(context, 4));
    note(realm_context_top(context, 0));
    note(realm_context_top(context, 1001));
    note(realm_context_mask(context, mask, 1));
    note(realm_context_mask(context, mask, 2000));
    note(realm_context_step_many(many, 10000));
    many[0] = context;
    many[1] = context;
    note(realm_context_step_many(many, 2));
    many[1] = 77;
    note(realm_context_step_many(many, 2));
    const int32_t fork = realm_context_fork(context, 8);
    note(realm_context_drop(context));
    note(realm_context_fork(context, 8));
    note(realm_context_truncate(context, 1));
    note(realm_context_logits(context));
    note(realm_context_mask(context, mask, 0));
    note(realm_context_share(context, 1));
    note(realm_context_min_tokens(context, 1));
    note(realm_context_share(fork, 2));
    note(realm_context_priority(context, 1));
    note(realm_context_priority(-2, 1));
    note(realm_context_priority(fork, -1001));
    note(realm_context_priority(fork, 1001));
    note(realm_context_priority(REALM_NEW_CONTEXTS, 1001));
    note(realm_context_priority(REALM_NEW_CONTEXTS, -1000));
    note(realm_context_priority(fork, 1000));
    /* The fork is still whole: it may choose one token alone. */
    mask[0] = 1U << 5;
    note(realm_context_mask(fork, mask, 1));
    many[0] = fork;
    note(realm_context_step_many(many, 1));
    int32_t chosen = 0;
    realm_take(&chosen, sizeof(chosen));
    note(chosen);
    note(realm_context_length(fork));
    /* And it goes on as one that saw nothing of all this. */
    note(realm_context_mask(fork, mask, 0));
    static const int32_t same[4] = {1, 2, 3, 5};
    const int32_t fresh = realm_context_create(model, 8);
    note(realm_context_prefill(fresh, same, 4));
    note(realm_context_step(fork) == realm_context_step(fresh));
    reply_statuses();
}
