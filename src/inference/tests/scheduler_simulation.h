// A Scheduler under simulated load.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "inference/scheduler.h"

namespace realm::inference {

// A scheduler that knows the first contexts; 1 to 9 are of one tenant, 11 to 19 of another, ...
inline std::unique_ptr<Scheduler> scheduler_of(
    std::uint32_t chunk, std::uint64_t contexts = 99,
    const std::map<std::uint64_t, double>& weights = {}) {
    auto scheduler = std::make_unique<Scheduler>(chunk);
    for (std::uint64_t id = 1; id <= contexts; ++id) {
        const std::uint64_t tenant = id / 10;
        const auto weight = weights.find(tenant);
        scheduler->add({id}, {.tenant = std::to_string(tenant),
                              .weight = weight == weights.end() ? 1.0 : weight->second});
    }
    return scheduler;
}

// "d2" for a decode step of two rows, "p1:64" for 64 tokens of context 1's prompt ("!" the last).
inline std::string next(Scheduler& scheduler) {
    const Scheduler::Work work = scheduler.next();
    if (const auto* step = std::get_if<Scheduler::DecodeStep>(&work)) {
        return "d" + std::to_string(step->contexts.size());
    }
    if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
        return "p" + std::to_string(piece->context.value) + ":" + std::to_string(piece->tokens) +
               (piece->last ? "!" : "");
    }
    return "-";
}

// An engine whose steps take what they would on two processors, and contexts that always want
// another token, or to have a prompt computed first.
class Simulation {
public:
    explicit Simulation(std::uint32_t chunk = 512) : scheduler_(chunk) {}

    ContextId stream(const std::string& tenant, double weight = 1.0, std::uint32_t prompt = 0,
                     std::int32_t priority = 0) {
        const ContextId id{++last_id_};
        scheduler_.add(id, {.tenant = tenant, .weight = weight, .priority = priority});
        streams_[id.value] = {.tenant = tenant,
                              .waiting_since = now_,
                              .tenant_since = time[tenant],
                              .prompt = prompt,
                              .priority = priority};
        if (prompt > 0) {
            scheduler_.add_prefill(id, prompt);
        } else {
            scheduler_.set_decoding(id, true);
        }
        return id;
    }
    void end(ContextId id) {
        scheduler_.remove(id);
        streams_.erase(id.value);
    }

    // Computes one thing.
    void step() {
        note_fronts();
        const Scheduler::Work work = scheduler_.next();
        ASSERT_EQ(std::holds_alternative<std::monostate>(work), streams_.empty());
        double took = 0;
        if (const auto* decode = std::get_if<Scheduler::DecodeStep>(&work)) {
            const auto rows = static_cast<double>(decode->contexts.size());
            took = 0.006 + 0.0035 * rows;
            now_ += took;
            batches.push_back(decode->contexts.size());
            for (const ContextId id : decode->contexts) {
                served(id, took / rows);
                // Between two tokens a context has none to compute.
                scheduler_.set_decoding(id, false);
                scheduler_.set_decoding(id, true);
                ++tokens[streams_.at(id.value).tenant];
            }
        } else if (const auto* piece = std::get_if<Scheduler::PrefillPiece>(&work)) {
            took = 0.0004 * piece->tokens;
            now_ += took;
            served(piece->context, took);
            Stream& stream = streams_.at(piece->context.value);
            stream.prompt -= piece->tokens;
            EXPECT_EQ(piece->last, stream.prompt == 0);
            if (piece->last) {
                scheduler_.set_decoding(piece->context, true);
            }
        } else {
            now_ += 0.001;
        }
        scheduler_.charge(Scheduler::Seconds(took));
    }
    void run(double seconds) {
        for (const double until = now_ + seconds; now_ < until;) {
            ASSERT_NO_FATAL_FAILURE(step());
        }
    }

    [[nodiscard]] double now() const { return now_; }
    [[nodiscard]] const auto& streams() const { return streams_; }
    [[nodiscard]] double share(const std::string& tenant) {
        double all = 0;
        for (const auto& [name, seconds] : time) {
            all += seconds;
        }
        return time[tenant] / all;
    }

    std::map<std::string, double> time;
    std::map<std::string, std::uint64_t> tokens;
    std::vector<std::size_t> batches;
    double longest_wait = 0;
    // In its tenant's own time.
    double longest_tenant_wait = 0;
    // A tenant's time while some of its contexts were less urgent than others, and what of it those
    // had.
    std::map<std::string, double> contended;
    std::map<std::string, double> less_urgent;

private:
    struct Stream {
        std::string tenant;
        double waiting_since = 0;
        double tenant_since = 0;
        std::uint32_t prompt = 0;
        std::int32_t priority = 0;
    };
    struct Front {
        std::int32_t most = std::numeric_limits<std::int32_t>::max();
        std::int32_t least = std::numeric_limits<std::int32_t>::min();
    };

    void note_fronts() {
        fronts_.clear();
        for (const auto& [id, stream] : streams_) {
            Front& front = fronts_[stream.tenant];
            front.most = std::min(front.most, stream.priority);
            front.least = std::max(front.least, stream.priority);
        }
    }

    void served(ContextId id, double seconds) {
        Stream& stream = streams_.at(id.value);
        time[stream.tenant] += seconds;
        const Front& front = fronts_.at(stream.tenant);
        if (front.most != front.least) {
            contended[stream.tenant] += seconds;
            less_urgent[stream.tenant] += stream.priority == front.most ? 0 : seconds;
        }
        longest_wait = std::max(longest_wait, now_ - stream.waiting_since);
        longest_tenant_wait =
            std::max(longest_tenant_wait, time[stream.tenant] - stream.tenant_since);
        stream.waiting_since = now_;
        stream.tenant_since = time[stream.tenant];
    }

    Scheduler scheduler_;
    std::map<std::uint64_t, Stream> streams_;
    std::map<std::string, Front> fronts_;
    std::uint64_t last_id_ = 0;
    double now_ = 0;
};

}  // namespace realm::inference
