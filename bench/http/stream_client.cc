// stream_client PORT REQUEST.json
//
// Sends one chat completions body to a server on this machine, reads the stream over a plain
// socket and prints {"tokens", "tokens_per_second", "first_token_ms", "text", "finish_reason"}. The
// time runs from the first token to the last; between two of them it sleeps in the kernel.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

class Connection {
public:
    explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (socket_ < 0 ||
            ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            throw std::runtime_error("cannot connect");
        }
    }
    ~Connection() { ::close(socket_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                throw std::runtime_error("cannot send");
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    // Empty at the end.
    std::string_view receive() {
        const ssize_t count = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
        if (count < 0) {
            throw std::runtime_error("cannot receive");
        }
        return {buffer_.data(), static_cast<std::size_t>(count)};
    }

private:
    int socket_;
    std::array<char, 65'536> buffer_{};
};

// Takes the events out of a response. The frames of the chunked encoding lie between the lines of
// events, which never start with "data: ", so lines are all that needs to be told apart.
class EventReader {
public:
    // Gives false once the stream has ended.
    bool take(std::string_view bytes, Clock::time_point now) {
        pending_ += bytes;
        std::size_t start = 0;
        for (std::size_t end = 0; (end = pending_.find('\n', start)) != std::string::npos;
             start = end + 1) {
            read_line(std::string_view(pending_).substr(start, end - start), now);
        }
        pending_.erase(0, start);
        return !done_;
    }

    [[nodiscard]] json result(Clock::time_point sent) const {
        if (!done_ || tokens_ < 2) {
            throw std::runtime_error(
                fmt::format("the stream broke off after {} tokens: {}", tokens_, odd_line_));
        }
        const std::chrono::duration<double> seconds = last_ - first_;
        const std::chrono::duration<double, std::milli> wait = first_ - sent;
        return {{"tokens", tokens_},
                {"tokens_per_second", static_cast<double>(tokens_ - 1) / seconds.count()},
                {"first_token_ms", wait.count()},
                {"gaps_ms", gaps_ms_},
                {"text", text_},
                {"finish_reason", finish_reason_}};
    }

private:
    void read_line(std::string_view line, Clock::time_point now) {
        constexpr std::string_view kStart = "data: ";
        if (!line.starts_with(kStart)) {
            odd_line_ = line.starts_with('{') ? line : odd_line_;
            return;
        }
        line.remove_prefix(kStart.size());
        if (line == "[DONE]") {
            done_ = true;
            return;
        }
        const json event = json::parse(line);
        if (!event.contains("choices") || event["choices"].empty()) {
            odd_line_ = line;
            return;
        }
        const json& choice = event["choices"][0];
        if (!choice["finish_reason"].is_null()) {
            finish_reason_ = choice["finish_reason"];
        } else {
            if (tokens_ > 0) {
                const std::chrono::duration<double, std::milli> gap = now - last_;
                gaps_ms_.push_back(gap.count());
            }
            last_ = now;
            first_ = tokens_ == 0 ? now : first_;
            ++tokens_;
        }
        text_ += choice["delta"].value("content", "");
    }

    std::string pending_;
    std::string text_;
    std::string finish_reason_;
    std::string odd_line_;
    std::size_t tokens_ = 0;
    std::vector<double> gaps_ms_;  // between one token's event and the next
    bool done_ = false;
    Clock::time_point first_;
    Clock::time_point last_;
};

json measure(std::uint16_t port, std::string_view body, std::string_view key) {
    Connection connection(port);
    const Clock::time_point sent = Clock::now();
    connection.send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/json\r\nAuthorization: Bearer {}\r\n"
                    "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
                    key, body.size(), body));
    EventReader events;
    for (;;) {
        const std::string_view bytes = connection.receive();
        if (bytes.empty() || !events.take(bytes, Clock::now())) {
            return events.result(sent);
        }
    }
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
        fmt::print("{}\n",
                   measure(static_cast<std::uint16_t>(port), body, argc == 4 ? argv[3] : "none")
                       .dump(-1, ' ', false, json::error_handler_t::replace));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "stream_client: {}\n", error.what());
        return 1;
    }
}
