// What the tests of this folder share: an HTTP server that does what a test tells it, directories
// that go away, model files and observers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "registry/progress.h"

namespace realm::registry::test {

struct Request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> headers;  // names in lower case

    [[nodiscard]] std::string header(const std::string& name) const;
};

enum class AfterBody : std::uint8_t {
    kClose,
    kHold,  // keep the connection until the client leaves
};

struct Reply {
    std::string head;  // status line and headers, without the empty line
    std::string body;
    AfterBody after = AfterBody::kClose;
};

// Listens on 127.0.0.1; answers one request per connection, one connection at a time.
class TestServer {
public:
    using Handler = std::function<Reply(const Request&)>;

    explicit TestServer(Handler handler);
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] std::string url(std::string_view path) const;
    [[nodiscard]] std::vector<Request> requests() const;
    // Bytes of bodies that were sent so far.
    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }

private:
    void serve();
    void answer(int connection);

    Handler handler_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connection_{-1};
    std::atomic<std::uint64_t> body_bytes_{0};
    base::Guarded<std::vector<Request>> requests_;
    std::jthread thread_;
};

// Answers as a good file server does: ETag (unless empty), length, ranges.
Reply serve_file(const Request& request, std::string_view content, std::string_view etag);

// Announces all of `content`, sends its first `sent` bytes.
Reply serve_start(std::string_view content, std::string_view etag, std::size_t sent,
                  AfterBody after = AfterBody::kClose);

Reply serve_status(std::string_view status_line);

class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// Looks like a GGUF file of this many bytes; another seed gives other content.
std::string gguf_content(std::size_t bytes, unsigned seed = 1);

std::string content_of(const std::filesystem::path& path);
void write_content(const std::filesystem::path& path, std::string_view content);

// The files below a directory, relative and sorted; directories are left out.
std::vector<std::string> files_below(const std::filesystem::path& directory);

class RecordingObserver final : public PullObserver {
public:
    void on_progress(const PullProgress& progress) override {
        seen.push_back(progress);
        if (react) {
            react(progress);
        }
    }
    std::vector<PullProgress> seen;
    std::function<void(const PullProgress&)> react;
};

}  // namespace realm::registry::test
