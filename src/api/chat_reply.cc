#include "api/chat_reply.h"

#include <optional>
#include <utility>

#include "api/responses.h"
#include "base/clock.h"
#include "envelope/error_table.h"

namespace realm::api {
namespace {

using envelope::Json;
using std::chrono::milliseconds;

class OpenAiReply final : public ChatReply {
public:
    using ChatReply::ChatReply;

    std::string chunk(const Json& program_chunk) override {
        return sse(envelope::dump(shaper().chunk(program_chunk)));
    }

    std::string stream_end(const Json& reply, milliseconds /*duration*/) override {
        std::string events = sse(envelope::dump(shaper().last_chunk(reply)));
        if (shaper().include_usage()) {
            events += sse(envelope::dump(shaper().usage_chunk(reply)));
        }
        return events + sse("[DONE]");
    }

    std::string stream_error(const Error& error) override {
        return sse(envelope::dump(openai_error(error)));
    }

    net::HttpResponse whole(const Json& reply, milliseconds /*duration*/) override {
        return json_response(200, shaper().completion(reply));
    }

    net::HttpResponse error(const Error& error) override { return error_response(error); }
};

class EnvelopeReply final : public ChatReply {
public:
    EnvelopeReply(ChatShaper shaper, envelope::Meta meta)
        : ChatReply(std::move(shaper), meta.stream), meta_(std::move(meta)) {}

    std::string chunk(const Json& program_chunk) override {
        return sse(wrap(shaper().chunk(program_chunk)));
    }

    std::string stream_end(const Json& reply, milliseconds duration) override {
        std::string events = sse(wrap(shaper().last_chunk(reply)));
        meta_.duration_ms = duration.count();
        return events + sse(wrap(shaper().usage_chunk(reply)));
    }

    std::string stream_error(const Error& error) override { return sse(wrap(nullptr, error)); }

    net::HttpResponse whole(const Json& reply, milliseconds duration) override {
        meta_.duration_ms = duration.count();
        return {.status = 200,
                .headers = {{"Content-Type", "application/json"}},
                .body = wrap(shaper().completion(reply)) + "\n"};
    }

    net::HttpResponse error(const Error& error) override {
        return envelope_error_response(meta_, error);
    }

private:
    std::string wrap(Json data, std::optional<Error> error = std::nullopt) {
        meta_.timestamp = base::rfc3339_now();
        return envelope::dump(envelope::to_json(
            envelope::Envelope{.meta = meta_, .data = std::move(data), .error = std::move(error)}));
    }

    envelope::Meta meta_;
};

}  // namespace

std::unique_ptr<ChatReply> openai_reply(ChatShaper shaper, bool streaming) {
    return std::make_unique<OpenAiReply>(std::move(shaper), streaming);
}

std::unique_ptr<ChatReply> envelope_reply(ChatShaper shaper, envelope::Meta meta) {
    return std::make_unique<EnvelopeReply>(std::move(shaper), std::move(meta));
}

net::HttpResponse envelope_error_response(envelope::Meta meta, const Error& error) {
    meta.timestamp = base::rfc3339_now();
    net::HttpResponse response = error_response(error);
    response.body = envelope::dump(envelope::to_json(envelope::Envelope{
                        .meta = std::move(meta), .data = nullptr, .error = error})) +
                    "\n";
    return response;
}

}  // namespace realm::api
