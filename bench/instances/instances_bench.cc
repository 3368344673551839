// What instances of the shipped chat program take: instantiate_us, the time to make one, with its
// store, to initialise and to drop it; instances_resident_kb, the memory of one that waits.
//
// usage: instances_bench MODEL.gguf [COUNT]
//
// For the latter each instance reads a request of 1 KB, renders the model's template, tokenises,
// prefills and then waits for its first token, all through the real host functions but those of
// contexts: a fake takes the place of the engine, which holds 256 contexts at most, and never
// answers the wait. So neither KV cells nor the engine's records of contexts are counted, all else
// is.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/time_source.h"
#include "embedded_programs.h"
#include "inference/engine.h"
#include "interfaces/run_host.h"
#include "sandbox/executor.h"
#include "sandbox/instance.h"
#include "serving/run.h"

namespace realm::bench {
namespace {

constexpr std::size_t kInstances = 10'000;
constexpr std::size_t kMappings = 7;          // of the process, for each instance
constexpr std::size_t kSpareMappings = 4096;  // for everything else
constexpr std::size_t kAtOnce = 64;           // on their way to the wait; text workers queue 256
constexpr std::size_t kRequestBytes = 1024;
constexpr std::size_t kWarmUp = 64;
constexpr std::size_t kRounds = 9;
constexpr std::size_t kInstantiations = 2000;

template <class T>
T or_throw(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message);
    }
    return std::move(*result);
}

// The instances that have come to wait, and those that ended instead.
class Waiting {
public:
    void arrive(sandbox::Completion completion) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(completion));
        changed_.notify_all();
    }

    void failed(std::string why) {
        const std::lock_guard lock(mutex_);
        failure_ = std::move(why);
        changed_.notify_all();
    }

    void wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_.size() >= count || failure_; });
        if (failure_) {
            throw std::runtime_error("an instance ended: " + *failure_);
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<sandbox::Completion> waiting_;
    std::optional<std::string> failure_;
};

class Sink final : public serving::RunSink {
public:
    explicit Sink(Waiting& waiting) : waiting_(waiting) {}
    void on_chunk(std::string /*json*/,
                  std::move_only_function<void(Result<void>)> taken) override {
        taken({});
    }
    void on_end(serving::RunResult result) override {
        waiting_.failed(result.reply ? "with a reply" : result.reply.error().message);
    }

private:
    Waiting& waiting_;
};

// In the place of ContextInterface and SamplingInterface.
class FakeContexts {
public:
    explicit FakeContexts(Waiting& waiting) : waiting_(waiting) {}

    void create(std::int32_t /*model*/, std::uint32_t /*capacity*/, sandbox::Completion done) {
        done.resolve(1);
    }
    void prefill(std::int32_t /*context*/, std::span<const std::int32_t> /*tokens*/,
                 sandbox::Completion done) {
        done.resolve(0);
    }
    std::int32_t set(std::int32_t /*context*/, sandbox::In<realm_sampling> /*sampling*/) {
        return 0;
    }
    std::int32_t set_number(std::int32_t /*context*/, std::uint32_t /*value*/) { return 0; }
    std::int32_t generate(std::int32_t /*context*/, std::uint32_t /*max_tokens*/,
                          std::string_view /*stop*/) {
        return 0;
    }
    void next(std::int32_t /*context*/, sandbox::Completion done) {
        waiting_.arrive(std::move(done));
    }

private:
    Waiting& waiting_;
};

struct Host : interfaces::RunHost {
    Host(const interfaces::SharedServices& services, std::shared_ptr<serving::Run> run,
         Waiting& waiting)
        : RunHost(services, {}, {}, run, run), fake(waiting) {}

    FakeContexts fake;
};

std::vector<sandbox::HostFunction> host_functions() {
    using sandbox::bind;
    std::vector<sandbox::HostFunction> fakes{
        bind<&Host::fake, &FakeContexts::create>("realm_context_create"),
        bind<&Host::fake, &FakeContexts::prefill>("realm_context_prefill"),
        bind<&Host::fake, &FakeContexts::set>("realm_context_sampling"),
        bind<&Host::fake, &FakeContexts::set_number>("realm_context_share"),
        bind<&Host::fake, &FakeContexts::set_number>("realm_context_min_tokens"),
        bind<&Host::fake, &FakeContexts::generate>("realm_context_generate"),
        bind<&Host::fake, &FakeContexts::next>("realm_context_next"),
    };
    // The others expect a RunHost behind the pointer, which is where a Host begins.
    std::vector<sandbox::HostFunction> functions = interfaces::host_functions();
    for (sandbox::HostFunction& fake : fakes) {
        const auto found = std::ranges::find(functions, fake.name, &sandbox::HostFunction::name);
        *found = std::move(fake);
    }
    return functions;
}

std::string request_of(std::size_t bytes) {
    const std::string start = R"({"messages":[{"role":"user","content":")";
    const std::string end = R"("}],"max_tokens":16})";
    std::string text;
    while (start.size() + text.size() + end.size() < bytes) {
        text += "Tell me about lighthouses. ";
    }
    text.resize(bytes - start.size() - end.size());
    return start + text + end;
}

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// As many as asked for, or as the kernel's limit on mappings allows.
std::size_t possible(std::size_t wanted) {
    std::ifstream file("/proc/sys/vm/max_map_count");
    std::size_t limit = 0;
    file >> limit;
    const std::size_t most = limit > kSpareMappings ? (limit - kSpareMappings) / kMappings : 0;
    if (most < wanted) {
        fmt::print(stderr,
                   "instances_bench: vm.max_map_count = {} allows {} instances, not {}; "
                   "`sysctl vm.max_map_count={}` allows all\n",
                   limit, most, wanted, wanted * kMappings + kSpareMappings);
    }
    return std::min(wanted, most);
}

// Of an instance that calls nobody.
class NoCalls final : public sandbox::CallPort {
public:
    std::shared_ptr<sandbox::Waiter> open_call() override { return nullptr; }
    std::optional<sandbox::CallAnswer> take_answer() override { return std::nullopt; }
    void sleep_until(base::SteadyTime /*time*/) override {}
    std::optional<Error> interrupted() override { return std::nullopt; }
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const override { return {}; }
};

class Bench {
public:
    Bench(const std::string& model_file, std::size_t count)
        : runtime_(or_throw(sandbox::Runtime::create(
              {.max_instances = static_cast<std::uint32_t>(count)}, host_functions()))),
          program_(or_throw(runtime_->compile("chat", programs::chat_module()))) {
        auto model = or_throw(inference::Model::load(model_file, "model"));
        models_.add(or_throw(inference::Engine::start(
            std::move(model), {.kv_tokens = 1024, .max_contexts = 1, .threads = 1})));
        executor_.emplace(runtime_, sandbox::ExecutorOptions{.threads = 1});
    }
    ~Bench() { executor_.reset(); }  // ends the instances while what they use is still there
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    // Microseconds for one instance, none other being alive.
    double instantiate_us() {
        NoCalls port;
        std::vector<double> rounds;
        for (std::size_t round = 0; round < kRounds; ++round) {
            const auto begin = base::SteadyClock::now();
            for (std::size_t i = 0; i < kInstantiations; ++i) {
                sandbox::Instance instance(runtime_->impl(), program_, nullptr, {}, port);
                using Progress = sandbox::Instance::Progress;
                Progress progress = instance.poll();
                while (progress == Progress::kPending) {
                    progress = instance.poll();
                }
                if (progress != Progress::kResting) {
                    throw std::runtime_error(instance.take_failure().message);
                }
            }
            const std::chrono::duration<double, std::micro> took = base::SteadyClock::now() - begin;
            rounds.push_back(took.count() / kInstantiations);
        }
        std::ranges::nth_element(rounds, rounds.begin() + kRounds / 2);
        return rounds[kRounds / 2];
    }

    // Starts instances until `count` wait.
    void fill(std::size_t count) {
        for (; started_ < count; ++started_) {
            if (started_ >= kAtOnce) {
                waiting_.wait_for(started_ - kAtOnce + 1);
            }
            start_one();
        }
        waiting_.wait_for(count);
    }

private:
    void start_one() {
        serving::RunRequest request;
        request.meta.request_id = base::Uuid::generate().to_string();
        request.meta.tenant = "bench";
        request.data = request_of(kRequestBytes);
        auto run = std::make_shared<serving::Run>(std::move(request), "chat", serving::RunBounds{},
                                                  std::make_shared<Sink>(waiting_), logger_);
        auto host = std::make_shared<Host>(services_, run, waiting_);
        run->attach(executor_->start(
                        program_, "realm_run", std::move(host), {.wall = std::chrono::hours(1)},
                        [run](sandbox::RunOutcome outcome) { run->end(std::move(outcome)); }),
                    run->attempt());
    }

    Waiting waiting_;
    telemetry::Logger logger_ =
        telemetry::Logger::to_stderr(telemetry::Level::kError, telemetry::LogFormat::kText);
    interfaces::ModelDirectory models_;
    interfaces::TextWorkers workers_{{.threads = 2, .queue = 256}};
    base::SystemTime time_;
    interfaces::SharedServices services_{models_, workers_, time_};
    std::shared_ptr<sandbox::Runtime> runtime_;
    std::shared_ptr<const sandbox::Program> program_;
    std::optional<sandbox::Executor> executor_;
    std::size_t started_ = 0;
};

void run(const std::string& model_file, std::size_t wanted) {
    const std::size_t count = possible(wanted);
    Bench bench(model_file, count + kWarmUp);
    fmt::print(
        "{{\"name\": \"instantiate_us\", \"value\": {:.2f}, \"unit\": \"us\", "
        "\"better\": \"lower\"}}\n",
        bench.instantiate_us());
    bench.fill(kWarmUp);
    const std::size_t before = resident_bytes();
    bench.fill(kWarmUp + count);
    const double kilobytes =
        static_cast<double>(resident_bytes() - before) / 1024 / static_cast<double>(count);
    fmt::print(
        "{{\"name\": \"instances_resident_kb\", \"value\": {:.2f}, \"unit\": \"KB\", "
        "\"better\": \"lower\"}}\n",
        kilobytes);
    fmt::print(stderr, "instances_bench: {} instances\n", count);
}

}  // namespace
}  // namespace realm::bench

int main(int argc, char** argv) {
    try {
        std::size_t count = realm::bench::kInstances;
        const std::string_view given = argc == 3 ? argv[2] : "";
        const auto parsed = std::from_chars(given.data(), given.data() + given.size(), count);
        if (argc < 2 || argc > 3 || (argc == 3 && parsed.ec != std::errc{}) || count == 0) {
            fmt::print(stderr, "usage: instances_bench MODEL.gguf [COUNT]\n");
            return 2;
        }
        realm::bench::run(argv[1], count);
    } catch (const std::exception& exception) {
        fmt::print(stderr, "instances_bench: {}\n", exception.what());
        return 1;
    }
    return 0;
}
