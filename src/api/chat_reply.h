// How the chunks and the reply of a chat run become an HTTP response, in either protocol.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/chat_shape.h"
#include "base/error.h"
#include "envelope/envelope.h"
#include "net/http.h"

namespace realm::api {

// One for each request; used on the gateway's thread.
class ChatReply {
public:
    ChatReply(ChatShaper shaper, bool streaming)
        : shaper_(std::move(shaper)), streaming_(streaming) {}
    virtual ~ChatReply() = default;

    [[nodiscard]] bool streaming() const { return streaming_; }

    // As server-sent events.
    virtual std::string chunk(const envelope::Json& program_chunk) = 0;
    virtual std::string stream_end(const envelope::Json& reply,
                                   std::chrono::milliseconds duration) = 0;
    virtual std::string stream_error(const Error& error) = 0;
    // As one response.
    virtual net::HttpResponse whole(const envelope::Json& reply,
                                    std::chrono::milliseconds duration) = 0;
    virtual net::HttpResponse error(const Error& error) = 0;

protected:
    ChatShaper& shaper() { return shaper_; }

private:
    ChatShaper shaper_;
    bool streaming_;
};

std::unique_ptr<ChatReply> openai_reply(ChatShaper shaper, bool streaming);
// Envelopes with `meta`, whose data are OpenAI's objects.
std::unique_ptr<ChatReply> envelope_reply(ChatShaper shaper, envelope::Meta meta);

// An error as an envelope, with the status of its type.
net::HttpResponse envelope_error_response(envelope::Meta meta, const Error& error);

}  // namespace realm::api
