/* Imports a function of somebody else and calls it after its first chunk. */
#include "hostile.h"

__attribute__((import_module("elsewhere"), import_name("help"))) int32_t elsewhere_help(int32_t);

void realm_run(void) {
    realm_emit("\"before\"", 8);
    elsewhere_help(1);
    REPLY("\"after\"");
}
