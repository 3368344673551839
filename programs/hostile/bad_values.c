/* Passes numbers that no host function may take. */
#include "statuses.h"

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    note(realm_context_create(model, 0));
    note(realm_context_create(model, UINT32_MAX));
    const int32_t context = realm_context_create(model, 4);
    static const int32_t tokens[5] = {INT32_MIN, INT32_MAX, -1, 1 << 20, 1};
    note(realm_detokenize(model, tokens, 5));
    note(realm_context_prefill(context, tokens, 1));
    note(realm_context_prefill(context, tokens + 1, 1));
    note(realm_context_prefill(context, tokens, 0));
    note(realm_context_prefill(context, tokens, 5));
    note(realm_context_step(context));
    note(realm_context_next(context));
    static const realm_sampling bad[] = {{.temperature = __builtin_nanf(""), .top_p = 1.0F},
                                         {.temperature = -1.0F, .top_p = 1.0F},
                                         {.top_p = __builtin_inff()},
                                         {.top_p = 1.0F, .min_p = 2.0F},
                                         {.top_p = 1.0F, .presence_penalty = -3.0F}};
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        note(realm_context_sampling(context, &bad[i]));
    }
    note(realm_context_typical(context, 0.0F));
    note(realm_context_typical(context, __builtin_nanf("")));
    note(realm_context_repetition(context, 0.0F));
    note(realm_context_repetition(context, __builtin_inff()));
    static realm_logit_bias biases[1025];
    note(realm_context_logit_bias(context, biases, 1025));
    note(realm_context_logit_bias(context, biases, 2));
    biases[0].bias = __builtin_nanf("");
    note(realm_context_logit_bias(context, biases, 1));
    biases[0].bias = 100.5F;
    note(realm_context_logit_bias(context, biases, 1));
    biases[0].bias = 1.0F;
    biases[0].token = 1 << 20;
    note(realm_context_logit_bias(context, biases, 1));
    biases[0].token = -1;
    note(realm_context_logit_bias(context, biases, 1));
    biases[0].token = 1;
    note(realm_context_logit_bias(context, biases, 1));
    note(realm_context_logit_bias(context, biases, 0));
    note(realm_context_generate(context, 1, "[1]", 3));
    note(realm_context_generate(context, 1, "{}", 2));
    note(realm_take(0, 0));
    reply_statuses();
}
