/* Makes contexts until the host refuses, then reports what the host said. */
#include "hostile.h"

static char error[1024];

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    while (realm_context_create(model, 16) >= 0) {
    }
    const int32_t length = realm_last_error(error, sizeof(error));
    realm_fail(error, (uint32_t)length);
}
