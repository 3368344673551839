#include "net/tests/test_server.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace realm::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::string_view kDateField = "Date: ";
constexpr std::string_view kLengthField = "Content-Length: ";
constexpr std::size_t kReadBytes = 65536;

}  // namespace

HttpResponse plain_error(int status, const Error& error) {
    return {.status = status,
            .headers = {{"Content-Type", "text/plain"}},
            .body = std::to_string(status) + " " + error.code + ": " + error.message};
}

TestServer::TestServer(HttpHandler handler, const HttpServerOptions& options)
    : work_(asio::make_work_guard(io_)) {
    auto server = HttpServer::listen(io_, options, std::move(handler), plain_error);
    if (!server) {
        throw std::runtime_error(server.error().message);
    }
    server_ = std::move(*server);
    port_ = server_->port();
    thread_ = std::thread([this] { io_.run(); });
}

TestServer::~TestServer() {
    io_.stop();
    thread_.join();
    server_.reset();
}

TestClient::TestClient(const TestServer& server) : socket_(io_) {
    socket_.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), server.port()));
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void TestClient::send(std::string_view bytes) {
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()));
}

bool TestClient::try_send(std::string_view bytes) {
    error_code failed;
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), failed);
    return !failed;
}

// recv() itself: Asio would turn the socket's timeout into a wait without end.
bool TestClient::fill() {
    std::array<char, kReadBytes> bytes{};
    const ssize_t count = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), 0);
    if (count < 0) {
        throw boost::system::system_error(errno, boost::system::system_category(), "recv");
    }
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return count > 0;
}

std::string TestClient::read_through(std::string_view mark) {
    std::size_t at = buffer_.find(mark);
    while (at == std::string::npos) {
        if (!fill()) {
            throw std::runtime_error("closed after: " + buffer_);
        }
        at = buffer_.find(mark);
    }
    return read_exactly(at + mark.size());
}

std::string TestClient::read_exactly(std::size_t count) {
    while (buffer_.size() < count) {
        if (!fill()) {
            throw std::runtime_error("closed after: " + buffer_);
        }
    }
    std::string text = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return text;
}

std::string TestClient::read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
}

std::string TestClient::read_response() {
    std::string text = read_through("\r\n\r\n");
    const std::size_t at = text.find(kLengthField);
    if (at == std::string::npos) {
        throw std::runtime_error("no Content-Length: " + text);
    }
    const std::size_t length = std::stoul(text.substr(at + kLengthField.size()));
    return without_date(text + read_exactly(length));
}

void TestClient::close() {
    socket_.close();
}

void TestClient::reset() {
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
}

void TestClient::close_sending() {
    socket_.shutdown(tcp::socket::shutdown_send);
}

std::string converse(const TestServer& server, std::string_view bytes) {
    TestClient client(server);
    client.send(bytes);
    return without_date(client.read_to_end());
}

std::string without_date(std::string text) {
    for (std::size_t at = text.find(kDateField); at != std::string::npos;
         at = text.find(kDateField)) {
        text.erase(at, text.find("\r\n", at) + 2 - at);
    }
    return text;
}

asio::awaitable<void> echo(HttpRequest request, ResponseWriter& writer) {
    HttpResponse response;
    response.body = request.method + " " + request.path + "?" + request.query + "|" + request.body;
    static_cast<void>(co_await writer.send(std::move(response)));
}

}  // namespace realm::net
