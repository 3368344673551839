#include "sandbox/executor.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/worker_pool.h"
#include "sandbox/run.h"
#include "sandbox/scheduler.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr int kBackgroundNice = 19;
constexpr std::chrono::hours kLongestWall{24 * 365};

void work(Scheduler& scheduler, RunClass which) {
    CpuMeter meter;
    meter.restart();
    bool waited = false;
    while (const auto run = scheduler.pop(which, waited)) {
        if (waited) {
            meter.restart();
        }
        switch (run->advance(meter)) {
            case Run::Next::kNothing:
                break;
            case Run::Next::kNormalQueue:
                scheduler.push(run, RunClass::kNormal);
                break;
            case Run::Next::kBackgroundQueue:
                scheduler.push(run, RunClass::kBackground);
                break;
            case Run::Next::kEnded:
                scheduler.retire();
                meter.restart();
                break;
        }
    }
}

ExecutorOptions checked(ExecutorOptions options) {
    options.threads = std::max<std::size_t>(1, options.threads);
    return options;
}

}  // namespace

class Executor::Impl {
public:
    Impl(std::shared_ptr<Runtime> runtime, const ExecutorOptions& options);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::shared_ptr<Execution> start(RunOrder order);
    [[nodiscard]] const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    [[nodiscard]] std::size_t running() const { return scheduler_->alive(); }

private:
    const std::shared_ptr<Runtime> runtime_;
    const std::shared_ptr<Scheduler> scheduler_;
    std::vector<std::thread> threads_;
};

Executor::Impl::Impl(std::shared_ptr<Runtime> runtime, const ExecutorOptions& options)
    : runtime_(std::move(runtime)), scheduler_(std::make_shared<Scheduler>(checked(options))) {
    for (std::size_t i = 0; i < scheduler_->options().threads; ++i) {
        threads_.emplace_back([scheduler = scheduler_, i] {
            base::set_thread_name("realm-exec-" + std::to_string(i));
            work(*scheduler, RunClass::kNormal);
        });
    }
    for (std::size_t i = 0; i < options.background_threads; ++i) {
        threads_.emplace_back([scheduler = scheduler_, i] {
            base::set_thread_name("realm-back-" + std::to_string(i));
            // Lowering one's own priority is always allowed; on Linux it is the thread's alone.
            setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kBackgroundNice);
            work(*scheduler, RunClass::kBackground);
        });
    }
    threads_.emplace_back([scheduler = scheduler_] {
        base::set_thread_name("realm-timer");
        scheduler->watch_deadlines();
    });
}

Executor::Impl::~Impl() {
    scheduler_->close(make_error(ErrorType::kUnavailable, "shutting_down",
                                 "the server is shutting down; try again"));
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

std::shared_ptr<Execution> Executor::Impl::start(RunOrder order) {
    const auto wall = std::min<std::chrono::milliseconds>(order.limits.wall, kLongestWall);
    const auto deadline = base::SteadyClock::now() + wall;
    auto run = std::make_shared<Run>(scheduler_, std::move(order), deadline);
    if (!scheduler_->admit(run, deadline)) {
        run->cancel(make_error(ErrorType::kUnavailable, "shutting_down",
                               "the server is shutting down; try again"));
    }
    scheduler_->push(run, RunClass::kNormal);
    return run;
}

Executor::Executor(std::shared_ptr<Runtime> runtime, const ExecutorOptions& options)
    : impl_(std::make_unique<Impl>(std::move(runtime), options)) {}

Executor::~Executor() = default;

std::shared_ptr<Execution> Executor::start(std::shared_ptr<const Program> program,
                                           std::string entry, std::shared_ptr<void> host,
                                           const InstanceLimits& limits, OnEnd on_end) {
    return impl_->start(RunOrder{.runtime = impl_->runtime(),
                                 .program = std::move(program),
                                 .entry = std::move(entry),
                                 .host = std::move(host),
                                 .limits = limits,
                                 .on_end = std::move(on_end)});
}

std::size_t Executor::running() const {
    return impl_->running();
}

}  // namespace realm::sandbox
