// stream_client PORT REQUEST.json [KEY]
//
// Sends one chat completions body to a server on this machine, reads the stream over a plain
// socket and prints {"tokens", "tokens_per_second", "first_token_ms", "gaps_ms", "text",
// "finish_reason"}. The time runs from the first token to the last; between two of them it sleeps
// in the kernel.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "event_stream.h"

namespace {

using bench::Clock;
using nlohmann::json;

json measure(std::uint16_t port, std::string_view body, std::string_view key) {
    bench::Connection connection(port);
    const Clock::time_point sent = Clock::now();
    connection.post_chat(body, key);
    bench::EventReader events;
    for (bool more = true; more;) {
        const std::string_view bytes = connection.receive();
        more = !bytes.empty() && events.take(bytes, Clock::now());
    }
    events.check_whole();
    if (events.tokens() < 2) {
        throw std::runtime_error("one token has no rate");
    }
    const std::chrono::duration<double> seconds = events.last() - events.first();
    return {{"tokens", events.tokens()},
            {"tokens_per_second", static_cast<double>(events.tokens() - 1) / seconds.count()},
            {"first_token_ms", bench::milliseconds(events.first() - sent)},
            {"gaps_ms", events.gaps_ms()},
            {"text", events.text()},
            {"finish_reason", events.finish_reason()}};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) {
        fmt::print(stderr, "usage: stream_client PORT REQUEST.json [KEY]\n");
        return 2;
    }
    try {
        std::ifstream file(argv[2]);
        const std::string body{std::istreambuf_iterator<char>(file), {}};
        const int port = std::stoi(argv[1]);
        fmt::print("{}\n", measure(static_cast<std::uint16_t>(port), body, argc == 4 ? argv[3] : "")
                               .dump(-1, ' ', false, json::error_handler_t::replace));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "stream_client: {}\n", error.what());
        return 1;
    }
}
