// WASI's clocks, texts and polls, called directly with a piece of memory.
#include "interfaces/wasi_system.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/tests/manual_time.h"
#include "interfaces/tests/fakes.h"

namespace realm::interfaces {
namespace {

using namespace wasi;  // NOLINT(google-build-using-namespace): the names of its ABI
using std::chrono::nanoseconds;

constexpr std::uint64_t kSteady = 1'000'000'000'000;  // ManualTime's begin
constexpr std::uint64_t kWall = 1'000'000'000'000'000;

class WasiSystemTest : public ::testing::Test {
protected:
    static constexpr std::uint32_t kEvents = 2048;
    static constexpr std::uint32_t kCount = 16;

    sandbox::Caller caller() {
        return sandbox::Caller(call_.emplace(nullptr, "call", sandbox::GuestMemory(memory_),
                                             std::span<sandbox::RawValue>{}, clock_));
    }
    template <class T>
    static sandbox::Out<T> out(T& place) {
        return sandbox::Out<T>(&place);
    }
    std::uint64_t time_of(std::uint32_t clock) {
        std::uint64_t now = 0;
        EXPECT_EQ(system_.clock_time_get(caller(), clock, 0, out(now)), kSuccess);
        return now;
    }

    static Subscription clock(std::uint64_t userdata, std::uint32_t id, std::uint64_t timeout,
                              std::uint16_t flags = 0) {
        Subscription asked{};
        asked.userdata = userdata;
        asked.id = id;
        asked.timeout = timeout;
        asked.flags = flags;
        return asked;
    }
    static Subscription descriptor(std::uint64_t userdata, std::uint8_t type, std::uint32_t fd) {
        Subscription asked{};
        asked.userdata = userdata;
        asked.type = type;
        asked.id = fd;
        return asked;
    }

    void poll(const std::vector<Subscription>& asked) {
        std::memcpy(memory_.data() + 64, asked.data(), asked.size() * sizeof(Subscription));
        system_.poll_oneoff(caller(), 64, kEvents, static_cast<std::uint32_t>(asked.size()), kCount,
                            sandbox::Completion(waiter_));
    }
    // What a poll answered, at once or when its guest went on.
    std::vector<Event> events() {
        if (!waiter_->finishes.empty()) {
            waiter_->values.push_back(*waiter_->finishes[0](sandbox::GuestMemory(memory_)));
            waiter_->finishes.clear();
        }
        EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{kSuccess});
        waiter_->values.clear();
        std::uint32_t count = 0;
        std::memcpy(&count, memory_.data() + kCount, sizeof(count));
        std::vector<Event> list(count);
        std::memcpy(list.data(), memory_.data() + kEvents, count * sizeof(Event));
        return list;
    }
    static std::vector<std::uint64_t> userdata(const std::vector<Event>& events) {
        std::vector<std::uint64_t> list;
        for (const Event& event : events) {
            EXPECT_EQ(event.error, kSuccess);
            list.push_back(event.userdata);
        }
        return list;
    }

    using Data = std::vector<std::uint64_t>;

    base::testing::ManualTime time_;
    testing::FakeCpuClock clock_;
    LogInterface log_{std::make_shared<testing::FakeLog>(), {}, time_};
    WasiFiles files_{log_, time_, {.bytes = 100, .entries = 10}};
    WasiSystem system_{
        {.arguments = {"prog", "", "x y"}, .environment = {"A=1", "B="}, .scratch = {}},
        files_,
        time_};
    std::vector<std::byte> memory_ = std::vector<std::byte>(16384);
    std::optional<sandbox::HostCall> call_;
    std::shared_ptr<testing::FakeWaiter> waiter_ = std::make_shared<testing::FakeWaiter>();
};

TEST_F(WasiSystemTest, ArgumentsAndEnvironmentArePassedOn) {
    std::uint32_t count = 0;
    std::uint32_t bytes = 0;
    EXPECT_EQ(system_.args_sizes_get(out(count), out(bytes)), kSuccess);
    EXPECT_EQ(count, 3U);
    EXPECT_EQ(bytes, 10U);
    EXPECT_EQ(system_.args_get(caller(), 16, 100), kSuccess);
    std::array<std::uint32_t, 3> places{};
    std::memcpy(places.data(), memory_.data() + 16, sizeof(places));
    EXPECT_EQ(places, (std::array<std::uint32_t, 3>{100, 105, 106}));
    EXPECT_EQ(std::memcmp(memory_.data() + 100, "prog\0\0x y\0", 10), 0);
    EXPECT_EQ(system_.environ_sizes_get(out(count), out(bytes)), kSuccess);
    EXPECT_EQ(count, 2U);
    EXPECT_EQ(bytes, 7U);
    EXPECT_EQ(system_.environ_get(caller(), 16, 100), kSuccess);
    EXPECT_EQ(std::memcmp(memory_.data() + 100, "A=1\0B=\0", 7), 0);
    const auto outside = system_.environ_get(caller(), 16, 16384 - 6);
    ASSERT_FALSE(outside);
    EXPECT_EQ(outside.error().code, "bad_pointer");
}

TEST_F(WasiSystemTest, NoTextsNeedNoPointers) {
    WasiSystem bare({}, files_, time_);
    std::uint32_t count = 7;
    std::uint32_t bytes = 7;
    EXPECT_EQ(bare.args_sizes_get(out(count), out(bytes)), kSuccess);
    EXPECT_EQ(count + bytes, 0U);
    EXPECT_EQ(bare.args_get(caller(), 0xffffffff, 0xffffffff), kSuccess);
}

TEST_F(WasiSystemTest, ClocksTellTheTime) {
    EXPECT_EQ(time_of(kRealtime), kWall);
    EXPECT_EQ(time_of(kMonotonic), kSteady);
    time_.advance(nanoseconds(5));
    EXPECT_EQ(time_of(kRealtime), kWall + 5);
    EXPECT_EQ(time_of(kMonotonic), kSteady + 5);
    clock_.time = nanoseconds(77);
    EXPECT_EQ(time_of(kProcessCpu), 77U);
    EXPECT_EQ(time_of(kThreadCpu), 77U);
    std::uint64_t value = 0;
    EXPECT_EQ(system_.clock_time_get(caller(), 4, 0, out(value)), kInval);
    EXPECT_EQ(system_.clock_res_get(4, out(value)), kInval);
    EXPECT_EQ(system_.clock_res_get(kThreadCpu, out(value)), kSuccess);
    EXPECT_EQ(value, 1U);
}

TEST_F(WasiSystemTest, RandomBytesComeUpToTheLimit) {
    std::vector<std::byte> first(WasiSystem::kMostRandomBytes);
    std::vector<std::byte> second(first.size());
    EXPECT_EQ(system_.random_get(first), kSuccess);
    EXPECT_EQ(system_.random_get(second), kSuccess);
    EXPECT_NE(first, second);
    second.push_back({});
    EXPECT_EQ(system_.random_get(second), kInval);
}

TEST_F(WasiSystemTest, TheFirstClockEndsTheWait) {
    poll({clock(1, kMonotonic, 300), clock(2, kRealtime, 200), clock(3, kMonotonic, 200)});
    EXPECT_TRUE(waiter_->values.empty());
    time_.advance(nanoseconds(199));
    EXPECT_TRUE(waiter_->finishes.empty());
    time_.advance(nanoseconds(1));
    EXPECT_EQ(userdata(events()), (Data{2, 3}));
    EXPECT_EQ(time_.timers(), 0U);
}

TEST_F(WasiSystemTest, WhatIsDueWhenTheGuestGoesOnIsToldToo) {
    poll({clock(1, kMonotonic, 300), clock(2, kMonotonic, 200)});
    time_.advance(nanoseconds(200));
    time_.advance(nanoseconds(100));
    EXPECT_EQ(userdata(events()), (Data{1, 2}));
}

TEST_F(WasiSystemTest, TimesMayBeAbsolute) {
    poll({clock(1, kMonotonic, kSteady + 10, 1)});
    time_.advance(nanoseconds(9));
    EXPECT_TRUE(waiter_->finishes.empty());
    time_.advance(nanoseconds(1));
    EXPECT_EQ(userdata(events()), Data{1});
    poll({clock(2, kRealtime, kWall + 15, 1)});
    time_.advance(nanoseconds(5));
    EXPECT_EQ(userdata(events()), Data{2});
    // In the past.
    poll({clock(3, kRealtime, kWall, 1), clock(4, kMonotonic, 0, 1), clock(5, kMonotonic, 0)});
    EXPECT_EQ(userdata(events()), (Data{3, 4, 5}));
}

TEST_F(WasiSystemTest, AWaitForEverIsCutToAYear) {
    poll({clock(1, kMonotonic, ~std::uint64_t{0}), clock(2, kRealtime, ~std::uint64_t{0}, 1)});
    time_.advance(std::chrono::hours(24 * 365) - nanoseconds(1));
    EXPECT_TRUE(waiter_->finishes.empty());
    time_.advance(nanoseconds(1));
    EXPECT_EQ(userdata(events()), (Data{1, 2}));
}

TEST_F(WasiSystemTest, DescriptorsAreReadyAtOnce) {
    std::uint32_t file = 0;
    EXPECT_EQ(files_.path_open(3, 0, "a", kCreate, ~0ULL, 0, 0, out(file)), kSuccess);
    EXPECT_EQ(files_.fd_filestat_set_size(file, 30), kSuccess);
    poll({clock(1, kMonotonic, 300), descriptor(2, kReadEvent, 0), descriptor(3, kWriteEvent, 1),
          descriptor(4, kReadEvent, file), descriptor(5, kReadEvent, 1),
          descriptor(6, kWriteEvent, 99), descriptor(7, 3, 0)});
    const auto list = events();
    ASSERT_EQ(list.size(), 6U);
    const auto is = [&](std::size_t i, std::uint64_t data, Errno error, std::uint64_t bytes,
                        std::uint16_t flags) {
        EXPECT_EQ(list[i].userdata, data);
        EXPECT_EQ(list[i].error, error) << data;
        EXPECT_EQ(list[i].bytes, bytes) << data;
        EXPECT_EQ(list[i].flags, flags) << data;
    };
    is(0, 2, kSuccess, 0, 1);
    is(1, 3, kSuccess, 0, 0);
    is(2, 4, kSuccess, 30, 0);
    is(3, 5, kNotcapable, 0, 0);
    is(4, 6, kBadf, 0, 0);
    is(5, 7, kInval, 0, 0);
    EXPECT_EQ(time_.timers(), 0U);
}

TEST_F(WasiSystemTest, OtherClocksCannotBeWaitedFor) {
    poll({clock(1, kProcessCpu, 300), clock(2, 4, 300), clock(3, kMonotonic, 300)});
    const auto list = events();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].error, kNotsup);
    EXPECT_EQ(list[1].error, kInval);
}

TEST_F(WasiSystemTest, SubscriptionsAreCounted) {
    const std::vector<Subscription> most(WasiSystem::kMostSubscriptions, clock(1, kRealtime, 0));
    poll(most);
    EXPECT_EQ(events().size(), most.size());
    for (const std::uint32_t count : {0U, WasiSystem::kMostSubscriptions + 1, 0xffffffffU}) {
        system_.poll_oneoff(caller(), 64, kEvents, count, kCount, sandbox::Completion(waiter_));
        EXPECT_EQ(waiter_->values, std::vector<std::int32_t>{kInval});
        waiter_->values.clear();
    }
}

TEST_F(WasiSystemTest, BadPointersAreFoundBeforeTheWait) {
    const auto refused = [&](std::uint32_t subscriptions, std::uint32_t events,
                             std::uint32_t count) {
        std::memcpy(memory_.data() + 64, std::array{clock(1, kMonotonic, 300)}.data(),
                    sizeof(Subscription));
        system_.poll_oneoff(caller(), subscriptions, events, 1, count,
                            sandbox::Completion(waiter_));
        EXPECT_EQ(time_.timers(), 0U);
        if (waiter_->traps.size() != 1) {
            return std::string("waits");
        }
        const Error error = std::exchange(waiter_->traps, {})[0];
        EXPECT_EQ(error.code, "bad_pointer");
        return error.message.substr(0, 17);
    };
    EXPECT_EQ(refused(16384 - 47, kEvents, kCount), "call: parameter 1");
    EXPECT_EQ(refused(64, 16384 - 31, kCount), "call: parameter 2");
    EXPECT_EQ(refused(64, kEvents, 16384 - 3), "call: parameter 4");
}

TEST_F(WasiSystemTest, AnAnswerThatNoLongerFitsEndsTheGuest) {
    poll({clock(1, kMonotonic, 300)});
    time_.advance(nanoseconds(300));
    ASSERT_EQ(waiter_->finishes.size(), 1U);
    const auto answer = waiter_->finishes[0](sandbox::GuestMemory());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, "memory_shrunk");
}

TEST_F(WasiSystemTest, TheRestIsPlain) {
    EXPECT_EQ(system_.sched_yield(), kSuccess);
    EXPECT_EQ(system_.proc_raise(9), kNotsup);
    EXPECT_TRUE(system_.proc_exit(caller(), 0));
    EXPECT_TRUE(call_->ends_run());
    const auto left = system_.proc_exit(caller(), 0xffffffff);
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().details, R"({"status":4294967295})");
    EXPECT_FALSE(call_->ends_run());
}

}  // namespace
}  // namespace realm::interfaces
