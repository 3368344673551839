// A command compiled from plain C with a C library, through all of the sandbox.
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "interfaces/tests/guest_harness.h"

namespace realm::interfaces {
namespace {

using Texts = std::vector<std::string>;

class WasiPrograms : public testing::GuestTest {
protected:
    void SetUp() override {
        std::ifstream file(REALM_PROGRAM_FOLDER "/wasi_probe.wasm", std::ios::binary);
        wasm_.assign(std::istreambuf_iterator<char>(file), {});
        ASSERT_FALSE(wasm_.empty());
    }

    std::future<sandbox::RunOutcome> start_probe(Texts arguments, std::uint64_t scratch = 0) {
        arguments.insert(arguments.begin(), "probe");
        return start(base::as_bytes(wasm_), "_start",
                     {.arguments = std::move(arguments),
                      .environment = {"GREETING=hello"},
                      .scratch = {.bytes = scratch, .entries = 10}});
    }
    // How the program ended, its lines in log_.
    std::optional<Error> run_probe(Texts arguments, std::uint64_t scratch = 0) {
        return start_probe(std::move(arguments), scratch).get().error;
    }

    std::string wasm_;
};

TEST_F(WasiPrograms, TextsGoInAndOut) {
    EXPECT_EQ(run_probe({"texts", "two words", ""}), std::nullopt);
    EXPECT_EQ(log_->lines, (Texts{"argument 0: probe", "argument 1: texts", "argument 2: two words",
                                  "argument 3: ", "GREETING=hello MISSING=(none)",
                                  "a line of standard error", "at the end: -1", "no line end"}));
}

TEST_F(WasiPrograms, ASleepTakesNoThread) {
    auto ended = start_probe({"clocks"});
    time_.wait_for_timer();
    time_.advance(std::chrono::milliseconds(2499));
    EXPECT_EQ(time_.timers(), 1U);
    time_.advance(std::chrono::milliseconds(1));
    EXPECT_EQ(ended.get().error, std::nullopt);
    EXPECT_EQ(log_->lines, Texts{"wall 1000000, slept 0, 2500 ms"});
}

TEST_F(WasiPrograms, EntropyIsThere) {
    EXPECT_EQ(run_probe({"random"}), std::nullopt);
    EXPECT_EQ(log_->lines, Texts{"entropy: 0, random"});
}

TEST_F(WasiPrograms, FilesLiveInTheScratchDirectory) {
    EXPECT_EQ(run_probe({"files"}, 1000), std::nullopt);
    EXPECT_EQ(log_->lines,
              (Texts{"mkdir: 0", "read: two", "at: 13", "stat: 0", "size: 14, regular: 1",
                     "rename: 0", "symlink: -1 Not supported", "entry: .", "entry: ..",
                     "entry: b.txt", "rmdir: -1 Directory not empty", "unlink: 0", "rmdir: 0",
                     "open ..: -1 Capabilities insufficient",
                     "open /etc/passwd: -1 No such file or directory"}));
}

TEST_F(WasiPrograms, WithoutAGrantThereAreNoFiles) {
    const auto error = run_probe({"files"});
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->message, "program 'guest': it ended with exit status 1");
    EXPECT_EQ(log_->lines.back().substr(0, 10), "fopen: -1 ");
}

TEST_F(WasiPrograms, TheQuotaIsExact) {
    EXPECT_EQ(run_probe({"quota"}, 10'500), std::nullopt);
    EXPECT_EQ(log_->lines, Texts{"wrote 10500, then No space left on device"});
}

TEST_F(WasiPrograms, StreamsAreReadyAtOnce) {
    EXPECT_EQ(run_probe({"poll"}), std::nullopt);
    EXPECT_EQ(log_->lines, Texts{"poll: 2, in 1, out 1"});
}

TEST_F(WasiPrograms, AnExitStatusIsAnError) {
    EXPECT_EQ(run_probe({"exit", "0"}), std::nullopt);
    const auto error = run_probe({"exit", "3"});
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code, "exit");
    EXPECT_EQ(error->message, "program 'guest': it ended with exit status 3");
    EXPECT_EQ(log_->lines, (Texts{"leaving", "leaving"}));
}

}  // namespace
}  // namespace realm::interfaces
