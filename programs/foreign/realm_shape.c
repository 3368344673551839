/* A class as wasm-bindgen would export it, of the shape that Realm's forerunner had: its
 * constructor takes the return area and nothing else, it holds a model, a configuration and a
 * context between calls, and it generates through env imports. */
#include "bindgen.h"

#include <realm/realm.h>

REALM_EXPORT(realm_abi_version) int32_t realm_abi_version(void) {
    return REALM_ABI_VERSION;
}

typedef struct {
    int32_t model;   /* -1: none yet */
    int32_t context; /* -1: none yet; keeps what was said before */
    uint32_t max_tokens;
} realm;

typedef struct {
    uint32_t value;
    uint32_t error;
    uint32_t is_error;
} object_result;

typedef struct {
    uint32_t error;
    uint32_t is_error;
} unit_result;

typedef struct {
    char* text;
    uint32_t length;
    uint32_t error;
    uint32_t is_error;
} text_result;

static uint32_t raise(const char* text, uint32_t length) {
    keep_error(ERROR_SLOT, text, length);
    return ERROR_SLOT;
}
#define RAISE(text) raise(text, sizeof(text) - 1)

/* The host's own words for the last error. */
static uint32_t raise_last(void) {
    static char buffer[512];
    int32_t length = realm_last_error(buffer, sizeof(buffer));
    if (length > (int32_t)sizeof(buffer)) {
        length = sizeof(buffer);
    }
    return raise(buffer, (uint32_t)length);
}

EXPORT(realm_new) void realm_new(object_result* result) {
    realm* self = take(sizeof(realm));
    self->model = -1;
    self->context = -1;
    self->max_tokens = 24;
    *result = (object_result){(uint32_t)(uintptr_t)self, 0, 0};
}

/* The same shape, and it never succeeds. */
EXPORT(broken_new) void broken_new(object_result* result) {
    *result = (object_result){0, RAISE("no weights were found"), 1};
}
EXPORT(__wbg_broken_free) void broken_free(realm* self, uint32_t delayed) {
    (void)self;
    (void)delayed;
}

EXPORT(__wbg_realm_free) void realm_free(realm* self, uint32_t delayed) {
    (void)delayed;
    if (self->context >= 0) {
        realm_context_drop(self->context);
    }
    bindgen_free(self, sizeof(realm), 4);
}

EXPORT(__wbg_get_realm_max_tokens) uint32_t realm_get_max_tokens(realm* self) {
    return self->max_tokens;
}
EXPORT(__wbg_set_realm_max_tokens) void realm_set_max_tokens(realm* self, uint32_t count) {
    self->max_tokens = count;
}

EXPORT(realm_loadModel)
void realm_load_model(unit_result* result, realm* self, char* name, uint32_t length) {
    const int32_t model = realm_model_open(name, length);
    bindgen_free(name, length, 1);
    if (model < 0) {
        *result = (unit_result){raise_last(), 1};
        return;
    }
    self->model = model;
    self->context = realm_context_create(model, 1024);
    *result = self->context < 0 ? (unit_result){raise_last(), 1} : (unit_result){0, 0};
}

/* Tokens in the context: it grows with each call of generate. */
EXPORT(realm_contextLength) uint32_t realm_held(realm* self) {
    return self->context < 0 ? 0 : (uint32_t)realm_context_length(self->context);
}

static uint32_t put(char* to, uint32_t at, const char* text, uint32_t length) {
    for (uint32_t i = 0; i < length; ++i) {
        to[at + i] = text[i];
    }
    return at + length;
}
#define PUT(to, at, text) put(to, at, text, sizeof(text) - 1)

/* A system message, without which the default model drifts into French, and the user's. */
static uint32_t write_messages(char* to, const char* text, uint32_t length) {
    uint32_t at = PUT(to, 0,
                      "[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"
                      "{\"role\":\"user\",\"content\":\"");
    for (uint32_t i = 0; i < length; ++i) {
        if (text[i] == '"' || text[i] == '\\') {
            to[at++] = '\\';
        }
        to[at++] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
    }
    return PUT(to, at, "\"}]");
}

/* Appends the turn to the context; negative: a status. */
static int32_t prefill(realm* self, const char* text, uint32_t length) {
    char* const messages = take(2 * (size_t)length + 256);
    int32_t size =
        realm_apply_template(self->model, messages, write_messages(messages, text, length), 1);
    if (size < 0) {
        return size;
    }
    char* const prompt = take((size_t)size);
    realm_take(prompt, (uint32_t)size);
    const int32_t count =
        realm_tokenize(self->model, prompt, (uint32_t)size, REALM_TOKENIZE_PARSE_SPECIAL);
    if (count < 0) {
        return count;
    }
    int32_t* const tokens = take((size_t)count * sizeof(int32_t));
    realm_take(tokens, (uint32_t)count * sizeof(int32_t));
    return realm_context_prefill(self->context, tokens, (uint32_t)count);
}

/* Reads the generation to its end. */
static int32_t collect(realm* self, char* into, uint32_t* length) {
    static char event[4096];
    for (;;) {
        const int32_t size = realm_context_next(self->context);
        if (size < 0) {
            return size;
        }
        realm_take(event, sizeof(event));
        const realm_event* const head = (const realm_event*)(void*)event;
        *length = put(into, *length, event + sizeof(realm_event), head->text_length);
        if (head->kind == REALM_EVENT_END) {
            return 0;
        }
    }
}

EXPORT(realm_generate)
void realm_generate(text_result* result, realm* self, char* text, uint32_t length) {
    if (self->model < 0) {
        *result = (text_result){NULL, 0, RAISE("load a model first"), 1};
        return;
    }
    char* const answer = take((size_t)self->max_tokens * 64 + 64);
    uint32_t written = 0;
    if (prefill(self, text, length) < 0 ||
        realm_context_generate(self->context, self->max_tokens, NULL, 0) < 0 ||
        collect(self, answer, &written) < 0) {
        *result = (text_result){NULL, 0, raise_last(), 1};
        return;
    }
    *result = (text_result){answer, written, 0, 0};
}
