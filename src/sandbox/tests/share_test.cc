// How CPU time is divided between parties: which run is polled next.
#include <map>

#include "harness.h"
#include "sandbox/run.h"
#include "sandbox/scheduler.h"

namespace realm::sandbox::testing {
namespace {

using std::chrono::milliseconds;
using GuestRun = sandbox::Run;  // GoogleTest's fixtures have a Run of their own

// A scheduler whose runs are never polled: the test plays the executor's thread.
class Shares : public ::testing::Test {
protected:
    std::shared_ptr<GuestRun> run(const std::shared_ptr<Share>& share) {
        auto made = std::make_shared<GuestRun>(scheduler_,
                                               RunOrder{.runtime = nullptr,
                                                        .program = nullptr,
                                                        .host = nullptr,
                                                        .limits = {},
                                                        .share = share,
                                                        .on_close = std::nullopt},
                                               std::nullopt);
        return made;
    }

    // Runs that are ready keep the scheduler, and it keeps them.
    void TearDown() override {
        scheduler_->close(shutting_down());
        for (const RunClass which : {RunClass::kNormal, RunClass::kBackground}) {
            bool waited = false;
            while (scheduler_->pop(which, waited)) {
            }
        }
    }

    // Takes the next run, lets it use `spent` and puts it back; whose it was.
    const Share* turn(milliseconds spent, RunClass which = RunClass::kNormal) {
        bool waited = false;
        auto next = scheduler_->pop(which, waited);
        EXPECT_FALSE(waited);
        scheduler_->charge(next->share(), which, spent);
        scheduler_->push(next, which);
        return &next->share();
    }

    std::shared_ptr<Scheduler> scheduler_ = std::make_shared<Scheduler>(ExecutorOptions{});
};

TEST_F(Shares, WhoIsAboutToWaitIsTold) {
    int told = 0;
    scheduler_ = std::make_shared<Scheduler>(ExecutorOptions{}, [&told] { ++told; });
    scheduler_->push(run(std::make_shared<Share>(1.0)), RunClass::kNormal);
    bool waited = true;
    EXPECT_NE(scheduler_->pop(RunClass::kNormal, waited), nullptr);
    EXPECT_FALSE(waited);
    EXPECT_EQ(told, 0);
    scheduler_->close(shutting_down());
    EXPECT_EQ(scheduler_->pop(RunClass::kNormal, waited), nullptr);
    EXPECT_TRUE(waited);
    EXPECT_EQ(told, 1);
    scheduler_ = std::make_shared<Scheduler>(ExecutorOptions{});
}

TEST_F(Shares, TimeIsDividedByWeightWhateverTheNumberOfRuns) {
    const auto one = std::make_shared<Share>(1.0);
    const auto three = std::make_shared<Share>(3.0);
    for (int i = 0; i < 10; ++i) {
        scheduler_->push(run(one), RunClass::kNormal);
    }
    scheduler_->push(run(three), RunClass::kNormal);
    std::map<const Share*, int> turns;
    for (int i = 0; i < 400; ++i) {
        ++turns[turn(milliseconds(1))];
    }
    EXPECT_NEAR(turns[one.get()], 100, 1);
    EXPECT_NEAR(turns[three.get()], 300, 1);
}

TEST_F(Shares, WhatCountsIsTimeAndNotTurns) {
    const auto greedy = std::make_shared<Share>(1.0);
    const auto modest = std::make_shared<Share>(1.0);
    scheduler_->push(run(greedy), RunClass::kNormal);
    scheduler_->push(run(modest), RunClass::kNormal);
    std::map<const Share*, int> turns;
    for (int i = 0; i < 110; ++i) {
        bool waited = false;
        auto next = scheduler_->pop(RunClass::kNormal, waited);
        Share& share = next->share();
        scheduler_->charge(share, RunClass::kNormal,
                           &share == greedy.get() ? milliseconds(10) : milliseconds(1));
        scheduler_->push(next, RunClass::kNormal);
        ++turns[&share];
    }
    EXPECT_NEAR(turns[greedy.get()], 10, 1);
    EXPECT_NEAR(turns[modest.get()], 100, 1);
}

TEST_F(Shares, RestEarnsNoCredit) {
    const auto busy = std::make_shared<Share>(1.0);
    const auto late = std::make_shared<Share>(1.0);
    scheduler_->push(run(busy), RunClass::kNormal);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(turn(milliseconds(1)), busy.get());
    }
    scheduler_->push(run(late), RunClass::kNormal);
    std::map<const Share*, int> turns;
    for (int i = 0; i < 20; ++i) {
        ++turns[turn(milliseconds(1))];
    }
    EXPECT_NEAR(turns[late.get()], 10, 1);
    EXPECT_NEAR(turns[busy.get()], 10, 1);
}

TEST_F(Shares, TheRunsOfOneShareTakeTurns) {
    const auto share = std::make_shared<Share>(1.0);
    const auto first = run(share);
    const auto second = run(share);
    scheduler_->push(first, RunClass::kNormal);
    scheduler_->push(second, RunClass::kNormal);
    bool waited = false;
    for (const auto& expected : {first, second, first, second}) {
        auto next = scheduler_->pop(RunClass::kNormal, waited);
        EXPECT_EQ(next, expected);
        scheduler_->charge(next->share(), RunClass::kNormal, milliseconds(1));
        scheduler_->push(next, RunClass::kNormal);
    }
}

TEST_F(Shares, TheClassesAreCountedApart) {
    const auto one = std::make_shared<Share>(1.0);
    const auto two = std::make_shared<Share>(1.0);
    scheduler_->push(run(one), RunClass::kBackground);
    for (int i = 0; i < 50; ++i) {
        turn(milliseconds(1), RunClass::kBackground);
    }
    scheduler_->push(run(one), RunClass::kNormal);
    scheduler_->push(run(two), RunClass::kNormal);
    std::map<const Share*, int> turns;
    for (int i = 0; i < 20; ++i) {
        ++turns[turn(milliseconds(1))];
    }
    EXPECT_EQ(turns[one.get()], 10);
    EXPECT_EQ(turns[two.get()], 10);
}

// What a share may use of normal threads; nothing is forgiven unless the test says so.
class Allowance : public Shares {
protected:
    void use(const ExecutorOptions& options) { scheduler_ = std::make_shared<Scheduler>(options); }

    // Which threads get a run that has used `since_wait` when its share has used `used` before.
    RunClass class_after(milliseconds used, milliseconds since_wait) {
        const auto share = std::make_shared<Share>(1.0);
        const auto before = run(share);
        scheduler_->push_by_allowance(before, {});
        bool waited = false;
        EXPECT_EQ(scheduler_->pop(RunClass::kNormal, waited), before);
        scheduler_->charge(*share, RunClass::kNormal, used);
        scheduler_->push_by_allowance(run(share), since_wait);
        // Whatever its class, there is a normal run to pop; this one comes last.
        const auto marker = std::make_shared<Share>(1.0);
        scheduler_->charge(*marker, RunClass::kNormal, std::chrono::hours(1));
        scheduler_->push(run(marker), RunClass::kNormal);
        const auto first = scheduler_->pop(RunClass::kNormal, waited);
        const bool normal = &first->share() == share.get();
        scheduler_->pop(normal ? RunClass::kNormal : RunClass::kBackground, waited);
        return normal ? RunClass::kNormal : RunClass::kBackground;
    }

    static constexpr ExecutorOptions kNothingForgiven{.threads = 1,
                                                      .background_threads = 1,
                                                      .slice = milliseconds(20),
                                                      .burst = milliseconds(100),
                                                      .part = 0};
};

TEST_F(Allowance, AFreshShareHasTheWholeSlice) {
    use(kNothingForgiven);
    EXPECT_EQ(class_after(milliseconds(0), milliseconds(19)), RunClass::kNormal);
    EXPECT_EQ(class_after(milliseconds(0), milliseconds(20)), RunClass::kBackground);
}

TEST_F(Allowance, TheSliceShrinksWithWhatIsLeft) {
    use(kNothingForgiven);
    EXPECT_EQ(class_after(milliseconds(50), milliseconds(9)), RunClass::kNormal);
    EXPECT_EQ(class_after(milliseconds(50), milliseconds(11)), RunClass::kBackground);
}

TEST_F(Allowance, WithNothingLeftARunThatWaitedGoesToTheBackground) {
    use(kNothingForgiven);
    EXPECT_EQ(class_after(milliseconds(99), milliseconds(0)), RunClass::kNormal);
    EXPECT_EQ(class_after(milliseconds(100), milliseconds(0)), RunClass::kBackground);
}

TEST_F(Allowance, PassingTimeForgives) {
    ExecutorOptions options = kNothingForgiven;
    options.part = 1e9;
    use(options);
    EXPECT_EQ(class_after(milliseconds(500), milliseconds(19)), RunClass::kNormal);
}

TEST_F(Allowance, WithoutBackgroundThreadsAllRunsAreNormal) {
    ExecutorOptions options = kNothingForgiven;
    options.background_threads = 0;
    use(options);
    EXPECT_EQ(class_after(milliseconds(500), milliseconds(30)), RunClass::kNormal);
}

}  // namespace
}  // namespace realm::sandbox::testing
