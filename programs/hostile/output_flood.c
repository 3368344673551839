/* Sends chunks until the host has enough, then reports what the host said. */
#include "hostile.h"

static char chunk[65536];
static char error[1024];

void realm_run(void) {
    for (uint32_t i = 0; i < sizeof(chunk); ++i) {
        chunk[i] = 'x';
    }
    chunk[0] = '"';
    chunk[sizeof(chunk) - 1] = '"';
    while (realm_emit(chunk, sizeof(chunk)) == REALM_OK) {
    }
    const int32_t length = realm_last_error(error, sizeof(error));
    realm_fail(error, (uint32_t)length);
}
