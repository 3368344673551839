// How a run of a tenant's own program becomes an HTTP response.
#pragma once

#include <memory>
#include <string>

#include "api/run_reply.h"
#include "envelope/envelope.h"

namespace realm::api {

// {"id", "program", "output", "chunks", "usage"}, or as server-sent events {"chunk"} for each,
// then {"output", "usage"} and [DONE].
std::unique_ptr<RunReply> program_reply(std::string id, std::string program, bool streaming);
// Envelopes with `meta`, whose data are the same objects.
std::unique_ptr<RunReply> program_envelope_reply(envelope::Meta meta, std::string program);

// An error that goes to the owner of a program: with its details, such as a trap's backtrace.
net::HttpResponse program_error_response(const Error& error);

}  // namespace realm::api
