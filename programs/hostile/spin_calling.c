/* Never ends, and calls the host all the time. */
#include "hostile.h"

void realm_run(void) {
    while (realm_cancelled() == 0) {
        realm_log(REALM_LOG_DEBUG, 0, 0);
    }
}
