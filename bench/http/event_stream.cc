#include "event_stream.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace bench {

using nlohmann::json;

Connection::Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (socket_ < 0 ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(socket_);
        throw std::runtime_error("cannot connect");
    }
}

Connection::~Connection() {
    ::close(socket_);
}

void Connection::post_chat(std::string_view body, std::string_view key) const {
    const std::string authorization =
        key.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", key);
    send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{}Content-Type: "
                    "application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                    authorization, body.size(), body));
}

void Connection::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            throw std::runtime_error("cannot send");
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string_view Connection::receive() {
    const ssize_t count = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (count < 0) {
        throw std::runtime_error("cannot receive");
    }
    return {buffer_.data(), static_cast<std::size_t>(count)};
}

bool EventReader::take(std::string_view bytes, Clock::time_point now) {
    pending_ += bytes;
    std::size_t start = 0;
    for (std::size_t end = 0; (end = pending_.find('\n', start)) != std::string::npos;
         start = end + 1) {
        read_line(std::string_view(pending_).substr(start, end - start), now);
    }
    pending_.erase(0, start);
    return !done_;
}

void EventReader::check_whole() const {
    if (!done_ || tokens_ == 0) {
        // A refusal is one JSON object, which need not end with a line.
        throw std::runtime_error(fmt::format("the stream broke off after {} tokens: {}{}", tokens_,
                                             odd_line_, pending_));
    }
}

void EventReader::count_token(Clock::time_point now) {
    if (tokens_ > 0) {
        gaps_ms_.push_back(milliseconds(now - last_));
    }
    last_ = now;
    first_ = tokens_ == 0 ? now : first_;
    ++tokens_;
}

void EventReader::read_line(std::string_view line, Clock::time_point now) {
    constexpr std::string_view kStart = "data: ";
    if (!line.starts_with(kStart)) {
        odd_line_ = line.starts_with('{') ? line : odd_line_;
        return;
    }
    line.remove_prefix(kStart.size());
    if (line.starts_with("[DONE]")) {
        done_ = true;
        return;
    }
    const json event = json::parse(line);
    if (event.contains("usage") && event["usage"].is_object()) {
        completion_tokens_ = event["usage"].value("completion_tokens", std::size_t{0});
    }
    if (!event.contains("choices")) {
        odd_line_ = line;
        return;
    }
    if (event["choices"].empty()) {
        return;
    }
    const json& choice = event["choices"][0];
    const json& delta = choice["delta"];
    if (!choice["finish_reason"].is_null()) {
        finish_reason_ = choice["finish_reason"];
    }
    if (!delta.contains("content") || !delta["content"].is_string()) {
        return;
    }
    // The last event may bring a rest of text, which is no token of its own.
    if (choice["finish_reason"].is_null()) {
        count_token(now);
    }
    text_ += delta["content"].get_ref<const std::string&>();
}

}  // namespace bench
