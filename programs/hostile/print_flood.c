/* Prints far more than a run may log: no line end for long, then line ends only. */
#include "hostile.h"
#include "wasi.h"

static char page[65536];

void realm_run(void) {
    for (uint32_t i = 0; i < sizeof(page); ++i) {
        page[i] = 'x';
    }
    const struct wasi_buffer buffer = {.bytes = page, .length = sizeof(page)};
    uint32_t written = 0;
    for (uint32_t i = 0; i < 64; ++i) {
        wasi_fd_write(1, &buffer, 1, &written);
    }
    for (uint32_t i = 0; i < sizeof(page); ++i) {
        page[i] = '\n';
    }
    wasi_fd_write(2, &buffer, 1, &written);
    REPLY("\"printed\"");
}
