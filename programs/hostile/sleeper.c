/* Takes a context and sleeps for years. */
#include "hostile.h"
#include "wasi.h"

static const struct wasi_clock_subscription kYears = {.clock = 1, .timeout = UINT64_MAX};
static char event[32];

void realm_run(void) {
    realm_context_create(realm_model_open(0, 0), 64);
    uint32_t count = 0;
    wasi_poll_oneoff(&kYears, event, 1, &count);
    REPLY("\"woke up\"");
}
