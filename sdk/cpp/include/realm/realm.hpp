// The program interface for C++: RAII handles, strings and results on top of realm.h.
//
// Compiles with -fno-exceptions. A program is one REALM_PROGRAM block that returns a Status; when
// it returns a failure, the client gets the error that the host reported. Nothing here is
// thread-safe, since an instance has one thread.
#pragma once

#include <realm/realm.h>
#include <realm/json.hpp>
#include <realm/log.hpp>
#include <realm/result.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace realm {

// ---- request and reply ------------------------------------------------------------------------

// The request's data, a JSON value.
inline std::string request_data() {
    return detail::read_text(realm_request_data);
}

// The request's meta, a JSON object: request_id, operation, tenant, stream and more.
inline std::string request_meta() {
    return detail::read_text(realm_request_meta);
}

// [suspends] Sends one chunk, a JSON value; waits while the client reads slowly.
inline Status emit(std::string_view json) {
    return detail::done(realm_emit(json.data(), detail::size32(json.size())));
}

// [suspends] Sends a piece of the answer as a chunk {"content": text}.
inline Status emit_text(std::string_view text) {
    return emit(JsonObject().text("content", text).finish());
}

// Sets the reply, a JSON value.
inline Status reply(std::string_view json) {
    return detail::done(realm_reply(json.data(), detail::size32(json.size())));
}

// The reply is one text: a JSON string.
inline Status reply_text(std::string_view text) {
    return reply(json_string(text));
}

// The host's last error of this instance as JSON; empty when no call failed.
inline std::string last_error() {
    return detail::read_text(realm_last_error);
}

struct Error {
    std::string_view type = "internal";  // a name of the envelope, such as "invalid_request"
    std::string_view code;               // what programs compare
    std::string_view message;            // what people read
    std::string_view details = {};       // JSON; empty for none
};

// Ends the request with an error: `return realm::fail({...});`.
inline std::unexpected<Failure> fail(const Error& error) {
    JsonObject json;
    json.text("type", error.type).text("code", error.code).text("message", error.message);
    if (!error.details.empty()) {
        json.json("details", error.details);
    }
    const std::string text = json.finish();
    realm_fail(text.data(), detail::size32(text.size()));
    return std::unexpected(Failure{.status = REALM_E_INVALID_REQUEST, .reported = true});
}

// True once the client is gone or the request was cancelled.
inline bool cancelled() {
    return realm_cancelled() != 0;
}

inline std::int64_t time_left_ms() {
    return realm_time_left_ms();
}

// ---- model ------------------------------------------------------------------------------------

using Token = std::int32_t;

struct Message {
    std::string_view role;  // "system", "user", "assistant"
    std::string_view content;
};

inline std::string messages_json(std::span<const Message> messages) {
    std::string json = "[";
    for (const Message& message : messages) {
        json += json.size() > 1 ? "," : "";
        json += JsonObject().text("role", message.role).text("content", message.content).finish();
    }
    return json + "]";
}

// A model of the server; a value that costs nothing to copy.
class Model {
public:
    // Without a name: the server's default model.
    static Result<Model> open(std::string_view name = {}) {
        REALM_TRY(handle,
                  detail::checked(realm_model_open(name.data(), detail::size32(name.size()))));
        return Model(handle);
    }

    [[nodiscard]] std::int32_t handle() const { return handle_; }

    [[nodiscard]] Result<realm_model_info> info() const {
        realm_model_info info{};
        REALM_CHECK(detail::done(realm_model_describe(handle_, &info)));
        return info;
    }

    [[nodiscard]] std::string name() const {
        return detail::read_text([this](char* buffer, std::uint32_t capacity) {
            return realm_model_name(handle_, buffer, capacity);
        });
    }

    // [suspends] `flags`: REALM_TOKENIZE_*.
    [[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view text,
                                                      std::uint32_t flags = 0) const {
        REALM_TRY(count, detail::checked(realm_tokenize(handle_, text.data(),
                                                        detail::size32(text.size()), flags)));
        return detail::taken<Token>(count);
    }

    // [suspends] Bytes; not always whole UTF-8.
    [[nodiscard]] Result<std::string> detokenize(std::span<const Token> tokens) const {
        REALM_TRY(length, detail::checked(realm_detokenize(handle_, tokens.data(),
                                                           detail::size32(tokens.size()))));
        return detail::taken_text(length);
    }

    // [suspends] The prompt that the model's chat template makes of a JSON array of messages,
    // ready for the assistant's answer.
    [[nodiscard]] Result<std::string> chat_prompt(std::string_view messages) const {
        REALM_TRY(length, detail::checked(realm_apply_template(
                              handle_, messages.data(), detail::size32(messages.size()), 1)));
        return detail::taken_text(length);
    }

    // [suspends] The tokens of that prompt.
    [[nodiscard]] Result<std::vector<Token>> chat_tokens(std::string_view messages) const {
        REALM_TRY(prompt, chat_prompt(messages));
        return tokenize(prompt, REALM_TOKENIZE_ADD_SPECIAL | REALM_TOKENIZE_PARSE_SPECIAL);
    }
    [[nodiscard]] Result<std::vector<Token>> chat_tokens(
        std::initializer_list<Message> messages) const {
        return chat_tokens(messages_json({messages.begin(), messages.size()}));
    }

private:
    explicit Model(std::int32_t handle) : handle_(handle) {}

    std::int32_t handle_;
};

// ---- context ----------------------------------------------------------------------------------

enum class Finish : std::int32_t {
    end = REALM_FINISH_END,
    stop_string = REALM_FINISH_STOP_STRING,
    length = REALM_FINISH_LENGTH
};

struct GeneratedToken {
    Token token = 0;
    std::string text;  // may be empty: bytes that may become part of a stop string are held back
};

// A generation that runs while it is read, as a range or by next(). Belongs to its context, which
// must outlive it; it stops when it is destroyed before its end.
class Generation {
public:
    struct Sentinel {};
    class Iterator {
    public:
        explicit Iterator(Generation& owner) : owner_(&owner) {}
        GeneratedToken& operator*() const { return owner_->current_; }
        GeneratedToken* operator->() const { return &owner_->current_; }
        Iterator& operator++() {
            owner_->next();
            return *this;
        }
        bool operator==(Sentinel) const { return owner_->over_; }

    private:
        Generation* owner_;
    };

    explicit Generation(std::int32_t context) : context_(context) {}
    Generation(Generation&& other) noexcept
        : context_(other.context_),
          over_(std::exchange(other.over_, true)),
          finish_(other.finish_),
          status_(other.status_),
          current_(std::move(other.current_)),
          tail_(std::move(other.tail_)) {}
    Generation& operator=(Generation&&) = delete;
    ~Generation() { (void)stop(); }

    // [suspends] True: current() is a new token. False: it is over; ask status() whether it ended
    // well.
    bool next() {
        if (over_) {
            return false;
        }
        const std::int32_t size = realm_context_next(context_);
        if (size < 0) {
            over_ = true;
            status_ = detail::done(size);
            return false;
        }
        std::string bytes = detail::taken_text(size);
        realm_event event{};
        std::memcpy(&event, bytes.data(), sizeof(event));
        bytes.erase(0, sizeof(event));
        if (event.kind == REALM_EVENT_TOKEN) {
            current_ = {.token = event.token, .text = std::move(bytes)};
            return true;
        }
        over_ = true;
        finish_ = static_cast<Finish>(event.finish_reason);
        tail_ = std::move(bytes);
        return false;
    }

    Iterator begin() {
        next();
        return Iterator(*this);
    }
    Sentinel end() { return {}; }

    [[nodiscard]] GeneratedToken& current() { return current_; }
    // After the end: whether it went well, why it ended, and text that was held back until then.
    [[nodiscard]] Status status() const { return status_; }
    [[nodiscard]] Finish finish() const { return finish_; }
    [[nodiscard]] const std::string& tail() const { return tail_; }

    // [suspends] Cuts it short.
    Status stop() {
        if (std::exchange(over_, true)) {
            return {};
        }
        return detail::done(realm_context_stop(context_));
    }

private:
    std::int32_t context_;
    bool over_ = false;
    Finish finish_ = Finish::end;
    Status status_;
    GeneratedToken current_;
    std::string tail_;
};

// The default: greedy, nothing cut off.
inline constexpr realm_sampling kGreedy = {.temperature = 0,
                                           .top_k = 0,
                                           .top_p = 1,
                                           .min_p = 0,
                                           .frequency_penalty = 0,
                                           .presence_penalty = 0,
                                           .has_seed = 0,
                                           .seed = 0};

// A token sequence in the model's memory; freed with this object. Move-only.
class Context {
public:
    // [suspends] Waits while others hold the memory.
    static Result<Context> create(const Model& model, std::size_t capacity) {
        REALM_TRY(handle,
                  detail::checked(realm_context_create(model.handle(), detail::size32(capacity))));
        return Context(handle);
    }

    Context(Context&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    Context& operator=(Context&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Context() {
        if (handle_ >= 0) {
            realm_context_drop(handle_);
        }
    }

    // [suspends] A context with the same tokens; both go on independently.
    [[nodiscard]] Result<Context> fork(std::size_t capacity) const {
        REALM_TRY(handle, detail::checked(realm_context_fork(handle_, detail::size32(capacity))));
        return Context(handle);
    }

    // [suspends] Takes away what follows the first `tokens` tokens; prefill before the next step.
    Status truncate(std::size_t tokens) {
        return detail::done(realm_context_truncate(handle_, detail::size32(tokens)));
    }

    // [suspends] Appends tokens and computes them.
    Status prefill(std::span<const Token> tokens) {
        return detail::done(
            realm_context_prefill(handle_, tokens.data(), detail::size32(tokens.size())));
    }

    Status set_sampling(const realm_sampling& sampling) {
        return detail::done(realm_context_sampling(handle_, &sampling));
    }

    // Keeps tokens of about the expected probability, until they have `p` together; 1: off.
    Status set_typical(float p) { return detail::done(realm_context_typical(handle_, p)); }

    // What makes tokens that were chosen before less likely, above 1, or more; 1: off.
    Status set_repetition(float penalty) {
        return detail::done(realm_context_repetition(handle_, penalty));
    }

    // What is added to the logits of some tokens, each named once; none: nothing.
    Status set_logit_bias(std::span<const realm_logit_bias> biases) {
        return detail::done(
            realm_context_logit_bias(handle_, biases.data(), detail::size32(biases.size())));
    }

    // Bit i % 32 of word i / 32 allows token i; an empty mask allows all.
    Status set_mask(std::span<const std::uint32_t> words) {
        return detail::done(
            realm_context_mask(handle_, words.data(), detail::size32(words.size())));
    }

    // [suspends] Chooses one token, appends it and gives it.
    Result<Token> step() { return detail::checked(realm_context_step(handle_)); }

    // Before `count` tokens are made, no generation ends the model's turn.
    Status set_min_tokens(std::uint32_t count) {
        return detail::done(realm_context_min_tokens(handle_, count));
    }

    // Among the tenant's contexts; lower is served earlier, -1000 to 1000.
    Status set_priority(std::int32_t priority) {
        return detail::done(realm_context_priority(handle_, priority));
    }

    // The same for those that are created from now on, while they wait for memory too.
    static Status set_priority_of_new(std::int32_t priority) {
        return detail::done(realm_context_priority(REALM_NEW_CONTEXTS, priority));
    }

    // Whether its first prompt may begin with what was computed before, and later ones with its.
    Status share_beginning(bool shared) {
        return detail::done(realm_context_share(handle_, shared ? 1 : 0));
    }

    // [suspends] The logits after the last token, one for each token of the vocabulary.
    [[nodiscard]] Result<std::vector<float>> logits() const {
        REALM_TRY(count, detail::checked(realm_context_logits(handle_)));
        return detail::taken<float>(count);
    }

    // [suspends] The `count` likeliest next tokens, the likeliest first.
    [[nodiscard]] Result<std::vector<realm_candidate>> top(std::uint32_t count) const {
        REALM_TRY(found, detail::checked(realm_context_top(handle_, count)));
        return detail::taken<realm_candidate>(found);
    }

    [[nodiscard]] std::int32_t handle() const { return handle_; }

    // Starts generating; `stop` is a JSON array of strings, or empty.
    Result<Generation> generate(std::uint32_t max_tokens, std::string_view stop = {}) {
        REALM_CHECK(detail::done(
            realm_context_generate(handle_, max_tokens, stop.data(), detail::size32(stop.size()))));
        return Generation(handle_);
    }

    [[nodiscard]] std::uint32_t length() const {
        const std::int32_t length = realm_context_length(handle_);
        return length < 0 ? 0 : static_cast<std::uint32_t>(length);
    }

    // Of the tokens prefilled, those that a prompt of the tenant's had begun with before.
    [[nodiscard]] std::uint32_t reused() const {
        const std::int32_t tokens = realm_context_reused(handle_);
        return tokens < 0 ? 0 : static_cast<std::uint32_t>(tokens);
    }

private:
    explicit Context(std::int32_t handle) : handle_(handle) {}

    std::int32_t handle_;
};

// [suspends] Steps all of them in one batch: for each its token, or the negative status of its
// step.
inline Result<std::vector<std::int32_t>> step_many(std::span<Context* const> contexts) {
    std::vector<std::int32_t> handles;
    for (const Context* context : contexts) {
        handles.push_back(context->handle());
    }
    REALM_TRY(count, detail::checked(
                         realm_context_step_many(handles.data(), detail::size32(handles.size()))));
    return detail::taken<std::int32_t>(count);
}

// ---- the program ------------------------------------------------------------------------------

namespace detail {

// Tells the client about a failure that the program passed up.
inline void report(const Status& status) {
    if (status || status.error().reported) {
        return;
    }
    const std::string error = last_error();
    if (error.empty()) {
        (void)fail(
            {.type = "internal", .code = "program_failed", .message = "The program failed."});
        return;
    }
    realm_fail(error.data(), size32(error.size()));
}

}  // namespace detail

}  // namespace realm

// The body of the program; returns a realm::Status. Once in each program.
#define REALM_PROGRAM                                                             \
    static ::realm::Status realm_program();                                       \
    extern "C" REALM_EXPORT(realm_abi_version) std::int32_t realm_abi_version() { \
        return REALM_ABI_VERSION;                                                 \
    }                                                                             \
    extern "C" REALM_EXPORT(realm_run) void realm_run() {                         \
        ::realm::detail::report(realm_program());                                 \
    }                                                                             \
    static ::realm::Status realm_program()

#include <realm/runtime.hpp>
