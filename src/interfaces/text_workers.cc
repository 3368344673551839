#include "interfaces/text_workers.h"

#include <utility>

namespace realm::interfaces {

TextWorkers::TextWorkers(TextWorkerOptions options)
    : options_(std::move(options)),
      workers_("text", options_.threads, options_.queue),
      idle_worker_("text-idle", 1, options_.queue, base::ThreadClass::kIdle) {}

bool TextWorkers::submit(const std::string& tenant, std::size_t bytes,
                         base::WorkerPool::Task task) {
    if (bytes >= options_.large_bytes || !has_allowance(tenant)) {
        // In lanes, since the tenants that come here have little to lose and much to wait for.
        const bool taken = idle_worker_.submit(std::move(task), tenant) == base::Submission::kTaken;
        background_ += taken ? 1 : 0;
        return taken;
    }
    const bool taken = workers_.submit([this, tenant, task = std::move(task)]() mutable {
        const auto began = options_.cpu_time();
        task();
        charge(tenant, options_.cpu_time() - began);
    });
    normal_ += taken ? 1 : 0;
    return taken;
}

bool TextWorkers::has_allowance(const std::string& tenant) {
    return allowances_.with([&](Allowances& allowances) {
        return allowances[tenant].left(options_.allowance, options_.now()) > 0;
    });
}

void TextWorkers::charge(const std::string& tenant, std::chrono::nanoseconds spent) {
    allowances_.with(
        [&](Allowances& allowances) { allowances[tenant].charge(options_.allowance, spent); });
}

}  // namespace realm::interfaces
