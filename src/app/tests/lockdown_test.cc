#include "app/lockdown.h"
#include "app/stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <semaphore>
#include <sstream>
#include <string>
#include <thread>

namespace realm::app {
namespace {

config::Settings with(config::Lockdown lockdown) {
    config::Settings settings;
    settings.server.lockdown = lockdown;
    return settings;
}

// A lockdown cannot be undone, so it is tried in a fork; the exit status of `body`.
int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// What confine_files() says beside a thread that it cannot bind, and what it logged.
struct Outcome {
    Result<void> result;
    std::string log;
};
Outcome beside_a_thread(config::Lockdown wanted) {
    std::ostringstream log;
    const config::Settings settings = with(wanted);
    std::binary_semaphore done(0);
    std::jthread other([&] { done.acquire(); });
    Lockdown lockdown(settings, telemetry::Logger::to_stream(log, telemetry::Level::kInfo,
                                                             telemetry::LogFormat::kJson));
    Outcome outcome{.result = lockdown.confine_files(), .log = {}};
    done.release();
    outcome.log = log.str();
    return outcome;
}

TEST(Lockdown, that_is_required_is_an_error_where_it_fails) {
    const Outcome outcome = beside_a_thread(config::Lockdown::kRequired);
    ASSERT_FALSE(outcome.result);
    EXPECT_EQ(outcome.result.error().code, "lockdown_failed");
    EXPECT_EQ(outcome.result.error().message,
              "Landlock: other threads run already, which it would not bind");
}

TEST(Lockdown, is_left_out_with_a_warning_where_it_fails) {
    const Outcome outcome = beside_a_thread(config::Lockdown::kAuto);
    EXPECT_TRUE(outcome.result);
    EXPECT_NE(outcome.log.find("\"warn"), std::string::npos) << outcome.log;
    EXPECT_NE(outcome.log.find("lockdown"), std::string::npos) << outcome.log;
}

TEST(Lockdown, that_is_off_changes_nothing) {
    EXPECT_EQ(in_child([] {
                  std::ostringstream log;
                  const config::Settings settings = with(config::Lockdown::kOff);
                  Lockdown lockdown(settings,
                                    telemetry::Logger::to_stream(log, telemetry::Level::kInfo,
                                                                 telemetry::LogFormat::kText));
                  if (!lockdown.confine_files() || !lockdown.confine_calls()) {
                      return 1;
                  }
                  return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : 2;
              }),
              0);
}

TEST(Lockdown, leaves_a_server_its_model_its_programs_their_code_and_its_port) {
    const std::filesystem::path model =
        testing::TempDir() + "realm-lockdown-" + std::to_string(::getpid()) + ".gguf";
    std::ofstream(model) << "GGUF";
    config::Settings settings;
    settings.server.port = 4711;
    settings.model.name_or_path = model;
    settings.program.chat = "chat.wasm";
    settings.program.directory = "programs";
    const process::FileRules left = server_files(settings);
    std::filesystem::remove(model);
    EXPECT_THAT(left.read, testing::IsSupersetOf({model, std::filesystem::path("chat.wasm")}));
    const auto code = code_cache_directory();
    ASSERT_TRUE(code.has_value());
    const auto swap = swap_directory();
    ASSERT_TRUE(swap.has_value());
    EXPECT_THAT(left.write, testing::UnorderedElementsAre(*code, *swap, "programs"));
    EXPECT_THAT(left.listen, testing::ElementsAre(4711));

    settings.model.name_or_path = model;  // no longer there
    settings.program.chat.clear();
    settings.model.swap_disk_bytes = 0;
    EXPECT_EQ(server_files(settings).read.size(), left.read.size() - 2);
    EXPECT_THAT(server_files(settings).write, testing::UnorderedElementsAre(*code, "programs"));
}

}  // namespace
}  // namespace realm::app
