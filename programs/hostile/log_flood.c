/* Logs far more than a run may, long lines and many, with bytes that would forge a log's lines. */
#include "hostile.h"

static char line[65536];

void realm_run(void) {
    for (uint32_t i = 0; i < sizeof(line); ++i) {
        line[i] = "x\n\r\x1b[2J\xff\0"[i % 9];
    }
    realm_log(INT32_MAX, line, 512);
    realm_log(INT32_MIN, line, sizeof(line));
    for (uint32_t i = 0; i < 10000; ++i) {
        realm_log(REALM_LOG_ERROR, line, 100);
    }
    REPLY("\"logged\"");
}
