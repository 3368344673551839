#include "app/lockdown.h"

#include <utility>

#include "app/stack.h"
#include "inference/model.h"
#include "process/lockdown.h"
#include "registry/code_cache.h"

namespace realm::app {
namespace {

// Why the lockdown is left out although nobody asked for that; empty where it is not.
std::string_view obstacle() {
    if (process::built_with_sanitizer()) {
        return "this build's sanitizer needs more";
    }
    if (inference::computes_on_gpu()) {
        return "the GPU's driver needs more";
    }
    return {};
}

Result<void> confine(process::FileRules files) {
    if (process::thread_count() != 1) {
        return fail(ErrorType::kInternal, "lockdown_failed",
                    "Landlock: other threads run already, which it would not bind");
    }
    // What cannot be made cannot be written either.
    std::erase_if(files.write, [](const std::filesystem::path& directory) {
        return !registry::CodeCache::make_directory(directory);
    });
    return process::confine_files(files);
}

}  // namespace

process::FileRules server_files(const config::Settings& settings) {
    process::FileRules files{
        // What the C library and ggml look at: processors, memory, time zone, OpenSSL's settings.
        .read = {"/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system",
                 "/sys/fs/cgroup", "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib/ssl",
                 "/etc/ssl", "/dev/null", "/dev/urandom"},
        .write = {},
        .listen = {settings.server.port}};
    if (auto model = choose_model(settings.model.name_or_path)) {
        files.read.push_back(std::move(model->path));
    }
    if (auto programs = program_directory(settings)) {
        files.write.push_back(std::move(*programs));
    }
    if (!settings.program.chat.empty()) {
        files.read.emplace_back(settings.program.chat);
    }
    if (auto code = code_cache_directory()) {
        files.write.push_back(std::move(*code));
    }
    if (auto swap = swap_directory(); swap && settings.model.swap_disk_bytes > 0) {
        files.write.push_back(std::move(*swap));
    }
    return files;
}

Lockdown::Lockdown(const config::Settings& settings, telemetry::Logger logger)
    : settings_(settings),
      logger_(std::move(logger)),
      wanted_(settings.server.lockdown != config::Lockdown::kOff) {
    if (settings.server.lockdown == config::Lockdown::kAuto && !obstacle().empty()) {
        wanted_ = false;
        logger_.warn("no lockdown", {{"reason", obstacle()}});
    }
}

Result<void> Lockdown::judge(Result<void> outcome) {
    if (outcome || settings_.server.lockdown == config::Lockdown::kRequired) {
        return outcome;
    }
    logger_.warn("part of the lockdown is missing", {{"reason", outcome.error().message}});
    return {};
}

Result<void> Lockdown::confine_files() {
    if (!wanted_) {
        return {};
    }
    auto outcome = confine(server_files(settings_));
    landlock_ = outcome ? process::landlock_abi() : 0;
    return judge(std::move(outcome));
}

Result<void> Lockdown::confine_calls() {
    if (wanted_) {
        auto outcome = process::confine_server_calls();
        calls_ = outcome.has_value();
        if (auto judged = judge(std::move(outcome)); !judged) {
            return judged;
        }
    }
    logger_.info("lockdown", {{"no_new_privileges", landlock_ > 0 || calls_},
                              {"seccomp", calls_},
                              {"landlock_abi", landlock_}});
    return {};
}

}  // namespace realm::app
