/* Never ends, and waits for the host all the time. */
#include "hostile.h"

void realm_run(void) {
    const int32_t model = realm_model_open(0, 0);
    while (realm_tokenize(model, "again", 5, 0) > 0) {
    }
}
