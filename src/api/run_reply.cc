#include "api/run_reply.h"

#include <utility>

#include "api/responses.h"
#include "api/run_channel.h"
#include "base/clock.h"

namespace realm::api {
namespace {

using envelope::OrderedJson;

Error cancelled_by_client() {
    return fail(ErrorType::kCancelled, "client_gone", "The client closed its connection.").error();
}

OrderedJson parse_trusted(const std::string& json) {
    return OrderedJson::parse(json, nullptr, false);
}

boost::asio::awaitable<void> relay(RunChannel& channel, RunReply& reply,
                                   net::ResponseWriter& writer,
                                   const std::shared_ptr<serving::Run>& run) {
    bool begun = false;
    bool gone = false;
    for (;;) {
        RunEvent event = co_await channel.next();
        if (const auto* chunk = std::get_if<std::string>(&event)) {
            if (!reply.streaming()) {
                reply.keep(parse_trusted(*chunk));
                continue;
            }
            if (gone) {
                continue;
            }
            if (!std::exchange(begun, true)) {
                const Result<void> started = co_await writer.begin(200, sse_headers());
                gone = !started.has_value();
            }
            const std::string text = reply.chunk(parse_trusted(*chunk));
            const Result<void> sent = co_await writer.write(text);
            if (!sent && !std::exchange(gone, true)) {
                run->cancel(cancelled_by_client());
            }
            continue;
        }
        auto& result = std::get<serving::RunResult>(event);
        const RunFigures figures{.duration = result.duration, .usage = result.usage};
        if (!begun && (!result.reply || !reply.streaming())) {
            net::HttpResponse response = result.reply
                                             ? reply.whole(parse_trusted(*result.reply), figures)
                                             : reply.error(result.reply.error());
            co_await writer.send(std::move(response));
            co_return;
        }
        if (!begun) {
            co_await writer.begin(200, sse_headers());
        }
        const std::string text = result.reply
                                     ? reply.stream_end(parse_trusted(*result.reply), figures)
                                     : reply.stream_error(result.reply.error());
        co_await writer.write(text);
        co_await writer.end();
        co_return;
    }
}

}  // namespace

net::HttpResponse envelope_error_response(envelope::Meta meta, const Error& error) {
    meta.timestamp = base::rfc3339_now();
    net::HttpResponse response = error_response(error);
    response.body = envelope::dump(envelope::to_json(envelope::Envelope{
                        .meta = std::move(meta), .data = nullptr, .error = error})) +
                    "\n";
    return response;
}

boost::asio::awaitable<void> answer_with_run(boost::asio::io_context& io, serving::RunService& runs,
                                             std::shared_ptr<const sandbox::Program> program,
                                             serving::RunRequest request, RunReply& reply,
                                             net::ResponseWriter& writer) {
    auto channel = std::make_shared<RunChannel>(io);
    auto run = runs.start(std::move(program), std::move(request), channel);
    if (!run) {
        net::HttpResponse response = reply.error(run.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    writer.on_disconnect([run = *run] { run->cancel(cancelled_by_client()); });
    co_await relay(*channel, reply, writer, *run);
    writer.on_disconnect(nullptr);
}

}  // namespace realm::api
