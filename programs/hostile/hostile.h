/* What the hostile programs share: the version marker and a reply. They are plain C, without a
 * library, and do on purpose what a program must not do. */
#pragma once

#include <realm/realm.h>

REALM_EXPORT(realm_abi_version) int32_t realm_abi_version(void);
REALM_EXPORT(realm_run) void realm_run(void);

#ifndef HOSTILE_NO_MARKER
#ifndef HOSTILE_ABI_VERSION
#define HOSTILE_ABI_VERSION REALM_ABI_VERSION
#endif
int32_t realm_abi_version(void) {
    return HOSTILE_ABI_VERSION;
}
#endif

#define REPLY(json) realm_reply(json, sizeof(json) - 1)
