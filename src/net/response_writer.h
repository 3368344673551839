// The response of one request on its connection. Internal to net.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/error.h"
#include "net/connection.h"
#include "net/http.h"
#include "net/response_head.h"

namespace realm::net {

struct ResponseRules {
    bool http_1_1 = true;
    bool keep_alive = true;
    bool head_only = false;  // the request was HEAD: fields without a body
};

// Lives on the stack of the connection's coroutine while the handler runs.
class ConnectionWriter final : public ResponseWriter {
public:
    ConnectionWriter(Connection& connection, const ResponseRules& rules)
        : connection_(connection), rules_(rules) {}

    boost::asio::awaitable<Result<void>> send(HttpResponse response) override;
    boost::asio::awaitable<Result<void>> begin(int status, Headers headers) override;
    boost::asio::awaitable<Result<void>> write(std::string_view data) override;
    boost::asio::awaitable<Result<void>> end() override;
    void on_disconnect(std::move_only_function<void()> gone) override;

    // Nothing of the response has been written.
    [[nodiscard]] bool untouched() const { return phase_ == Phase::kNothing; }
    // The client has a whole response.
    [[nodiscard]] bool complete() const { return phase_ == Phase::kComplete; }
    // Another request may follow.
    [[nodiscard]] bool keep_alive() const { return complete() && rules_.keep_alive; }

private:
    enum class Phase : std::uint8_t { kNothing, kStreaming, kComplete, kBroken };

    [[nodiscard]] ConnectionField connection_field() const;

    Connection& connection_;
    ResponseRules rules_;
    Phase phase_ = Phase::kNothing;
    bool chunked_ = false;
    bool has_body_ = true;
};

}  // namespace realm::net
