// load_client PORT PLAN.json
//
// Sends many chat completions to a server on this machine and reads all streams from one thread,
// which sleeps in the kernel while nothing comes, so that it takes little from the server.
// PLAN.json is an array of requests:
//
//   body         of POST /v1/chat/completions; "stream" must be true
//   key          optional; goes into the header Authorization
//   group        a name, for the conditions below and the result
//   lane         optional number; the requests of a lane go one after another, in their order
//   once_streams optional name of a group; starts when all of it have their first token
//   until_ends   optional name of a group; hangs up when all of it have ended
//
// A request with neither lane nor once_streams starts at once. Prints {"requests": [{"group",
// "begin_ms", "first_token_ms", "gaps_ms", "end_ms", "tokens", "completion_tokens", "text",
// "finish_reason", "hung_up"}]} in the order of the plan; begin_ms and end_ms count from the start
// of the whole, first_token_ms from begin_ms; end_ms is the last token. Fails when one request
// does.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event_stream.h"

namespace {

using bench::Clock;
using nlohmann::json;

// A server that says nothing for so long has hung.
constexpr int kSilenceMs = 180'000;

class Request {
public:
    explicit Request(const json& plan)
        : body_(plan.at("body").dump()),
          key_(plan.value("key", "")),
          group_(plan.at("group")),
          once_streams_(plan.value("once_streams", "")),
          until_ends_(plan.value("until_ends", "")),
          lane_(plan.value("lane", -1)) {}

    void start(std::uint16_t port) {
        connection_.emplace(port);
        begin_ = Clock::now();
        connection_->post_chat(body_, key_);
    }

    void receive() {
        const std::string_view bytes = connection_->receive();
        if (bytes.empty() || !events_.take(bytes, Clock::now())) {
            events_.check_whole();
            end();
        }
    }

    void hang_up() {
        if (!streams()) {
            throw std::runtime_error("a request was to end before its first token");
        }
        hung_up_ = true;
        end();
    }

    [[nodiscard]] json result(Clock::time_point start) const {
        return {{"group", group_},
                {"begin_ms", bench::milliseconds(begin_ - start)},
                {"first_token_ms", bench::milliseconds(events_.first() - begin_)},
                {"gaps_ms", events_.gaps_ms()},
                {"end_ms", bench::milliseconds(events_.last() - start)},
                {"tokens", events_.tokens()},
                {"completion_tokens", events_.completion_tokens()},
                {"text", events_.text()},
                {"finish_reason", events_.finish_reason()},
                {"hung_up", hung_up_}};
    }

    [[nodiscard]] bool waits() const { return !connection_ && !ended_; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool streams() const { return events_.tokens() > 0; }
    [[nodiscard]] int descriptor() const { return connection_ ? connection_->descriptor() : -1; }
    [[nodiscard]] const std::string& group() const { return group_; }
    [[nodiscard]] const std::string& once_streams() const { return once_streams_; }
    [[nodiscard]] const std::string& until_ends() const { return until_ends_; }
    [[nodiscard]] int lane() const { return lane_; }

private:
    void end() {
        connection_.reset();
        ended_ = true;
    }

    std::string body_;
    std::string key_;
    std::string group_;
    std::string once_streams_;
    std::string until_ends_;
    int lane_;
    bool ended_ = false;
    bool hung_up_ = false;
    std::optional<bench::Connection> connection_;
    bench::EventReader events_;
    Clock::time_point begin_;
};

class Load {
public:
    Load(std::uint16_t port, const json& plan) : port_(port) {
        for (const json& request : plan) {
            requests_.emplace_back(request);
        }
    }

    json run() {
        const Clock::time_point start = Clock::now();
        while (step()) {
        }
        json results = json::array();
        for (const Request& request : requests_) {
            results.push_back(request.result(start));
        }
        return {{"requests", std::move(results)}};
    }

private:
    // Gives false once all have ended.
    bool step() {
        for (std::size_t i = 0; i < requests_.size(); ++i) {
            if (requests_[i].waits() && may_start(i)) {
                requests_[i].start(port_);
            }
        }
        polled_.clear();
        for (const Request& request : requests_) {
            polled_.push_back({.fd = request.descriptor(), .events = POLLIN, .revents = 0});
        }
        if (std::ranges::all_of(requests_, &Request::ended)) {
            return false;
        }
        if (std::ranges::all_of(polled_, [](const pollfd& one) { return one.fd < 0; })) {
            throw std::runtime_error("the requests of the plan wait for each other");
        }
        if (::poll(polled_.data(), polled_.size(), kSilenceMs) <= 0) {
            throw std::runtime_error("the server said nothing for too long");
        }
        for (std::size_t i = 0; i < requests_.size(); ++i) {
            if (polled_[i].revents != 0) {
                requests_[i].receive();
            }
        }
        for (Request& request : requests_) {
            if (request.descriptor() >= 0 && !request.until_ends().empty() &&
                all_of_group(request.until_ends(), &Request::ended)) {
                request.hang_up();
            }
        }
        return true;
    }

    [[nodiscard]] bool may_start(std::size_t index) const {
        const Request& request = requests_[index];
        for (std::size_t before = 0; before < index && request.lane() >= 0; ++before) {
            if (requests_[before].lane() == request.lane() && !requests_[before].ended()) {
                return false;
            }
        }
        return request.once_streams().empty() ||
               all_of_group(request.once_streams(), &Request::streams);
    }

    [[nodiscard]] bool all_of_group(std::string_view group, bool (Request::*is)() const) const {
        return std::ranges::all_of(requests_, [&](const Request& request) {
            return request.group() != group || (request.*is)();
        });
    }

    std::uint16_t port_;
    std::deque<Request> requests_;  // they hold connections, which do not move
    std::vector<pollfd> polled_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fmt::print(stderr, "usage: load_client PORT PLAN.json\n");
        return 2;
    }
    try {
        std::ifstream file(argv[2]);
        Load load(static_cast<std::uint16_t>(std::stoi(argv[1])), json::parse(file));
        fmt::print("{}\n", load.run().dump(-1, ' ', false, json::error_handler_t::replace));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "load_client: {}\n", error.what());
        return 1;
    }
}
