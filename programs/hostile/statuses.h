/* Collects what bad calls returned and replies with it, an array of numbers. */
#pragma once

#include "hostile.h"

static char status_text[4096] = "[";
static uint32_t status_length = 1;

static void note(int32_t status) {
    char digits[12];
    uint32_t count = 0;
    uint32_t rest = status < 0 ? 0u - (uint32_t)status : (uint32_t)status;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (status_length + count + 3 > sizeof(status_text)) {
        __builtin_trap();
    }
    if (status_length > 1) {
        status_text[status_length++] = ',';
    }
    if (status < 0) {
        status_text[status_length++] = '-';
    }
    while (count > 0) {
        status_text[status_length++] = digits[--count];
    }
}

static void reply_statuses(void) {
    status_text[status_length++] = ']';
    if (realm_reply(status_text, status_length) != REALM_OK) {
        __builtin_trap();
    }
}
