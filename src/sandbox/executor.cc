#include "sandbox/executor.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/worker_pool.h"
#include "sandbox/run.h"
#include "sandbox/runtime_impl.h"
#include "sandbox/scheduler.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

void work(Scheduler& scheduler, RunClass which) {
    CpuMeter meter;
    meter.restart();
    bool waited = false;
    while (const auto run = scheduler.pop(which, waited)) {
        if (waited) {
            meter.restart();
        }
        std::chrono::nanoseconds spent{0};
        const Run::Next next = run->advance(meter, spent);
        scheduler.charge(run->share(), which, spent);
        switch (next) {
            case Run::Next::kNothing:
                break;
            case Run::Next::kYielded:
                if (which == RunClass::kBackground) {
                    scheduler.push(run, which);
                } else {
                    scheduler.push_by_allowance(run, run->since_wait());
                }
                break;
            case Run::Next::kStopped:
                scheduler.push(run, RunClass::kNormal);
                break;
            case Run::Next::kRested:
                meter.restart();
                break;
            case Run::Next::kEnded:
                scheduler.retire();
                meter.restart();
                break;
        }
    }
}

base::Task<Result<void>> call_entry(Guest& guest, const std::string& entry) {
    if (auto checked = check_export(guest.program_name(), guest.info(), entry, Signature{});
        !checked) {
        co_return checked;
    }
    auto results = co_await guest.call(entry, {});
    co_return results ? Result<void>() : std::unexpected(std::move(results.error()));
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

    std::shared_ptr<Run> start(RunOrder order, std::optional<JobOrder> first);
    [[nodiscard]] const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    [[nodiscard]] std::size_t running() const { return scheduler_->alive(); }

private:
    const std::shared_ptr<Runtime> runtime_;
    const std::shared_ptr<Scheduler> scheduler_;
    std::vector<std::thread> threads_;
};

Executor::Impl::Impl(std::shared_ptr<Runtime> runtime, const ExecutorOptions& options)
    : runtime_(std::move(runtime)),
      scheduler_(std::make_shared<Scheduler>(
          checked(options), [ticker = runtime_->impl().ticker.get()] { ticker->rest(); })) {
    for (std::size_t i = 0; i < scheduler_->options().threads; ++i) {
        threads_.emplace_back([scheduler = scheduler_, i] {
            base::set_thread_name("realm-exec-" + std::to_string(i));
            work(*scheduler, RunClass::kNormal);
        });
    }
    for (std::size_t i = 0; i < options.background_threads; ++i) {
        threads_.emplace_back([scheduler = scheduler_, i] {
            base::set_thread_name("realm-back-" + std::to_string(i));
            base::make_thread_idle();
            work(*scheduler, RunClass::kBackground);
        });
    }
    threads_.emplace_back([scheduler = scheduler_] {
        base::set_thread_name("realm-timer");
        scheduler->watch_deadlines();
    });
}

Executor::Impl::~Impl() {
    scheduler_->close(shutting_down());
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

std::shared_ptr<Run> Executor::Impl::start(RunOrder order, std::optional<JobOrder> first) {
    const bool has_job = first.has_value();
    auto run = std::make_shared<Run>(scheduler_, std::move(order), std::move(first));
    if (!scheduler_->admit(run, run->first_deadline())) {
        run->cancel(shutting_down());
    }
    if (has_job) {
        scheduler_->push_by_allowance(run, {});
    }
    return run;
}

Executor::Executor(std::shared_ptr<Runtime> runtime, const ExecutorOptions& options)
    : impl_(std::make_unique<Impl>(std::move(runtime), options)) {}

Executor::~Executor() = default;

std::shared_ptr<Execution> Executor::start(std::shared_ptr<const Program> program,
                                           std::string entry, std::shared_ptr<void> host,
                                           const InstanceLimits& limits, OnEnd on_end,
                                           std::shared_ptr<Share> share) {
    Job job = [entry = std::move(entry)](Guest& guest) { return call_entry(guest, entry); };
    return impl_->start(
        RunOrder{.runtime = impl_->runtime(),
                 .program = std::move(program),
                 .host = std::move(host),
                 .limits = limits,
                 .share = std::move(share),
                 .on_close = std::nullopt},
        JobOrder{.job = std::move(job), .limits = limits.job(), .on_end = std::move(on_end)});
}

std::shared_ptr<KeptGuest> Executor::keep(std::shared_ptr<const Program> program,
                                          std::shared_ptr<void> host, const InstanceLimits& limits,
                                          std::move_only_function<void(Error)> on_close,
                                          std::shared_ptr<Share> share) {
    return impl_->start(RunOrder{.runtime = impl_->runtime(),
                                 .program = std::move(program),
                                 .host = std::move(host),
                                 .limits = limits,
                                 .share = std::move(share),
                                 .on_close = std::move(on_close)},
                        std::nullopt);
}

std::size_t Executor::running() const {
    return impl_->running();
}

}  // namespace realm::sandbox
