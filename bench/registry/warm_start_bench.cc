// From a cached module to the end of its first run, in a process that has just started: the chat
// program's machine code is read, verified, mapped and linked, and a first instance answers a
// request (it refuses it, as there is no model). The median over rounds, beside the same with an
// empty cache: {"name": ..., "value": ..., "unit": "ms", "better": "lower"}.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/time_source.h"
#include "embedded_programs.h"
#include "interfaces/model_directory.h"
#include "interfaces/run_host.h"
#include "registry/program_loader.h"
#include "sandbox/executor.h"
#include "serving/run_service.h"

namespace realm {
namespace {

constexpr int kRounds = 9;

template <class T>
T or_throw(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message);
    }
    return std::move(*result);
}

// Keeps the end of a run.
class Sink final : public serving::RunSink {
public:
    void on_chunk(std::string /*json*/,
                  std::move_only_function<void(Result<void>)> taken) override {
        taken({});
    }
    void on_end(serving::RunResult result) override { end_.set_value(std::move(result)); }
    serving::RunResult wait() { return end_.get_future().get(); }

private:
    std::promise<serving::RunResult> end_;
};

class Bench {
public:
    Bench()
        : directory_(std::filesystem::temp_directory_path() /
                     fmt::format("realm-warm-start-{}", ::getpid())),
          runtime_(or_throw(sandbox::Runtime::create({}, interfaces::host_functions()))),
          fingerprint_(or_throw(sandbox::code_fingerprint(runtime_->code_settings()))),
          workers_({.threads = 1, .queue = 16}),
          executor_(runtime_, {.threads = 1}),
          runs_(executor_, {.models = models_, .workers = workers_, .time = time_}, {}, {}) {}
    ~Bench() {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    double start_ms(std::uint64_t compilations) {
        const auto begin = base::SteadyClock::now();
        registry::ProgramLoader loader(
            runtime_, std::make_unique<registry::LocalCompiler>(),
            std::make_unique<registry::CodeCache>(
                registry::CodeCacheOptions{.directory = directory_, .fingerprint = fingerprint_},
                telemetry::Logger()));
        const auto program = or_throw(loader.load("chat", programs::chat_module()));
        const auto sink = std::make_shared<Sink>();
        or_throw(runs_.start(program, {.meta = {}, .data = "{}"}, sink));
        const serving::RunResult end = sink->wait();
        const std::chrono::duration<double, std::milli> took = base::SteadyClock::now() - begin;
        if (end.reply || end.reply.error().type != ErrorType::kInvalidRequest) {
            throw std::runtime_error("the program did not answer as it should");
        }
        if (loader.compiled() != compilations) {
            throw std::runtime_error("the cache was not used as it should");
        }
        return took.count();
    }

    void forget() { std::filesystem::remove_all(directory_); }

private:
    std::filesystem::path directory_;
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::string fingerprint_;
    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_;
    base::SystemTime time_;
    sandbox::Executor executor_;
    serving::RunService runs_;
};

void report(std::string_view name, const std::function<double()>& measure) {
    std::vector<double> values;
    for (int i = 0; i < kRounds; ++i) {
        values.push_back(measure());
    }
    std::ranges::nth_element(values, values.begin() + kRounds / 2);
    fmt::print("{{\"name\": \"{}\", \"value\": {:.2f}, \"unit\": \"ms\", \"better\": \"lower\"}}\n",
               name, values[kRounds / 2]);
    std::fflush(stdout);
}

void run() {
    Bench bench;
    report("cold_start_ms", [&] {
        bench.forget();
        return bench.start_ms(1);
    });
    report("warm_start_ms", [&] { return bench.start_ms(0); });
}

}  // namespace
}  // namespace realm

int main() {
    try {
        realm::run();
    } catch (const std::exception& exception) {
        fmt::print(stderr, "warm_start_bench: {}\n", exception.what());
        return 1;
    }
    return 0;
}
