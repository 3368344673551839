/* Starts to generate in every context it gets, reads nothing and loops. */
#include "hostile.h"

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    const int32_t tokens[2] = {1, 2};
    for (int i = 0; i < 2; ++i) {
        const int32_t context = realm_context_create(model, 256);
        realm_context_prefill(context, tokens, 2);
        realm_context_generate(context, UINT32_MAX, 0, 0);
    }
    while (realm_cancelled() == 0) {
    }
}
