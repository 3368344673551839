/* Imports a host function that no version of the interface has. */
#include "hostile.h"

REALM_IMPORT(realm_teleport) int32_t realm_teleport(int32_t where);

void realm_run(void) {
    realm_teleport(1);
}
