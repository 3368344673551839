#include "api/chat_reply.h"

#include <optional>
#include <utility>

#include "api/responses.h"
#include "base/clock.h"

namespace realm::api {
namespace {

using envelope::Json;

class OpenAiReply final : public RunReply {
public:
    OpenAiReply(ChatShaper shaper, bool streaming)
        : RunReply(streaming), shaper_(std::move(shaper)) {}

    std::string chunk(const Json& program_chunk) override {
        return sse(envelope::dump(shaper_.chunk(program_chunk)));
    }

    std::string stream_end(const envelope::OrderedJson& reply,
                           const RunFigures& /*figures*/) override {
        std::string events = sse(envelope::dump(shaper_.last_chunk(reply)));
        if (shaper_.include_usage()) {
            events += sse(envelope::dump(shaper_.usage_chunk(reply)));
        }
        return events + sse("[DONE]");
    }

    std::string stream_error(const Error& error) override {
        return sse(envelope::dump(openai_error(error)));
    }

    net::HttpResponse whole(const envelope::OrderedJson& reply,
                            const RunFigures& /*figures*/) override {
        return json_response(200, shaper_.completion(reply));
    }

    net::HttpResponse error(const Error& error) override { return error_response(error); }

private:
    ChatShaper shaper_;
};

class EnvelopeReply final : public RunReply {
public:
    EnvelopeReply(ChatShaper shaper, envelope::Meta meta)
        : RunReply(meta.stream), shaper_(std::move(shaper)), meta_(std::move(meta)) {}

    std::string chunk(const Json& program_chunk) override {
        return sse(wrap(shaper_.chunk(program_chunk)));
    }

    std::string stream_end(const envelope::OrderedJson& reply, const RunFigures& figures) override {
        std::string events = sse(wrap(shaper_.last_chunk(reply)));
        meta_.duration_ms = figures.duration.count();
        return events + sse(wrap(shaper_.usage_chunk(reply)));
    }

    std::string stream_error(const Error& error) override { return sse(wrap(nullptr, error)); }

    net::HttpResponse whole(const envelope::OrderedJson& reply,
                            const RunFigures& figures) override {
        meta_.duration_ms = figures.duration.count();
        return {.status = 200,
                .headers = {{"Content-Type", "application/json"}},
                .body = wrap(shaper_.completion(reply)) + "\n"};
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

    ChatShaper shaper_;
    envelope::Meta meta_;
};

}  // namespace

std::unique_ptr<RunReply> openai_reply(ChatShaper shaper, bool streaming) {
    return std::make_unique<OpenAiReply>(std::move(shaper), streaming);
}

std::unique_ptr<RunReply> envelope_reply(ChatShaper shaper, envelope::Meta meta) {
    return std::make_unique<EnvelopeReply>(std::move(shaper), std::move(meta));
}

}  // namespace realm::api
