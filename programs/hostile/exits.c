/* Ends itself from deep within. */
#include "hostile.h"
#include "wasi.h"

void realm_run(void) {
    realm_emit("\"before\"", 8);
    wasi_proc_exit(77);
}
