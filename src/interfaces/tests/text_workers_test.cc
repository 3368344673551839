// Which thread takes a text, by its size and by what its tenant has used; time is the test's.
#include "interfaces/text_workers.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <future>
#include <latch>

namespace realm::interfaces {
namespace {

using std::chrono::milliseconds;

class TextWorkersTest : public ::testing::Test {
protected:
    // The scheduling policy of the thread that ran a task which took so long.
    int policy_for(const std::string& tenant, std::size_t bytes, milliseconds took) {
        std::promise<int> policy;
        EXPECT_TRUE(workers_.submit(tenant, bytes, [&] {
            cpu_time() += took;
            policy.set_value(sched_getscheduler(0));
        }));
        const int found = policy.get_future().get();
        // What is behind it in the queue sees the task accounted for.
        std::latch behind(1);
        EXPECT_TRUE(workers_.submit("other", 0, [&] { behind.count_down(); }));
        behind.wait();
        return found;
    }

    // Each thread's own, as the real one: what one task takes is not charged to another's.
    static std::chrono::nanoseconds& cpu_time() {
        thread_local std::chrono::nanoseconds used{};
        return used;
    }

    std::atomic<base::SteadyTime> now_{base::SteadyTime(std::chrono::seconds(1000))};
    TextWorkers workers_{{.threads = 1,
                          .queue = 2,
                          .large_bytes = 1000,
                          .allowance = {.burst = milliseconds(100), .part = 0.1},
                          .cpu_time = [] { return cpu_time(); },
                          .now = [this] { return now_.load(); }}};
};

TEST_F(TextWorkersTest, large_texts_get_only_time_that_nobody_else_wants) {
    EXPECT_EQ(policy_for("a", 999, {}), SCHED_OTHER);
    EXPECT_EQ(policy_for("a", 1000, milliseconds(500)), SCHED_IDLE);
    EXPECT_EQ(workers_.counters(), (TextWorkers::Counters{.normal = 3, .background = 1}));
    // Such time is nobody's, so it costs no allowance.
    EXPECT_EQ(policy_for("a", 999, {}), SCHED_OTHER);
}

TEST_F(TextWorkersTest, so_do_those_of_a_tenant_that_has_used_up_its_allowance) {
    EXPECT_EQ(policy_for("a", 1, milliseconds(99)), SCHED_OTHER);
    EXPECT_EQ(policy_for("a", 1, milliseconds(21)), SCHED_OTHER);
    EXPECT_EQ(policy_for("a", 1, {}), SCHED_IDLE);
    EXPECT_EQ(policy_for("b", 1, {}), SCHED_OTHER);
    // 20 ms too much come back in 200 ms.
    now_ = now_.load() + milliseconds(190);
    EXPECT_EQ(policy_for("a", 1, {}), SCHED_IDLE);
    now_ = now_.load() + milliseconds(20);
    EXPECT_EQ(policy_for("a", 1, {}), SCHED_OTHER);
}

TEST_F(TextWorkersTest, each_class_has_its_own_queue) {
    for (const std::size_t bytes : {1U, 1000U}) {
        std::latch started(1);
        std::latch release(1);
        ASSERT_TRUE(workers_.submit("a", bytes, [&] {
            started.count_down();
            release.wait();
        }));
        started.wait();
        std::latch rest(bytes == 1 ? 2 : 1);  // large texts wait in lanes, which have half of it
        for (std::ptrdiff_t i = bytes == 1 ? 2 : 1; i > 0; --i) {
            EXPECT_TRUE(workers_.submit("a", bytes, [&] { rest.count_down(); }));
        }
        EXPECT_FALSE(workers_.submit("a", bytes, [] {}));
        std::latch other(1);
        EXPECT_TRUE(workers_.submit("a", bytes == 1 ? 1000 : 1, [&] { other.count_down(); }));
        other.wait();
        release.count_down();
        rest.wait();
    }
}

}  // namespace
}  // namespace realm::interfaces
