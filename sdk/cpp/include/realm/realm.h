/* realm.h - the program interface of Realm, version 1.5: what a WebAssembly program imports from
 * module "env" to answer a request with a model, and what it must export. This header is the
 * interface's documentation; any language that can import and export functions may be used.
 *
 * EXPORTS
 *   memory               the program's linear memory
 *   realm_abi_version    () -> i32, a constant: REALM_ABI_VERSION. The host reads it before it
 *                        compiles; it accepts the same major version and no newer minor one.
 *   realm_run            () -> (): answers one request, in an instance of its own.
 *   _initialize          () -> (), optional: called once before realm_run (reactor modules).
 *
 * CONVENTIONS
 *   Pointers are offsets into the program's memory; (pointer, length) is a range of bytes, or of
 *   elements where a count is meant. Each range must lie inside the memory and be aligned for its
 *   element type, else the program ends with an error that names function and parameter. A length
 *   of 0 allows any pointer. The host never keeps a pointer beyond a call.
 *   Text is UTF-8; JSON is RFC 8259.
 *   Functions that return int32_t give a value >= 0, or one of the negative REALM_E_* statuses;
 *   realm_last_error then gives the whole error. A status never ends the program.
 *   [suspends] marks functions that may wait. The instance sleeps at no cost while others run.
 *   What such a call produces is kept by the host until the next suspending call: realm_take
 *   copies it into memory.
 *   Handles are small integers of this instance; others' mean nothing here.
 */
#ifndef REALM_H
#define REALM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REALM_ABI_MAJOR 1
#define REALM_ABI_MINOR 5
#define REALM_ABI_VERSION ((REALM_ABI_MAJOR << 16) | REALM_ABI_MINOR)

#if defined(__wasm__)
#define REALM_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define REALM_EXPORT(name) __attribute__((export_name(#name)))
#else
#define REALM_IMPORT(name)
#define REALM_EXPORT(name)
#endif

/* Statuses. They are the error types of the envelope, in its order. */
enum {
    REALM_OK = 0,
    REALM_E_INVALID_REQUEST = -1,
    REALM_E_UNAUTHENTICATED = -2,
    REALM_E_PERMISSION_DENIED = -3,
    REALM_E_NOT_FOUND = -4,
    REALM_E_CONFLICT = -5,
    REALM_E_RATE_LIMITED = -6,
    REALM_E_QUOTA_EXCEEDED = -7,
    REALM_E_PROGRAM_TRAP = -8,
    REALM_E_PROGRAM_LIMIT = -9,
    REALM_E_OVERLOADED = -10,
    REALM_E_DEADLINE_EXCEEDED = -11,
    REALM_E_CANCELLED = -12,
    REALM_E_UNAVAILABLE = -13,
    REALM_E_INTERNAL = -14
};

/* ---- request and reply -------------------------------------------------------------------- */

/* Copies the first `capacity` bytes of the request's data (a JSON value) and returns its whole
 * length in bytes; call with capacity 0 to learn it. */
REALM_IMPORT(realm_request_data) int32_t realm_request_data(char* buffer, uint32_t capacity);

/* The same for the request's meta: a JSON object with request_id, operation, tenant, stream and
 * whatever else the envelope carried. */
REALM_IMPORT(realm_request_meta) int32_t realm_request_meta(char* buffer, uint32_t capacity);

/* [suspends] Sends one chunk, a JSON value, to the client; waits while the client reads slower
 * than the program writes. Where the client speaks a chat API, a chunk is
 * {"content": text, ...}. REALM_E_CANCELLED: nobody reads any more.
 * REALM_E_PROGRAM_LIMIT: more output than the limits allow. */
REALM_IMPORT(realm_emit) int32_t realm_emit(const char* json, uint32_t length);

/* Sets the reply, a JSON value; the client gets it when realm_run returns. Without one the reply
 * is null. REALM_E_CONFLICT: there is a reply or failure already. */
REALM_IMPORT(realm_reply) int32_t realm_reply(const char* json, uint32_t length);

/* Ends the request with an error: a JSON object {"type", "code", "message"} and optionally
 * "retryable" and "details"; "type" is one of the envelope's names, e.g. "invalid_request".
 * REALM_E_CONFLICT: there is a reply or failure already. */
REALM_IMPORT(realm_fail) int32_t realm_fail(const char* json, uint32_t length);

/* 1 once the client is gone or the request was cancelled, else 0. */
REALM_IMPORT(realm_cancelled) int32_t realm_cancelled(void);

/* Milliseconds left before the run is ended; never negative. */
REALM_IMPORT(realm_time_left_ms) int64_t realm_time_left_ms(void);

/* ---- results and errors ------------------------------------------------------------------- */

/* Copies the first `capacity` bytes of what the last suspending call produced and returns its
 * whole length in bytes. The result stays until the next suspending call. */
REALM_IMPORT(realm_take) int32_t realm_take(void* buffer, uint32_t capacity);

/* Copies the last error of this instance, a JSON object {"type", "code", "message", "retryable"},
 * and returns its whole length in bytes; 0 when no call failed yet. */
REALM_IMPORT(realm_last_error) int32_t realm_last_error(char* buffer, uint32_t capacity);

/* ---- log ---------------------------------------------------------------------------------- */

enum { REALM_LOG_DEBUG = 0, REALM_LOG_INFO = 1, REALM_LOG_WARN = 2, REALM_LOG_ERROR = 3 };

/* Writes a line to the run's log. Lines beyond the log limit of a run are dropped and counted.
 * Never log what a client sent: logs outlive requests. */
REALM_IMPORT(realm_log) void realm_log(int32_t level, const char* text, uint32_t length);

/* ---- model -------------------------------------------------------------------------------- */

typedef struct {
    uint32_t vocabulary_size;
    uint32_t context_length;     /* tokens the model was trained for */
    uint32_t max_context_tokens; /* tokens one context may hold on this server */
    uint32_t has_chat_template;  /* 0 or 1 */
} realm_model_info;

/* Opens the model of that name; length 0 means the server's default model. Returns a handle.
 * REALM_E_NOT_FOUND: no such model. */
REALM_IMPORT(realm_model_open) int32_t realm_model_open(const char* name, uint32_t length);

/* Fills `info`. REALM_E_NOT_FOUND: no such handle. */
REALM_IMPORT(realm_model_describe)
int32_t realm_model_describe(int32_t model, realm_model_info* info);

/* Copies the model's name; returns its whole length. */
REALM_IMPORT(realm_model_name)
int32_t realm_model_name(int32_t model, char* buffer, uint32_t capacity);

enum { REALM_TOKENIZE_ADD_SPECIAL = 1, REALM_TOKENIZE_PARSE_SPECIAL = 2 };

/* [suspends] Turns text into tokens; returns how many. realm_take gives them as int32_t. */
REALM_IMPORT(realm_tokenize)
int32_t realm_tokenize(int32_t model, const char* text, uint32_t length, uint32_t flags);

/* [suspends] Turns tokens into bytes; returns how many. realm_take gives them. */
REALM_IMPORT(realm_detokenize)
int32_t realm_detokenize(int32_t model, const int32_t* tokens, uint32_t count);

/* [suspends] Renders a JSON array of {"role", "content"} with the model's own chat template;
 * returns the length of the text. realm_take gives it. */
REALM_IMPORT(realm_apply_template)
int32_t realm_apply_template(int32_t model, const char* messages, uint32_t length,
                             uint32_t add_generation_prompt);

/* The three above: REALM_E_PROGRAM_LIMIT when the text, the tokens or the messages have more bytes
 * than limits.text_bytes allows. */

/* ---- context ------------------------------------------------------------------------------ */

/* [suspends] Makes a context, a token sequence in the model's memory that may grow to `capacity`
 * tokens; returns a handle. Waits while others hold the memory.
 * REALM_E_INVALID_REQUEST: capacity is 0 or above max_context_tokens. REALM_E_PROGRAM_LIMIT: too
 * many contexts, too many tokens in all of them, or too many operations that go on.
 * REALM_E_OVERLOADED: too many wait already. */
REALM_IMPORT(realm_context_create)
int32_t realm_context_create(int32_t model, uint32_t capacity);

/* [suspends] Appends tokens and computes them. REALM_E_INVALID_REQUEST: no tokens, one outside
 * the vocabulary, or more than the capacity leaves. REALM_E_PROGRAM_LIMIT: more tokens than one
 * call may bring, or, as in step and generate, too many generations that go on. */
REALM_IMPORT(realm_context_prefill)
int32_t realm_context_prefill(int32_t context, const int32_t* tokens, uint32_t count);

/* How many tokens the context holds; during a generation, those that realm_context_next gave. */
REALM_IMPORT(realm_context_length) int32_t realm_context_length(int32_t context);

/* How many of the tokens that were prefilled were not computed, since a prompt of the tenant's had
 * begun with them before (see realm_context_share). Since 1.4. */
REALM_IMPORT(realm_context_reused) int32_t realm_context_reused(int32_t context);

/* [suspends] Makes a context with the tokens of another, which may grow to `capacity` tokens;
 * returns its handle. The computed tokens are shared and both go on independently, so that branches
 * cost what they add. The new context chooses tokens as the other did (sampling and mask).
 * REALM_E_INVALID_REQUEST: capacity below the tokens there are or above max_context_tokens.
 * REALM_E_PROGRAM_LIMIT: as in create. REALM_E_OVERLOADED: no room now.
 * REALM_E_CONFLICT: a generation runs. */
REALM_IMPORT(realm_context_fork) int32_t realm_context_fork(int32_t context, uint32_t capacity);

/* [suspends] Takes away what follows the first `tokens` tokens. Afterwards nothing can be chosen
 * before more is prefilled; to choose again after token n, truncate to n - 1 and prefill that one.
 * REALM_E_INVALID_REQUEST: the context holds fewer. REALM_E_OVERLOADED: the context shares its
 * beginning and there is no room for it to have its own. REALM_E_CONFLICT: a generation runs. */
REALM_IMPORT(realm_context_truncate)
int32_t realm_context_truncate(int32_t context, uint32_t tokens);

/* Whether the context may take the beginning of its first prompt from what this tenant's earlier
 * contexts computed, and leave its own to later ones: 1, as it is at first, or 0. It makes a prompt
 * quicker and changes no token. For before the first prefill. Since 1.2.
 * REALM_E_INVALID_REQUEST: neither 0 nor 1. */
REALM_IMPORT(realm_context_share) int32_t realm_context_share(int32_t context, uint32_t shared);

/* In place of a context: those that this instance makes from now on, in later requests of its
 * session too, other than by forking. */
#define REALM_NEW_CONTEXTS (-1)

/* How urgent the context is among its tenant's, of all programs: an integer from -1000 to 1000, 0
 * at first; a fork has what its source has. The lower is served earlier: prompts, tokens, and the
 * wait for memory, for which it must be set with REALM_NEW_CONTEXTS before the context is made.
 * What is less urgent gives way, but is never left out for good; other tenants are not concerned.
 * It changes no token. Since 1.5. REALM_E_INVALID_REQUEST: out of range. */
REALM_IMPORT(realm_context_priority)
int32_t realm_context_priority(int32_t context, int32_t priority);

/* Frees the context and its handle. */
REALM_IMPORT(realm_context_drop) int32_t realm_context_drop(int32_t context);

/* ---- sampling ----------------------------------------------------------------------------- */

typedef struct {
    float temperature;       /* 0: greedy, the largest logit */
    int32_t top_k;           /* 0: off */
    float top_p;             /* 1: off */
    float min_p;             /* 0: off */
    float frequency_penalty; /* -2 .. 2 */
    float presence_penalty;  /* -2 .. 2 */
    uint32_t has_seed;       /* 0: a seed of the host's choice */
    uint32_t seed;
} realm_sampling;

/* Sets how the context chooses tokens from now on; greedy until then. In this order: logit bias,
 * penalties, top_k, typical, top_p, min_p, temperature, a draw. The penalties count what one
 * generation, or the steps between two changes of sampling, chose; not the prompt.
 * REALM_E_INVALID_REQUEST: a value out of range. */
REALM_IMPORT(realm_context_sampling)
int32_t realm_context_sampling(int32_t context, const realm_sampling* sampling);

/* Of the tokens that top_k leaves, those whose probability is nearest to the expected one are kept,
 * until they have more than `p` together; above 0 and at most 1, 1 at first: off. Since 1.3. */
REALM_IMPORT(realm_context_typical) int32_t realm_context_typical(int32_t context, float p);

/* What divides the positive logits of tokens that were chosen before, and multiplies the others;
 * 0.01 to 100, 1 at first: off. Since 1.3. */
REALM_IMPORT(realm_context_repetition)
int32_t realm_context_repetition(int32_t context, float penalty);

typedef struct {
    int32_t token;
    float bias; /* -100 .. 100 */
} realm_logit_bias;

/* What is added to the logits of some tokens from now on; 0 biases: nothing. Since 1.3.
 * REALM_E_INVALID_REQUEST: more than 1,024, one out of range, one token twice, or one outside of
 * the vocabulary. */
REALM_IMPORT(realm_context_logit_bias)
int32_t realm_context_logit_bias(int32_t context, const realm_logit_bias* biases, uint32_t count);

/* Which tokens the context may choose from now on: bit i % 32 of mask[i / 32] allows token i, what
 * lies beyond `words` words is forbidden; 0 words: every token is allowed again.
 * REALM_E_INVALID_REQUEST: no token is allowed, or more words than the vocabulary has. */
REALM_IMPORT(realm_context_mask)
int32_t realm_context_mask(int32_t context, const uint32_t* mask, uint32_t words);

/* [suspends] Chooses the next token, appends it and returns it.
 * REALM_E_CONFLICT: nothing was prefilled, or a generation runs. */
REALM_IMPORT(realm_context_step) int32_t realm_context_step(int32_t context);

/* [suspends] Steps each of `count` different contexts, all of them in one batch; returns `count`.
 * realm_take gives an int32_t for each: its token, or the negative status that its step had.
 * REALM_E_INVALID_REQUEST: none, or one twice. REALM_E_PROGRAM_LIMIT: more than a program may hold.
 * REALM_E_NOT_FOUND, REALM_E_CONFLICT: of any of them; then none was stepped. */
REALM_IMPORT(realm_context_step_many)
int32_t realm_context_step_many(const int32_t* contexts, uint32_t count);

/* [suspends] The logits after the last token; returns how many, one for each token of the
 * vocabulary. realm_take gives them as float. REALM_E_CONFLICT: nothing was prefilled, or a
 * generation runs. */
REALM_IMPORT(realm_context_logits) int32_t realm_context_logits(int32_t context);

typedef struct {
    int32_t token;
    float log_probability; /* natural logarithm, of all tokens, at temperature 1 without a mask */
} realm_candidate;

/* [suspends] The `count` likeliest next tokens (1 to 1000), the likeliest first, of equal ones the
 * smaller; returns how many. realm_take gives a realm_candidate for each. Otherwise as logits. */
REALM_IMPORT(realm_context_top) int32_t realm_context_top(int32_t context, uint32_t count);

/* How many tokens a generation makes at least before one that ends the model's turn may be chosen,
 * from the next on; 0 at first. Stop strings and `max_tokens` end it all the same. Since 1.2. */
REALM_IMPORT(realm_context_min_tokens)
int32_t realm_context_min_tokens(int32_t context, uint32_t count);

/* Starts generating, up to `max_tokens`, until the model ends its turn or one of the stop strings
 * appears: `stop` is a JSON array of at most 16 strings of 1 to 256 bytes; length 0 means none.
 * The host goes on by itself while the program reads. */
REALM_IMPORT(realm_context_generate)
int32_t realm_context_generate(int32_t context, uint32_t max_tokens, const char* stop,
                               uint32_t stop_length);

enum { REALM_EVENT_TOKEN = 0, REALM_EVENT_END = 1 };
enum { REALM_FINISH_END = 0, REALM_FINISH_STOP_STRING = 1, REALM_FINISH_LENGTH = 2 };

typedef struct {
    int32_t kind;          /* REALM_EVENT_* */
    int32_t token;         /* of a token event */
    int32_t finish_reason; /* of an end event: REALM_FINISH_* */
    uint32_t text_length;  /* bytes of UTF-8 that follow this struct */
} realm_event;

/* [suspends] Waits for the next event of a generation; returns its size in bytes. realm_take
 * gives a realm_event and its text. A token's text may be empty while part of a character or of a
 * possible stop string is held back; the end event brings what is left.
 * REALM_E_CONFLICT: no generation runs. */
REALM_IMPORT(realm_context_next) int32_t realm_context_next(int32_t context);

/* [suspends] Cuts a running generation short; 0 when none runs. Tokens that were generated but not
 * read yet stay in the context: realm_context_length counts them. */
REALM_IMPORT(realm_context_stop) int32_t realm_context_stop(int32_t context);

#ifdef __cplusplus
}
#endif

#endif
