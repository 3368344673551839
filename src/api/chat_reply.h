// How the chunks and the reply of a chat run become an HTTP response, in either protocol.
#pragma once

#include <memory>

#include "api/chat_shape.h"
#include "api/run_reply.h"
#include "envelope/envelope.h"

namespace realm::api {

std::unique_ptr<RunReply> openai_reply(ChatShaper shaper, bool streaming);
// Envelopes with `meta`, whose data are OpenAI's objects.
std::unique_ptr<RunReply> envelope_reply(ChatShaper shaper, envelope::Meta meta);

}  // namespace realm::api
