#include "registry/http_download.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>

#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

using test::AfterBody;
using test::content_of;
using test::gguf_content;
using test::Reply;
using test::Request;
using test::serve_file;
using test::serve_start;
using test::serve_status;
using test::TestServer;
using ::testing::HasSubstr;

constexpr std::size_t kSize = 200'000;
constexpr std::size_t kCut = 50'000;

class HttpDownload : public ::testing::Test {
protected:
    [[nodiscard]] DownloadRequest request(std::string url) const {
        DownloadRequest request;
        request.url = std::move(url);
        request.part = part_;
        return request;
    }

    // Leaves the first kCut bytes of `content_` as an interrupted try of `url` would.
    void interrupt(TestServer& server, std::string_view etag) {
        next_ = serve_start(content_, etag, kCut);
        const auto result = download_file(request(server.url("/m.gguf")));
        ASSERT_FALSE(result.has_value());
        ASSERT_EQ(result.error().code, "download_truncated");
        ASSERT_EQ(content_of(part_), content_.substr(0, kCut));
    }

    // Serves `next_` if it is set, once, else `content_` with `etag_`.
    Reply handle(const Request& request) {
        if (next_) {
            Reply reply = *std::move(next_);
            next_.reset();
            return reply;
        }
        return serve_file(request, content_, etag_);
    }

    test::TemporaryDirectory directory_;
    std::filesystem::path part_ = directory_.path() / "m.part";
    std::string content_ = gguf_content(kSize);
    std::string etag_ = "\"v1\"";
    std::optional<Reply> next_;
};

TEST_F(HttpDownload, FetchesAWholeFile) {
    TestServer server([this](const Request& r) { return handle(r); });
    DownloadRequest wanted = request(server.url("/m.gguf"));
    std::uint64_t last = 0;
    wanted.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total,
                          std::uint64_t resumed_from) {
        EXPECT_GE(done, last);
        EXPECT_EQ(total, kSize);
        EXPECT_EQ(resumed_from, 0U);
        last = done;
    };
    EXPECT_EQ(download_file(wanted), kSize);
    EXPECT_EQ(last, kSize);
    EXPECT_EQ(content_of(part_), content_);
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests()[0].method, "GET");
    EXPECT_EQ(server.requests()[0].path, "/m.gguf");
    EXPECT_EQ(server.requests()[0].header("range"), "");
}

TEST_F(HttpDownload, TellsThatItWasCutAndGoesOnThere) {
    TestServer server([this](const Request& r) { return handle(r); });
    next_ = serve_start(content_, etag_, kCut);
    const auto cut = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(cut.error().code, "download_truncated");
    EXPECT_EQ(cut.error().message,
              fmt::format("the connection to '{}' ended after 50000 of 200000 bytes; pull again to "
                          "go on",
                          server.url("/m.gguf")));
    EXPECT_EQ(content_of(part_), content_.substr(0, kCut));

    DownloadRequest again = request(server.url("/m.gguf"));
    std::uint64_t resumed = 0;
    again.progress = [&](std::uint64_t, std::optional<std::uint64_t>, std::uint64_t resumed_from) {
        resumed = resumed_from;
    };
    EXPECT_EQ(download_file(again), kSize);
    EXPECT_EQ(resumed, kCut);
    EXPECT_EQ(content_of(part_), content_);
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].header("range"), "bytes=50000-");
    EXPECT_EQ(server.body_bytes(), kSize);
}

TEST_F(HttpDownload, StartsAgainWhenTheETagChanged) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    content_ = gguf_content(kSize, 2);
    etag_ = "\"v2\"";
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(content_of(part_), content_);
    ASSERT_EQ(server.requests().size(), 3U);
    EXPECT_EQ(server.requests()[1].header("range"), "bytes=50000-");
    EXPECT_EQ(server.requests()[2].header("range"), "");
}

TEST_F(HttpDownload, StartsAgainWhenTheSizeChanged) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    content_ = gguf_content(kSize + 1, 2);
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize + 1);
    EXPECT_EQ(content_of(part_), content_);
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(HttpDownload, StartsAgainWhenTheServerSendsAnotherRange) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    Request wrong;
    wrong.headers["range"] = "bytes=49999-";
    next_ = serve_file(wrong, content_, etag_);
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(content_of(part_), content_);
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(HttpDownload, StartsAgainWhenTheFileShrank) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    content_ = gguf_content(1000, 2);
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), 1000U);
    EXPECT_EQ(content_of(part_), content_);
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(HttpDownload, StartsAgainWhereTheServerKnowsNoRanges) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    next_ = serve_file({}, content_, etag_);
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(content_of(part_), content_);
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].header("range"), "bytes=50000-");
}

TEST_F(HttpDownload, GoesOnByTheSizeAloneWithoutAnETag) {
    etag_.clear();
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, "");
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(content_of(part_), content_);
    EXPECT_EQ(server.body_bytes(), kSize);
}

TEST_F(HttpDownload, StartsAgainWithNeitherETagNorSize) {
    TestServer server([this](const Request& r) { return handle(r); });
    next_ = Reply{.head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
                  .body = "5\r\nGGUFx\r\n40\r\n"};
    const auto cut = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().code, "download_truncated");
    EXPECT_THAT(cut.error().message, HasSubstr("ended after 5 bytes; pull again"));
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(server.requests()[1].header("range"), "");
    EXPECT_EQ(content_of(part_), content_);
}

TEST_F(HttpDownload, StartsAgainForAnotherUrl) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    EXPECT_EQ(download_file(request(server.url("/other.gguf"))), kSize);
    EXPECT_EQ(server.requests()[1].header("range"), "");
    EXPECT_EQ(content_of(part_), content_);
}

TEST_F(HttpDownload, StartsAgainWhenTheSidecarIsDamaged) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    test::write_content(part_.string() + ".json", "{\"etag\": 1");
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(server.requests()[1].header("range"), "");
    EXPECT_EQ(content_of(part_), content_);
}

TEST_F(HttpDownload, AsksNothingWhenThePartIsComplete) {
    TestServer server([this](const Request& r) { return handle(r); });
    ASSERT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(content_of(part_), content_);
}

TEST_F(HttpDownload, KeepsNoSecretsOfTheUrlBesideThePart) {
    TestServer server([this](const Request& r) { return handle(r); });
    next_ = serve_start(content_, etag_, kCut);
    const auto cut = download_file(request(server.url("/m.gguf?signature=hunter2")));
    ASSERT_FALSE(cut.has_value());
    EXPECT_THAT(cut.error().message, ::testing::Not(HasSubstr("hunter2")));
    EXPECT_THAT(content_of(part_.string() + ".json"), ::testing::Not(HasSubstr("hunter2")));
    EXPECT_EQ(server.requests()[0].path, "/m.gguf?signature=hunter2");
}

TEST_F(HttpDownload, FollowsRedirectsWithTheRange) {
    TestServer server([this](const Request& r) {
        return r.path == "/m.gguf" && !next_
                   ? Reply{.head =
                               "HTTP/1.1 302 Found\r\nETag: \"redirect\"\r\n"
                               "Location: /real\r\nContent-Length: 9",
                           .body = "elsewhere"}
                   : handle(r);
    });
    interrupt(server, etag_);
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(content_of(part_), content_);
    ASSERT_EQ(server.requests().size(), 3U);
    EXPECT_EQ(server.requests()[2].path, "/real");
    EXPECT_EQ(server.requests()[2].header("range"), "bytes=50000-");
}

TEST_F(HttpDownload, GivesUpAfterTenRedirects) {
    TestServer server([](const Request&) {
        return Reply{.head = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0",
                     .body = {}};
    });
    const auto result = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "download_failed");
    EXPECT_EQ(result.error().message,
              fmt::format("'{}' redirects more than 10 times", server.url("/m.gguf")));
    EXPECT_EQ(server.requests().size(), 11U);
}

TEST_F(HttpDownload, SendsTheTokenToItsOwnHostOnly) {
    TestServer elsewhere([this](const Request& r) { return handle(r); });
    TestServer hub([&](const Request& r) {
        return Reply{.head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " +
                             (r.path == "/m.gguf" ? std::string("/near") : elsewhere.url("/far")),
                     .body = {}};
    });
    DownloadRequest wanted = request(hub.url("/m.gguf"));
    wanted.bearer_token = "secret";
    EXPECT_EQ(download_file(wanted), kSize);
    ASSERT_EQ(hub.requests().size(), 2U);
    EXPECT_EQ(hub.requests()[0].header("authorization"), "Bearer secret");
    EXPECT_EQ(hub.requests()[1].header("authorization"), "Bearer secret");
    ASSERT_EQ(elsewhere.requests().size(), 1U);
    EXPECT_EQ(elsewhere.requests()[0].path, "/far");
    EXPECT_EQ(elsewhere.requests()[0].header("authorization"), "");
}

struct StatusCase {
    std::string status_line;
    ErrorType type;
    std::string code;
    std::string message;  // %U stands for the URL
};

class HttpDownloadStatus : public HttpDownload, public ::testing::WithParamInterface<StatusCase> {};

TEST_P(HttpDownloadStatus, BecomesAnError) {
    TestServer server([](const Request&) { return serve_status(GetParam().status_line); });
    const auto result = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().type, GetParam().type);
    EXPECT_EQ(result.error().code, GetParam().code);
    std::string message = GetParam().message;
    message.replace(message.find("%U"), 2, server.url("/m.gguf"));
    EXPECT_EQ(result.error().message, message);
    EXPECT_EQ(content_of(part_), "");
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, HttpDownloadStatus,
    ::testing::Values(
        StatusCase{
            "401 Unauthorized", ErrorType::kUnauthenticated, "http_401",
            "'%U' wants to know who asks (HTTP 401); a model hub says so of unknown names, too: "
            "check the spelling, or set HF_TOKEN to an access token"},
        StatusCase{"403 Forbidden", ErrorType::kPermissionDenied, "http_403",
                   "'%U' refuses access (HTTP 403); for a model hub set HF_TOKEN to a token of an "
                   "account that accepted the model's terms"},
        StatusCase{"404 Not Found", ErrorType::kNotFound, "http_404",
                   "there is no file at '%U' (HTTP 404); check the spelling"},
        StatusCase{"500 Oops", ErrorType::kUnavailable, "http_500",
                   "'%U' answered with HTTP status 500"},
        StatusCase{"204 No Content", ErrorType::kUnavailable, "http_204",
                   "'%U' answered with HTTP status 204"},
        StatusCase{"206 Partial Content", ErrorType::kUnavailable, "download_failed",
                   "'%U' answers a request for a whole file with a part of it"},
        StatusCase{"416 Range Not Satisfiable", ErrorType::kUnavailable, "http_416",
                   "'%U' answered with HTTP status 416"}));

TEST_F(HttpDownload, AStatusErrorKeepsThePart) {
    TestServer server([this](const Request& r) { return handle(r); });
    interrupt(server, etag_);
    next_ = serve_status("503 Busy");
    const auto busy = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(busy.has_value());
    EXPECT_EQ(busy.error().code, "http_503");
    EXPECT_EQ(content_of(part_), content_.substr(0, kCut));
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(server.requests().back().header("range"), "bytes=50000-");
}

TEST_F(HttpDownload, GivesUpOnSilenceBeforeTheAnswer) {
    TestServer server(
        [](const Request&) { return Reply{.head = {}, .body = {}, .after = AfterBody::kHold}; });
    DownloadRequest wanted = request(server.url("/m.gguf"));
    wanted.stall_timeout = std::chrono::milliseconds(100);
    const auto result = download_file(wanted);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "download_stalled");
    EXPECT_EQ(result.error().message,
              fmt::format("'{}' sent nothing for 0.1 s, after 0 bytes; pull again to go on",
                          server.url("/m.gguf")));
}

TEST_F(HttpDownload, GivesUpOnSilenceInTheMiddleAndKeepsThePart) {
    TestServer server([this](const Request& r) { return handle(r); });
    next_ = serve_start(content_, etag_, kCut, AfterBody::kHold);
    DownloadRequest wanted = request(server.url("/m.gguf"));
    wanted.stall_timeout = std::chrono::milliseconds(100);
    const auto result = download_file(wanted);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "download_stalled");
    EXPECT_THAT(result.error().message, HasSubstr("after 50000 of 200000 bytes; pull again"));
    EXPECT_EQ(content_of(part_), content_.substr(0, kCut));
}

TEST_F(HttpDownload, StopsWhenAskedAndGoesOnLater) {
    TestServer server([this](const Request& r) { return handle(r); });
    next_ = serve_start(content_, etag_, kCut, AfterBody::kHold);
    std::stop_source stop;
    DownloadRequest wanted = request(server.url("/m.gguf"));
    wanted.stop = stop.get_token();
    wanted.progress = [&](std::uint64_t done, std::optional<std::uint64_t>, std::uint64_t) {
        if (done == kCut) {
            stop.request_stop();
        }
    };
    const auto result = download_file(wanted);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().type, ErrorType::kCancelled);
    EXPECT_EQ(result.error().message,
              "the download was stopped after 50000 of 200000 bytes; pull again to go on");
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(server.requests()[1].header("range"), "bytes=50000-");
    EXPECT_EQ(content_of(part_), content_);
}

TEST_F(HttpDownload, NamesAHostThatDoesNotListen) {
    std::string url;
    {
        const TestServer gone([](const Request&) { return serve_status("200 OK"); });
        url = gone.url("/m.gguf");
    }
    const auto result = download_file(request(url));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().type, ErrorType::kUnavailable);
    EXPECT_EQ(result.error().code, "download_failed");
    EXPECT_THAT(result.error().message,
                HasSubstr(fmt::format("cannot download '{}': Failed to connect", url)));
}

TEST_F(HttpDownload, SpeaksHttpOnlyAlsoAfterARedirect) {
    const auto direct = download_file(request("file:///etc/passwd"));
    ASSERT_FALSE(direct.has_value());
    EXPECT_THAT(direct.error().message, HasSubstr("Protocol \"file\" not supported"));
    TestServer server([](const Request&) {
        return Reply{.head =
                         "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                         "Content-Length: 0",
                     .body = {}};
    });
    const auto redirected = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(redirected.has_value());
    EXPECT_EQ(redirected.error().code, "download_failed");
    EXPECT_THAT(redirected.error().message, HasSubstr("Protocol \"file\" not supported"));
    EXPECT_EQ(content_of(part_), "");
}

TEST_F(HttpDownload, RefusesWhatDoesNotFitOnTheDisk) {
    TestServer server([](const Request&) {
        return Reply{.head = "HTTP/1.1 200 OK\r\nContent-Length: 4000000000000000000",
                     .body = "GGUF"};
    });
    const auto result = download_file(request(server.url("/m.gguf")));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "disk_full");
    EXPECT_THAT(result.error().message,
                HasSubstr(fmt::format("not enough space in '{}': 4000000000000.0 MB are needed, ",
                                      directory_.path().string())));
    EXPECT_EQ(content_of(part_), "");
}

// The limit on the size of files stands in for a full disk: write(2) fails in the middle.
TEST_F(HttpDownload, TellsThatAWriteFailedAndKeepsThePart) {
    TestServer server([this](const Request& r) { return handle(r); });
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = kCut, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto result = download_file(request(server.url("/m.gguf")));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, handler);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "disk_full");
    EXPECT_EQ(result.error().message,
              fmt::format("cannot write '{}': File too large", part_.string()));
    EXPECT_EQ(content_of(part_), content_.substr(0, kCut));
    EXPECT_EQ(download_file(request(server.url("/m.gguf"))), kSize);
    EXPECT_EQ(content_of(part_), content_);
}

TEST_F(HttpDownload, InspectsTheFirstBytesAndRemovesWhatIsRefused) {
    TestServer server([this](const Request& r) { return handle(r); });
    DownloadRequest wanted = request(server.url("/m.gguf"));
    wanted.inspect_bytes = 24;
    std::string seen;
    wanted.inspect = [&](std::span<const std::byte> start) -> Result<void> {
        seen.assign(reinterpret_cast<const char*>(start.data()), start.size());
        return fail(ErrorType::kInvalidRequest, "refused", "no");
    };
    const auto result = download_file(wanted);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "refused");
    EXPECT_EQ(seen, content_.substr(0, 24));
    EXPECT_EQ(test::files_below(directory_.path()), std::vector<std::string>());
}

TEST_F(HttpDownload, InspectsContentThatIsShorter) {
    for (const std::string content : {"", "short"}) {
        TestServer server([&](const Request& r) { return serve_file(r, content, ""); });
        DownloadRequest wanted = request(server.url("/m.gguf"));
        wanted.inspect_bytes = 24;
        int calls = 0;
        wanted.inspect = [&](std::span<const std::byte> start) -> Result<void> {
            ++calls;
            EXPECT_EQ(start.size(), content.size());
            return fail(ErrorType::kInvalidRequest, "refused", "no");
        };
        const auto result = download_file(wanted);
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().code, "refused");
        EXPECT_EQ(calls, 1);
    }
}

TEST_F(HttpDownload, TellsThatThePartCannotBeWritten) {
    DownloadRequest wanted = request("http://127.0.0.1:9/m.gguf");
    wanted.part = directory_.path() / "missing" / "m.part";
    const auto result = download_file(wanted);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "file_not_found");
    EXPECT_EQ(result.error().message,
              fmt::format("cannot write '{}': No such file or directory", wanted.part.string()));
}

}  // namespace
}  // namespace realm::registry
