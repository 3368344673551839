// How stream_client and load_client talk to a server on this machine: a plain socket and the events
// of a streamed chat completion. Each object belongs to one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double milliseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

// A TCP connection to a port of this machine; throws std::runtime_error when something fails.
class Connection {
public:
    explicit Connection(std::uint16_t port);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Sends a chat completions body with a key (empty: none).
    void post_chat(std::string_view body, std::string_view key) const;

    // Waits for bytes unless poll() says that there are some. Empty at the end; valid until the
    // next.
    std::string_view receive();

    [[nodiscard]] int descriptor() const { return socket_; }

private:
    void send(std::string_view bytes) const;

    int socket_;
    std::array<char, 65'536> buffer_{};
};

// Takes the events out of a response. The frames of the chunked encoding lie between the lines of
// events, which never start with "data: ", so lines are all that needs to be told apart.
class EventReader {
public:
    // Gives false once the stream has ended.
    bool take(std::string_view bytes, Clock::time_point now);

    // Throws std::runtime_error, with what the server said instead, unless the stream came to its
    // end with a token at least.
    void check_whole() const;

    // A chunk that carries text is a token, even where the text is empty.
    [[nodiscard]] std::size_t tokens() const { return tokens_; }
    [[nodiscard]] Clock::time_point first() const { return first_; }
    [[nodiscard]] Clock::time_point last() const { return last_; }
    // Between one token's event and the next.
    [[nodiscard]] const std::vector<double>& gaps_ms() const { return gaps_ms_; }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::string& finish_reason() const { return finish_reason_; }
    // What the server says that it generated; 0 where it was not asked.
    [[nodiscard]] std::size_t completion_tokens() const { return completion_tokens_; }

private:
    void read_line(std::string_view line, Clock::time_point now);
    void count_token(Clock::time_point now);

    std::string pending_;
    std::string text_;
    std::string finish_reason_;
    std::string odd_line_;
    std::size_t tokens_ = 0;
    std::size_t completion_tokens_ = 0;
    std::vector<double> gaps_ms_;
    bool done_ = false;
    Clock::time_point first_;
    Clock::time_point last_;
};

}  // namespace bench
