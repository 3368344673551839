// How the chunks and the reply of a run become an HTTP response.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "envelope/envelope.h"
#include "net/http.h"
#include "sandbox/executor.h"
#include "serving/run_service.h"

namespace realm::api {

// What a run took.
struct RunFigures {
    std::chrono::milliseconds duration{0};
    sandbox::RunUsage usage;
};

// The shape that a client speaks. One for each request; used on the gateway's thread.
class RunReply {
public:
    explicit RunReply(bool streaming) : streaming_(streaming) {}
    virtual ~RunReply() = default;
    RunReply(const RunReply&) = delete;
    RunReply& operator=(const RunReply&) = delete;

    [[nodiscard]] bool streaming() const { return streaming_; }

    // As server-sent events.
    virtual std::string chunk(const envelope::Json& program_chunk) = 0;
    virtual std::string stream_end(const envelope::OrderedJson& reply,
                                   const RunFigures& figures) = 0;
    virtual std::string stream_error(const Error& error) = 0;
    // As one response. keep() is given the chunks that come before it.
    virtual void keep(const envelope::Json& /*program_chunk*/) {}
    virtual net::HttpResponse whole(const envelope::OrderedJson& reply,
                                    const RunFigures& figures) = 0;
    virtual net::HttpResponse error(const Error& error) = 0;

private:
    bool streaming_;
};

// An error as an envelope, with the status of its type.
net::HttpResponse envelope_error_response(envelope::Meta meta, const Error& error);

// Starts the run and answers the request with what becomes of it. A client that goes away ends the
// run. A stream begins with the first chunk, so an error before it still has its HTTP status.
boost::asio::awaitable<void> answer_with_run(boost::asio::io_context& io, serving::RunService& runs,
                                             std::shared_ptr<const sandbox::Program> program,
                                             serving::RunRequest request, RunReply& reply,
                                             net::ResponseWriter& writer);

}  // namespace realm::api
