#include "interfaces/wasi_system.h"

#include <algorithm>
#include <chrono>

#include "base/bytes.h"

namespace realm::interfaces {

using sandbox::Caller;
using sandbox::GuestMemory;
using sandbox::HostResult;
using namespace wasi;  // NOLINT(google-build-using-namespace): the names of its ABI

namespace {

// Waits are cut to what the clocks can count in any case; a run's own limit ends it long before.
constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24 * 365);

std::uint32_t bytes_of(const std::vector<std::string>& texts) {
    std::size_t bytes = 0;
    for (const std::string& text : texts) {
        bytes += text.size() + 1;
    }
    return static_cast<std::uint32_t>(bytes);
}

// Texts with their zeros at `text`, and a pointer to each at `pointers`.
HostResult<std::int32_t> put_texts(const Caller& caller, const std::vector<std::string>& texts,
                                   std::uint32_t pointers, std::uint32_t text) {
    const auto places =
        caller.memory().span<std::uint32_t>(pointers, static_cast<std::uint32_t>(texts.size()));
    if (!places) {
        return std::unexpected(caller.bad_pointer("parameter 1", places.error()));
    }
    const auto buffer = caller.memory().span<char>(text, bytes_of(texts));
    if (!buffer) {
        return std::unexpected(caller.bad_pointer("parameter 2", buffer.error()));
    }
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        (*places)[i] = text + at;
        std::ranges::copy(texts[i], buffer->begin() + at);
        at += static_cast<std::uint32_t>(texts[i].size());
        (*buffer)[at++] = '\0';
    }
    return kSuccess;
}

std::uint64_t steady_nanoseconds(base::SteadyTime time) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

}  // namespace

// One call of poll_oneoff. The guest stands still while it waits, so what it asked stays as it is;
// where the answer goes is looked up again when it goes on.
struct WasiSystem::Poll {
    std::vector<Subscription> asked;
    std::vector<base::SteadyTime> due;  // of clocks, by index of `asked`
    std::uint32_t events = 0;
    std::uint32_t event_count = 0;

    [[nodiscard]] base::SteadyTime first_due() const {
        const auto first = std::ranges::min_element(due);
        return first == due.end() ? base::SteadyTime::max() : *first;
    }

    // What has happened by `now`.
    [[nodiscard]] std::vector<Event> happened(const WasiFiles& files, base::SteadyTime now) const;
    HostResult<std::int32_t> answer(const GuestMemory& memory,
                                    const std::vector<Event>& happened) const;
};

namespace {

// When a clock's subscription is due; min() for one that cannot be waited for.
base::SteadyTime due_time(const Subscription& asked, const base::TimeSource& time) {
    if (asked.id != kRealtime && asked.id != kMonotonic) {
        return base::SteadyTime::min();
    }
    const base::SteadyTime now = time.now();
    std::uint64_t wait = asked.timeout;
    if ((asked.flags & 1U) != 0) {
        const std::uint64_t current =
            asked.id == kRealtime ? wall_nanoseconds(time) : steady_nanoseconds(now);
        wait = asked.timeout > current ? asked.timeout - current : 0;
    }
    const auto longest = static_cast<std::uint64_t>(kLongestWait.count());
    return now + std::chrono::nanoseconds(std::min(wait, longest));
}

}  // namespace

std::vector<Event> WasiSystem::Poll::happened(const WasiFiles& files, base::SteadyTime now) const {
    std::vector<Event> list;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        Event event{};
        event.userdata = asked[i].userdata;
        event.type = asked[i].type;
        if (asked[i].type == kClockEvent) {
            if (due[i] == base::SteadyTime::min()) {
                event.error = asked[i].id <= kThreadCpu ? kNotsup : kInval;
            } else if (due[i] > now) {
                continue;
            }
        } else if (asked[i].type > kWriteEvent) {
            event.error = kInval;
        } else {
            const auto ready = files.readiness(asked[i].id, static_cast<EventType>(asked[i].type));
            event.error = ready.error;
            event.bytes = ready.bytes;
            event.flags = ready.at_end ? 1 : 0;
        }
        list.push_back(event);
    }
    return list;
}

HostResult<std::int32_t> WasiSystem::Poll::answer(const GuestMemory& memory,
                                                  const std::vector<Event>& happened) const {
    const auto count = static_cast<std::uint32_t>(happened.size());
    const auto places = memory.span<Event>(events, count);
    const auto count_place = memory.span<std::uint32_t>(event_count, 1);
    if (!places || !count_place) {
        return fail(ErrorType::kInternal, "memory_shrunk",
                    "the memory of a suspended guest is smaller than before");
    }
    std::ranges::copy(happened, places->begin());
    count_place->front() = count;
    return kSuccess;
}

void WasiSystem::poll_oneoff(Caller caller, std::uint32_t subscriptions, std::uint32_t events,
                             std::uint32_t count, std::uint32_t event_count,
                             sandbox::Completion completion) {
    if (count == 0 || count > kMostSubscriptions) {
        completion.resolve(kInval);
        return;
    }
    const GuestMemory& memory = caller.memory();
    const auto asked = memory.span<const Subscription>(subscriptions, count);
    const auto event_places = memory.span<Event>(events, count);
    const auto count_place = memory.span<std::uint32_t>(event_count, 1);
    if (!asked) {
        completion.trap(caller.bad_pointer("parameter 1", asked.error()));
        return;
    }
    if (!event_places) {
        completion.trap(caller.bad_pointer("parameter 2", event_places.error()));
        return;
    }
    if (!count_place) {
        completion.trap(caller.bad_pointer("parameter 4", count_place.error()));
        return;
    }
    Poll poll{.asked = {asked->begin(), asked->end()},
              .due = {},
              .events = events,
              .event_count = event_count};
    for (const Subscription& subscription : poll.asked) {
        poll.due.push_back(subscription.type == kClockEvent ? due_time(subscription, time_)
                                                            : base::SteadyTime::max());
    }
    const auto ready = poll.happened(files_, time_.now());
    if (!ready.empty()) {
        const auto answered = poll.answer(memory, ready);
        if (answered) {
            completion.resolve(*answered);
        } else {
            completion.trap(answered.error());
        }
        return;
    }
    const base::SteadyTime first = poll.first_due();
    timer_ = time_.call_at(first, [this, first, poll = std::move(poll),
                                   completion = std::move(completion)]() mutable {
        completion.resolve_with([this, first, poll = std::move(poll)](const GuestMemory& resumed) {
            return poll.answer(resumed, poll.happened(files_, std::max(first, time_.now())));
        });
    });
}

auto WasiSystem::args_get(Caller caller, std::uint32_t pointers, std::uint32_t text)
    -> HostResult<Status> {
    return put_texts(caller, config_.arguments, pointers, text);
}

auto WasiSystem::args_sizes_get(Out<std::uint32_t> count, Out<std::uint32_t> bytes) -> Status {
    count.set(static_cast<std::uint32_t>(config_.arguments.size()));
    bytes.set(bytes_of(config_.arguments));
    return kSuccess;
}

auto WasiSystem::environ_get(Caller caller, std::uint32_t pointers, std::uint32_t text)
    -> HostResult<Status> {
    return put_texts(caller, config_.environment, pointers, text);
}

auto WasiSystem::environ_sizes_get(Out<std::uint32_t> count, Out<std::uint32_t> bytes) -> Status {
    count.set(static_cast<std::uint32_t>(config_.environment.size()));
    bytes.set(bytes_of(config_.environment));
    return kSuccess;
}

auto WasiSystem::clock_res_get(std::uint32_t clock, Out<std::uint64_t> resolution) -> Status {
    if (clock > kThreadCpu) {
        return kInval;
    }
    resolution.set(1);
    return kSuccess;
}

auto WasiSystem::clock_time_get(Caller caller, std::uint32_t clock, std::uint64_t /*precision*/,
                                Out<std::uint64_t> now) -> Status {
    switch (clock) {
        case kRealtime:
            now.set(wall_nanoseconds(time_));
            return kSuccess;
        case kMonotonic:
            now.set(steady_nanoseconds(time_.now()));
            return kSuccess;
        case kProcessCpu:
        case kThreadCpu:
            now.set(static_cast<std::uint64_t>(caller.cpu_time().count()));
            return kSuccess;
        default:
            return kInval;
    }
}

auto WasiSystem::proc_exit(Caller caller, std::uint32_t status) -> HostResult<void> {
    if (status == 0) {
        caller.end_run();
        return {};
    }
    auto error = fail(ErrorType::kProgramTrap, "exit",
                      "it ended with exit status " + std::to_string(status));
    error.error().details = R"({"status":)" + std::to_string(status) + "}";
    return error;
}

auto WasiSystem::proc_raise(std::uint32_t /*signal*/) -> Status {
    return kNotsup;
}

auto WasiSystem::random_get(std::span<std::byte> bytes) -> Status {
    if (bytes.size() > kMostRandomBytes) {
        return kInval;
    }
    base::fill_random(bytes);
    return kSuccess;
}

// The guest gives way at each tick anyway.
auto WasiSystem::sched_yield() -> Status {
    return kSuccess;
}

}  // namespace realm::interfaces
