#include "registry/tests/test_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "registry/model_store.h"

namespace realm::registry::test {
namespace {

namespace fs = std::filesystem;

Request parse_request(const std::string& text) {
    Request request;
    std::size_t line_start = 0;
    bool first = true;
    while (line_start < text.size()) {
        const std::size_t line_end = text.find("\r\n", line_start);
        const std::string line = text.substr(line_start, line_end - line_start);
        if (line.empty()) {
            break;
        }
        if (first) {
            const std::size_t space = line.find(' ');
            request.method = line.substr(0, space);
            request.path = line.substr(space + 1, line.rfind(' ') - space - 1);
        } else {
            const std::size_t colon = line.find(": ");
            request.headers[lower_case(line.substr(0, colon))] = line.substr(colon + 2);
        }
        first = false;
        line_start = line_end + 2;
    }
    return request;
}

// False once the client is gone.
bool send_all(int connection, std::string_view data) {
    while (!data.empty()) {
        const ssize_t count = ::send(connection, data.data(), data.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        data.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

std::string Request::header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
}

TestServer::TestServer(Handler handler)
    : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, plain, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, plain, &size) != 0) {
        throw std::system_error(errno, std::generic_category(), "test server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
}

TestServer::~TestServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (const int connection = connection_; connection >= 0) {
        ::shutdown(connection, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
}

std::string TestServer::url(std::string_view path) const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

std::vector<Request> TestServer::requests() const {
    return requests_.with([](const std::vector<Request>& requests) { return requests; });
}

void TestServer::serve() {
    while (true) {
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) {
            return;
        }
        connection_ = connection;
        answer(connection);
        connection_ = -1;
        ::close(connection);
    }
}

void TestServer::answer(int connection) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (!text.contains("\r\n\r\n")) {
        const ssize_t count = ::recv(connection, buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            return;
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    const Request request = parse_request(text);
    requests_.with([&](std::vector<Request>& requests) { requests.push_back(request); });
    const Reply reply = handler_(request);
    if (!reply.head.empty() &&
        !send_all(connection, reply.head + "\r\nConnection: close\r\n\r\n")) {
        return;
    }
    // Counted before: a client that has all of it may ask for the sum at once.
    body_bytes_ += reply.body.size();
    if (!send_all(connection, reply.body)) {
        body_bytes_ -= reply.body.size();
    }
    if (reply.after == AfterBody::kHold) {
        while (::recv(connection, buffer.data(), buffer.size(), 0) > 0) {
        }
    }
}

Reply serve_file(const Request& request, std::string_view content, std::string_view etag) {
    const std::string etag_line = etag.empty() ? "" : fmt::format("ETag: {}\r\n", etag);
    const std::string range = request.header("range");
    if (range.empty()) {
        return {.head = fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}", etag_line,
                                    content.size()),
                .body = std::string(content)};
    }
    const std::size_t start = std::stoul(range.substr(std::string_view("bytes=").size()));
    if (start >= content.size()) {
        return serve_status("416 Range Not Satisfiable");
    }
    return {.head = fmt::format("HTTP/1.1 206 Partial Content\r\n{}Content-Length: {}\r\n"
                                "Content-Range: bytes {}-{}/{}",
                                etag_line, content.size() - start, start, content.size() - 1,
                                content.size()),
            .body = std::string(content.substr(start))};
}

Reply serve_start(std::string_view content, std::string_view etag, std::size_t sent,
                  AfterBody after) {
    Reply reply = serve_file({}, content, etag);
    reply.body.resize(sent);
    reply.after = after;
    return reply;
}

Reply serve_status(std::string_view status_line) {
    return {.head = fmt::format("HTTP/1.1 {}\r\nContent-Length: 2", status_line), .body = "no"};
}

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "realm-registry-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw std::system_error(errno, std::generic_category(), pattern);
    }
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string gguf_content(std::size_t bytes, unsigned seed) {
    std::string content("GGUF\x03\0\0\0", 8);
    std::uint32_t state = seed;
    while (content.size() < bytes) {
        state = state * 1664525U + 1013904223U;
        content += static_cast<char>(state >> 24);
    }
    content.resize(bytes);
    return content;
}

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_content(const fs::path& path, std::string_view content) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << content;
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + path.string());
    }
}

std::vector<std::string> files_below(const fs::path& directory) {
    std::vector<std::string> files;
    if (fs::exists(directory)) {
        for (const auto& entry : fs::recursive_directory_iterator(directory)) {
            if (!entry.is_directory()) {
                files.push_back(entry.path().lexically_relative(directory).string());
            }
        }
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace realm::registry::test
