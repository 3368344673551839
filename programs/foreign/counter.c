/* Raw C exports and static state: what any C author would write, without Realm in mind. */
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

static int32_t total;
static char greeting[64] = "nobody";

/* Static state that is initialised at load, as a reactor's constructors would. */
EXPORT(_initialize) void begin(void) {
    total = 100;
}

EXPORT(add) int32_t add(int32_t amount) {
    total += amount;
    return total;
}

EXPORT(sum) double sum(double a, float b, int64_t c) {
    return a + (double)b + (double)c;
}

/* A C string in, a C string out. */
EXPORT(greet) const char* greet(const char* name) {
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < sizeof(greeting); ++i) {
        greeting[i] = name[i];
    }
    greeting[i] = '\0';
    return greeting;
}

EXPORT(crash) int32_t crash(int32_t divisor) {
    return total / divisor;
}
