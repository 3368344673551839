/* Gives one host function a range outside its memory. The request's data, a number, says which
 * function and parameter; a number beyond the last case gets the reply "no such case". */
#include "hostile.h"

/* 4-byte aligned, so that the range and not the alignment is what is wrong. */
#define OUTSIDE 0xfffffff0u

static void* const kOut = (void*)(uintptr_t)OUTSIDE;
static const void* const kIn = (const void*)(uintptr_t)OUTSIDE;

static uint32_t wanted_case(void) {
    char text[16];
    const int32_t length = realm_request_data(text, sizeof(text));
    uint32_t number = 0;
    for (int32_t i = 0; i < length && i < (int32_t)sizeof(text); ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return 1000;
        }
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    return number;
}

static int request_case(uint32_t number) {
    switch (number) {
        case 0:
            realm_request_data(kOut, 64);
            return 1;
        case 1:
            realm_request_meta(kOut, 64);
            return 1;
        case 2:
            realm_emit(kIn, 64);
            return 1;
        case 3:
            realm_reply(kIn, 64);
            return 1;
        case 4:
            realm_fail(kIn, 64);
            return 1;
        case 5:
            realm_take(kOut, 64);
            return 1;
        case 6:
            realm_last_error(kOut, 64);
            return 1;
        case 7:
            realm_log(REALM_LOG_INFO, kIn, 64);
            return 1;
        default:
            return 0;
    }
}

static int model_case(uint32_t number) {
    switch (number) {
        case 8:
            realm_model_open(kIn, 64);
            return 1;
        case 9:
            realm_model_describe(0, kOut);
            return 1;
        case 10:
            realm_model_name(0, kOut, 64);
            return 1;
        case 11:
            realm_tokenize(0, kIn, 64, 0);
            return 1;
        case 12:
            realm_detokenize(0, kIn, 64);
            return 1;
        case 13:
            realm_apply_template(0, kIn, 64, 1);
            return 1;
        default:
            return 0;
    }
}

static int context_case(uint32_t number) {
    switch (number) {
        case 14:
            realm_context_prefill(0, kIn, 64);
            return 1;
        /* count * size of a token is 2^32: it must not wrap to nothing. */
        case 15:
            realm_context_prefill(0, kIn, 0x40000000u);
            return 1;
        case 16:
            realm_context_sampling(0, kIn);
            return 1;
        case 17:
            realm_context_generate(0, 1, kIn, 64);
            return 1;
        /* Inside the memory, but not aligned for a token. */
        case 18:
            realm_detokenize(0, (const int32_t*)(uintptr_t)1025, 4);
            return 1;
        default:
            return 0;
    }
}

void realm_run(void) {
    const uint32_t number = wanted_case();
    if (request_case(number) || model_case(number) || context_case(number)) {
        REPLY("\"the host took the pointer\"");
        return;
    }
    REPLY("\"no such case\"");
}
