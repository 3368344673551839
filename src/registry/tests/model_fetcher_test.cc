#include "registry/model_fetcher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "registry/file_util.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using test::AfterBody;
using test::content_of;
using test::files_below;
using test::gguf_content;
using test::RecordingObserver;
using test::Reply;
using test::Request;
using test::serve_file;
using test::serve_start;
using test::TestServer;
using test::write_content;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kSize = 200'000;

class Fetcher : public ::testing::Test {
protected:
    Result<PulledModel> pull(std::string_view spec) {
        return pull_model(store_, spec, options_, observer_);
    }

    // The error of a pull that must fail; also sees to it that nothing came into the cache.
    Error failure(std::string_view spec) {
        const auto result = pull(spec);
        EXPECT_FALSE(result.has_value());
        EXPECT_EQ(store_.list()->size(), 0U);
        EXPECT_FALSE(fs::exists(store_.record_path("m")));
        return result ? Error{} : result.error();
    }

    [[nodiscard]] std::vector<std::string> cache_files() const {
        return files_below(store_.root());
    }

    test::TemporaryDirectory directory_;
    ModelStore store_{directory_.path() / "models"};
    std::string content_ = gguf_content(kSize);
    std::string sha256_ = text_sha256(content_);
    PullOptions options_;
    RecordingObserver observer_;
};

TEST_F(Fetcher, PullsAUrl) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    const std::string url = server.url("/dir/M.gguf");
    const auto pulled = pull(url + "?key=s");
    ASSERT_TRUE(pulled.has_value()) << pulled.error().message;
    EXPECT_EQ(pulled->name, "m");
    EXPECT_EQ(pulled->path, store_.root() / "m.gguf");
    EXPECT_EQ(pulled->bytes, kSize);
    EXPECT_EQ(pulled->sha256, sha256_);
    EXPECT_EQ(pulled->source, url);
    EXPECT_EQ(pulled->outcome, PullOutcome::kPulled);
    EXPECT_EQ(content_of(pulled->path), content_);
    EXPECT_THAT(cache_files(), ElementsAre(".partial/m.lock", "m.gguf", "m.json"));
    EXPECT_EQ(store_.list(), (std::vector<ModelEntry>{{.name = "m",
                                                       .path = store_.root() / "m.gguf",
                                                       .bytes = kSize,
                                                       .sha256 = sha256_,
                                                       .source = url}}));
    EXPECT_EQ(store_.resolve("m"), store_.root() / "m.gguf");
    ASSERT_FALSE(observer_.seen.empty());
    EXPECT_EQ(observer_.seen.front().phase, PullPhase::kDownloading);
    EXPECT_EQ(observer_.seen.back().phase, PullPhase::kVerifying);
    EXPECT_EQ(observer_.seen.back().done, kSize);
}

TEST_F(Fetcher, FindsWhatItPulledBefore) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    ASSERT_TRUE(pull(server.url("/m.gguf")).has_value());
    const auto again = pull(server.url("/m.gguf"));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->outcome, PullOutcome::kAlreadyThere);
    EXPECT_EQ(again->sha256, sha256_);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Fetcher, TellsThatTheFileWasDamagedSince) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    ASSERT_TRUE(pull(server.url("/m.gguf")).has_value());
    const std::string damaged = gguf_content(kSize, 2);
    write_content(store_.model_path("m"), damaged);
    const auto again = pull(server.url("/m.gguf"));
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().type, ErrorType::kConflict);
    EXPECT_EQ(again.error().code, "model_differs");
    EXPECT_EQ(again.error().message,
              fmt::format("'{}' is there already, but its SHA-256 is {}, not {}; delete it to pull "
                          "it again, or give another name with --name",
                          store_.model_path("m").string(), text_sha256(damaged), sha256_));
}

TEST_F(Fetcher, DoesNotReplaceAModelFromElsewhere) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    write_content(store_.model_path("m"), "mine");
    const auto foreign = pull(server.url("/m.gguf"));
    ASSERT_FALSE(foreign.has_value());
    EXPECT_EQ(foreign.error().code, "model_exists");
    EXPECT_EQ(foreign.error().message,
              fmt::format("'{}' is there already; delete it to pull it again, or give another name "
                          "with --name",
                          store_.model_path("m").string()));
    fs::remove(store_.model_path("m"));
    ASSERT_TRUE(pull(server.url("/m.gguf")).has_value());
    const auto other = pull(server.url("/other/m.gguf"));
    ASSERT_FALSE(other.has_value());
    EXPECT_THAT(other.error().message, HasSubstr(fmt::format("is there already, pulled from {}; ",
                                                             server.url("/m.gguf"))));
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Fetcher, TakesAFileThatHasThePinnedHash) {
    write_content(store_.model_path("m"), content_);
    options_.sha256 = sha256_;
    const auto there = pull("http://127.0.0.1:9/m.gguf");
    ASSERT_TRUE(there.has_value());
    EXPECT_EQ(there->outcome, PullOutcome::kAlreadyThere);
    EXPECT_EQ(there->bytes, kSize);
    EXPECT_EQ(store_.list()->front().sha256, sha256_);
    options_.sha256 = std::string(64, '0');
    const auto differs = pull("http://127.0.0.1:9/m.gguf");
    ASSERT_FALSE(differs.has_value());
    EXPECT_EQ(differs.error().code, "model_differs");
}

TEST_F(Fetcher, KeepsTheNameThatWasGiven) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    options_.name = "other-1";
    ASSERT_TRUE(pull(server.url("/a%20b.gguf")).has_value());
    EXPECT_THAT(cache_files(),
                ElementsAre(".partial/other-1.lock", "other-1.gguf", "other-1.json"));
}

TEST_F(Fetcher, RefusesNamesAndHashesThatAreNone) {
    const Error bad_file = failure("http://h/a%20b.gguf");
    EXPECT_EQ(bad_file.code, "invalid_model_name");
    EXPECT_THAT(bad_file.message, HasSubstr("'a%20b' is no model name: "));
    EXPECT_THAT(bad_file.message, HasSubstr("; give one with --name"));
    options_.name = "../m";
    EXPECT_EQ(failure("http://h/m.gguf").code, "invalid_model_name");
    options_.name.reset();
    for (const std::string& hash : {std::string(63, 'a'), std::string(64, 'g'), std::string()}) {
        options_.sha256 = hash;
        const Error error = failure("http://h/m.gguf");
        EXPECT_EQ(error.code, "invalid_sha256");
        EXPECT_EQ(error.message,
                  fmt::format("'{}' is no SHA-256: 64 hexadecimal digits are needed", hash));
    }
    EXPECT_FALSE(fs::exists(store_.root()));
}

TEST_F(Fetcher, ChecksThePinnedHash) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    const std::string wrong(64, 'a');
    options_.sha256 = wrong;
    const Error error = failure(server.url("/m.gguf"));
    EXPECT_EQ(error.code, "hash_mismatch");
    EXPECT_EQ(
        error.message,
        fmt::format("the model from {} is not the expected one: its SHA-256 is {}, it must be "
                    "{}; the file was removed",
                    server.url("/m.gguf"), sha256_, wrong));
    EXPECT_THAT(cache_files(), ElementsAre(".partial/m.lock"));
    options_.sha256 = sha256_;
    std::ranges::transform(*options_.sha256, options_.sha256->begin(), ::toupper);
    EXPECT_TRUE(pull(server.url("/m.gguf")).has_value());
}

TEST_F(Fetcher, RefusesAWebPage) {
    TestServer server([](const Request& r) {
        return serve_file(r, "<!DOCTYPE html><html><body>Please log in</body></html>", "");
    });
    const Error error = failure(server.url("/m.gguf"));
    EXPECT_EQ(error.type, ErrorType::kInvalidRequest);
    EXPECT_EQ(error.code, "not_gguf");
    EXPECT_EQ(error.message,
              fmt::format("what '{}' sends is no GGUF model: it is a web page (HTML or XML)",
                          server.url("/m.gguf")));
    EXPECT_THAT(cache_files(), ElementsAre(".partial/m.lock"));
}

TEST_F(Fetcher, GoesOnWithACutDownload) {
    bool cut = true;
    TestServer server([&](const Request& r) {
        return std::exchange(cut, false) ? serve_start(content_, "\"v\"", 1000)
                                         : serve_file(r, content_, "\"v\"");
    });
    EXPECT_EQ(failure(server.url("/m.gguf")).code, "download_truncated");
    EXPECT_THAT(cache_files(),
                ElementsAre(".partial/m.lock", ".partial/m.part", ".partial/m.part.json"));
    ASSERT_TRUE(pull(server.url("/m.gguf")).has_value());
    EXPECT_EQ(server.requests()[1].header("range"), "bytes=1000-");
    EXPECT_EQ(server.body_bytes(), kSize);
    EXPECT_EQ(content_of(store_.model_path("m")), content_);
    EXPECT_THAT(cache_files(), ElementsAre(".partial/m.lock", "m.gguf", "m.json"));
}

TEST_F(Fetcher, GoesOnAfterItWasStopped) {
    bool first = true;
    TestServer server([&](const Request& r) {
        return std::exchange(first, false) ? serve_start(content_, "\"v\"", 1000, AfterBody::kHold)
                                           : serve_file(r, content_, "\"v\"");
    });
    std::stop_source stop;
    options_.stop = stop.get_token();
    observer_.react = [&](const PullProgress& progress) {
        if (progress.done == 1000) {
            stop.request_stop();
        }
    };
    EXPECT_EQ(failure(server.url("/m.gguf")).type, ErrorType::kCancelled);
    options_.stop = {};
    observer_.react = nullptr;
    ASSERT_TRUE(pull(server.url("/m.gguf")).has_value());
    EXPECT_EQ(server.requests()[1].header("range"), "bytes=1000-");
    EXPECT_EQ(content_of(store_.model_path("m")), content_);
}

TEST_F(Fetcher, AsksAHubWithItsToken) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    options_.hub = {.endpoint = server.url(""), .token = "secret"};
    const auto pulled = pull("hf:own/repo/sub/M q8.gguf");
    ASSERT_FALSE(pulled.has_value());
    EXPECT_EQ(pulled.error().code, "invalid_model_name");
    options_.name = "m";
    const auto named = pull("hf:own/repo/sub/M q8.gguf");
    ASSERT_TRUE(named.has_value()) << named.error().message;
    EXPECT_EQ(named->source, "hf:own/repo/sub/M q8.gguf");
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests()[0].path, "/own/repo/resolve/main/sub/M%20q8.gguf");
    EXPECT_EQ(server.requests()[0].header("authorization"), "Bearer secret");
    // The other way to write it is the same file.
    EXPECT_EQ(pull("own/repo:sub/M q8.gguf")->outcome, PullOutcome::kAlreadyThere);
}

TEST_F(Fetcher, GivesTheHubsErrorsAHint) {
    TestServer server([](const Request&) { return test::serve_status("401 Unauthorized"); });
    options_.hub.endpoint = server.url("");
    const Error error = failure("own/repo:m.gguf");
    EXPECT_EQ(error.type, ErrorType::kUnauthenticated);
    EXPECT_THAT(error.message, HasSubstr("or set HF_TOKEN to an access token"));
}

TEST(PullOptionsFrom, ReadsTheEnvironment) {
    const PullOptions plain =
        pull_options_from([](const std::string&) -> std::optional<std::string> { return {}; });
    EXPECT_EQ(plain.hub.endpoint, "https://huggingface.co");
    EXPECT_EQ(plain.hub.token, "");
    const PullOptions set = pull_options_from(
        [](const std::string& name) -> std::optional<std::string> { return name + "!"; });
    EXPECT_EQ(set.hub.endpoint, "HF_ENDPOINT!");
    EXPECT_EQ(set.hub.token, "HF_TOKEN!");
}

TEST_F(Fetcher, TellsThatTheCacheCannotBeWritten) {
    write_content(directory_.path() / "models", "a file");
    const auto file = pull("http://127.0.0.1:9/m.gguf");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().message, fmt::format("cannot create the directory '{}': Not a directory",
                                                store_.partial_directory().string()));
    // No one may create directories here, not even root.
    const auto refused = pull_model(ModelStore("/sys/realm-models"), "http://127.0.0.1:9/m.gguf",
                                    options_, observer_);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().type, ErrorType::kPermissionDenied);
    EXPECT_THAT(refused.error().message,
                HasSubstr("cannot create the directory '/sys/realm-models/.partial': "));
}

TEST_F(Fetcher, PublishesNothingWhenTheLastStepFails) {
    TestServer server([this](const Request& r) { return serve_file(r, content_, "\"v\""); });
    fs::create_directories(store_.record_path("m"));
    const auto result = pull(server.url("/m.gguf"));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "io_error");
    EXPECT_EQ(store_.list()->size(), 0U);
    // The download is not lost.
    fs::remove(store_.record_path("m"));
    ASSERT_TRUE(pull(server.url("/m.gguf")).has_value());
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Fetcher, LetsTheSecondOfTwoPullsWaitForTheFirst) {
    std::promise<void> second_waits;
    std::promise<void> first_asks;
    TestServer server([&](const Request& r) {
        first_asks.set_value();
        second_waits.get_future().wait();
        return serve_file(r, content_, "\"v\"");
    });
    const std::string url = server.url("/m.gguf");
    Result<PulledModel> first = PulledModel{};
    std::jthread thread([&] { first = pull(url); });
    first_asks.get_future().wait();
    RecordingObserver observer;
    observer.react = [&](const PullProgress& progress) {
        if (progress.phase == PullPhase::kWaiting) {
            second_waits.set_value();
        }
    };
    const auto second = pull_model(store_, url, PullOptions{}, observer);
    thread.join();
    ASSERT_TRUE(first.has_value());
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(first->outcome, PullOutcome::kPulled);
    EXPECT_EQ(second->outcome, PullOutcome::kAlreadyThere);
    EXPECT_EQ(observer.seen.front().phase, PullPhase::kWaiting);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Fetcher, CanBeStoppedWhileItWaits) {
    fs::create_directories(store_.partial_directory());
    const auto held = FileLock::acquire(store_.partial_directory() / "m.lock", nullptr, {});
    ASSERT_TRUE(held.has_value());
    std::stop_source stop;
    options_.stop = stop.get_token();
    observer_.react = [&](const PullProgress&) { stop.request_stop(); };
    EXPECT_EQ(failure("http://127.0.0.1:9/m.gguf").type, ErrorType::kCancelled);
}

}  // namespace
}  // namespace realm::registry
