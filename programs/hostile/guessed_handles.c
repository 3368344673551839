/* Tries all small handles, which are those of other tenants' runs beside it, and a few large ones;
 * replies with the numbers of models and contexts that it found. */
#include "statuses.h"

static int32_t found(int32_t handle) {
    return realm_context_length(handle) >= 0 || realm_context_drop(handle) >= 0;
}

void realm_run(void) {
    char name[64];
    int32_t models = 0;
    int32_t contexts = 0;
    for (int32_t handle = -1000; handle < 20000; ++handle) {
        models += realm_model_name(handle, name, sizeof(name)) >= 0;
        contexts += found(handle);
    }
    contexts += found(INT32_MAX) + found(INT32_MIN) + found(1 << 16) + found(1 << 24);
    note(models);
    note(contexts);
    note(realm_model_open("/etc/passwd", 11));
    note(realm_model_open("../../secret.gguf", 17));
    reply_statuses();
}
