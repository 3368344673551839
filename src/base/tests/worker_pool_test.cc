#include "base/worker_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace realm::base {
namespace {

TEST(WorkerPool, runs_every_task_before_it_ends) {
    std::atomic<int> done = 0;
    {
        WorkerPool pool("test", 2, 100);
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(pool.submit([&] { ++done; }));
        }
    }
    EXPECT_EQ(done, 100);
}

TEST(WorkerPool, refuses_tasks_when_the_queue_is_full) {
    std::latch started(1);
    std::latch release(1);
    std::atomic<int> done = 0;
    {
        WorkerPool pool("test", 1, 2);
        ASSERT_TRUE(pool.submit([&] {
            started.count_down();
            release.wait();
        }));
        started.wait();
        EXPECT_TRUE(pool.submit([&] { ++done; }));
        EXPECT_TRUE(pool.submit([&] { ++done; }));
        EXPECT_FALSE(pool.submit([&] { ++done; }));
        release.count_down();
    }
    EXPECT_EQ(done, 2);
}

TEST(WorkerPool, names_its_threads) {
    std::string name;
    {
        WorkerPool pool("tokens", 1, 1);
        ASSERT_TRUE(pool.submit([&] {
            std::array<char, 16> buffer{};
            pthread_getname_np(pthread_self(), buffer.data(), buffer.size());
            name = buffer.data();
        }));
    }
    EXPECT_EQ(name, "tokens-0");
}

TEST(WorkerPool, its_threads_may_be_idle_ones) {
    int normal = -1;
    int idle = -1;
    {
        WorkerPool usual("usual", 1, 1);
        WorkerPool lazy("lazy", 1, 1, ThreadClass::kIdle);
        ASSERT_TRUE(usual.submit([&] { normal = sched_getscheduler(0); }));
        ASSERT_TRUE(lazy.submit([&] { idle = sched_getscheduler(0); }));
    }
    EXPECT_EQ(normal, SCHED_OTHER);
    EXPECT_EQ(idle, SCHED_IDLE);
}

TEST(WorkerPool, frees_what_a_task_holds_before_it_waits_again) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = held;
    std::latch second(1);
    WorkerPool pool("test", 1, 2);
    ASSERT_TRUE(pool.submit([held = std::move(held)] {}));
    ASSERT_TRUE(pool.submit([&] {
        EXPECT_TRUE(watch.expired());
        second.count_down();
    }));
    second.wait();
}

TEST(WorkerPool, serves_lanes_in_turn) {
    std::latch started(1);
    std::latch release(1);
    std::vector<std::string> order;
    {
        WorkerPool pool("test", 1, 16);
        ASSERT_TRUE(pool.submit([&] {
            started.count_down();
            release.wait();
        }));
        started.wait();
        const auto add = [&](const std::string& lane, const std::string& name) {
            EXPECT_EQ(pool.submit([&order, name] { order.push_back(name); }, lane),
                      Submission::kTaken);
        };
        add("a", "a1");
        add("a", "a2");
        add("a", "a3");
        add("b", "b1");
        add("", "common");
        add("b", "b2");
        release.count_down();
    }
    EXPECT_EQ(order, (std::vector<std::string>{"a1", "b1", "common", "a2", "b2", "a3"}));
}

TEST(WorkerPool, leaves_a_worker_to_other_lanes) {
    std::latch started(1);
    std::latch release(1);
    std::latch other(1);
    std::latch last(3);
    std::atomic<int> flood = 0;
    WorkerPool pool("test", 2, 16);
    ASSERT_EQ(pool.submit(
                  [&] {
                      started.count_down();
                      release.wait();
                  },
                  "flood"),
              Submission::kTaken);
    started.wait();
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(pool.submit(
                      [&] {
                          ++flood;
                          last.count_down();
                      },
                      "flood"),
                  Submission::kTaken);
    }
    ASSERT_EQ(pool.submit([&] { other.count_down(); }, "other"), Submission::kTaken);
    other.wait();
    EXPECT_EQ(flood, 0);
    release.count_down();
    last.wait();
}

TEST(WorkerPool, gives_a_lane_all_workers_but_one) {
    std::latch both(2);
    std::latch release(1);
    std::latch other(1);
    std::atomic<bool> third = false;
    {
        WorkerPool pool("test", 3, 16);
        for (int i = 0; i < 2; ++i) {
            ASSERT_EQ(pool.submit(
                          [&] {
                              both.arrive_and_wait();
                              release.wait();
                          },
                          "a"),
                      Submission::kTaken);
        }
        both.wait();
        ASSERT_EQ(pool.submit([&] { third = true; }, "a"), Submission::kTaken);
        ASSERT_EQ(pool.submit([&] { other.count_down(); }, "b"), Submission::kTaken);
        other.wait();
        EXPECT_FALSE(third);
        release.count_down();
    }
    EXPECT_TRUE(third);
}

TEST(WorkerPool, gives_the_common_lane_all_workers) {
    std::latch both(2);
    WorkerPool pool("test", 2, 16);
    ASSERT_TRUE(pool.submit([&] { both.arrive_and_wait(); }));
    ASSERT_TRUE(pool.submit([&] { both.arrive_and_wait(); }));
    both.wait();
}

TEST(WorkerPool, keeps_half_of_the_queue_from_a_lane) {
    std::latch started(1);
    std::latch release(1);
    std::atomic<int> done = 0;
    {
        WorkerPool pool("test", 1, 4);
        ASSERT_TRUE(pool.submit([&] {
            started.count_down();
            release.wait();
        }));
        started.wait();
        const auto add = [&](const std::string& lane) {
            return pool.submit([&] { ++done; }, lane);
        };
        EXPECT_EQ(add("a"), Submission::kTaken);
        EXPECT_EQ(add("a"), Submission::kTaken);
        EXPECT_EQ(add("a"), Submission::kLaneFull);
        EXPECT_EQ(add("b"), Submission::kTaken);
        EXPECT_EQ(add(""), Submission::kTaken);
        EXPECT_EQ(add("b"), Submission::kQueueFull);
        EXPECT_EQ(add(""), Submission::kQueueFull);
        release.count_down();
    }
    EXPECT_EQ(done, 4);
}

TEST(WorkerPool, takes_nothing_while_it_shuts_down) {
    Submission last = Submission::kTaken;
    {
        WorkerPool pool("test", 1, 2);
        ASSERT_TRUE(pool.submit([&] {
            while (last != Submission::kStopping) {
                last = pool.submit([] {}, "a");
            }
        }));
    }
    EXPECT_EQ(last, Submission::kStopping);
}

}  // namespace
}  // namespace realm::base
