// All values of one instance: their heap, what JavaScript has by itself, microtasks and timers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "values/builtin.h"
#include "values/function.h"
#include "values/heap.h"
#include "values/names.h"
#include "values/object.h"
#include "values/services.h"

namespace realm::values {

class ArrayObject;
class PromiseObject;

struct WorldLimits {
    HeapLimits heap;
    // Steps are calls, turns of loops and units of text that our functions go through; each
    // refill_steps() begins anew. They bound the number, Services::interrupted() the time.
    std::uint64_t max_steps = 1'000'000'000;
    // Calls inside of calls, and values inside of values where we follow them.
    std::uint32_t max_depth = 100;
    std::uint32_t max_timers = 10'000;
    std::uint32_t max_microtasks = 100'000;
};

// Outlives every Value made in it, and is used by one thread at a time. Classes of JavaScript's are
// made when they are first looked at, so an instance that needs none pays for none.
class World {
public:
    // `services` outlives it.
    explicit World(Services& services, WorldLimits limits = {});
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    [[nodiscard]] Heap& heap() { return heap_; }
    [[nodiscard]] const Names& names() const { return names_; }
    [[nodiscard]] Services& services() { return services_; }
    [[nodiscard]] const WorldLimits& limits() const { return limits_; }

    // --- Making values -------------------------------------------------------------------------
    Value string(std::string_view utf8);
    Value string(std::u16string_view utf16);
    PropertyKey key(std::string_view utf8);
    Ref<Object> object();
    Ref<ArrayObject> array(std::vector<Value> elements = {});
    // With the properties `name` and `length`; with `prototype` too where it constructs.
    Ref<Function> function(std::string_view name, std::uint32_t length,
                           std::unique_ptr<Callable> callable,
                           Constructs constructs = Constructs::kNo);
    // One of ours; `name` is a literal.
    Ref<NativeFunction> native(std::string_view name, std::uint8_t length, Native code,
                               std::vector<Value> captured = {});

    Object& prototype(Builtin builtin);
    Function& constructor(Builtin builtin);
    [[nodiscard]] Ref<Object> prototype_ref(Builtin builtin) { return Ref(&prototype(builtin)); }
    [[nodiscard]] Object& global() { return prototype(Builtin::kGlobal); }
    // The prototype of what a constructor makes: that of new.target, or the class's own.
    Ref<Object> prototype_for(const Call& call, Builtin builtin);

    // --- Throwing ------------------------------------------------------------------------------
    // An Error of that class, thrown.
    std::unexpected<Thrown> fail(Builtin error, std::string_view message);
    std::unexpected<Thrown> type_error(std::string_view message) {
        return fail(Builtin::kTypeError, message);
    }
    std::unexpected<Thrown> range_error(std::string_view message) {
        return fail(Builtin::kRangeError, message);
    }

    // --- Limits --------------------------------------------------------------------------------
    // A fault once the heap or the microtasks are beyond their limits.
    Completion<void> check();
    // Whether so many bytes more may be made.
    Completion<void> admit(std::size_t bytes);
    // Uses up steps; a fault when there are none left.
    Completion<void> step(std::uint64_t steps = 1) {
        if (steps <= steps_) [[likely]] {
            steps_ -= steps;
            return {};
        }
        return begin_stretch(steps);
    }
    // Before each call from outside.
    void refill_steps() {
        steps_ = std::min(kStretch, limits_.max_steps);
        further_steps_ = limits_.max_steps - steps_;
    }
    [[nodiscard]] std::uint64_t steps_left() const { return steps_ + further_steps_; }

    // Counts what is nested, for as long as it lives.
    class Depth {
    public:
        explicit Depth(World& world) : world_(world) { ++world_.depth_; }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;
        ~Depth() { --world_.depth_; }
        // A RangeError where it is too deep.
        [[nodiscard]] Completion<void> check() const {
            return world_.depth_ <= world_.limits_.max_depth ? Completion<void>{}
                                                             : world_.too_deep();
        }

    private:
        World& world_;
    };

    // --- Microtasks and timers -----------------------------------------------------------------
    // A function to call with these arguments.
    void queue_microtask(Ref<Function> function, std::vector<Value> arguments = {});
    // Runs all microtasks, also those that are queued meanwhile. What one throws (queueMicrotask's
    // callbacks alone can) goes to uncaught(). Gives undefined, or a fault.
    Eventual<Value> run_microtasks();
    [[nodiscard]] bool has_microtasks() const { return !microtasks_.empty(); }
    // The oldest rejection of a promise that nobody handles, once microtasks have run, or what a
    // microtask or a timer threw. Taken out.
    std::optional<Value> take_uncaught();

    // When the next timer is due, on the clock of Services::steady_ms.
    [[nodiscard]] std::optional<double> next_timer() const;
    // Calls the one timer that is due next, if one is due, and then runs the microtasks.
    Eventual<Value> run_due_timer();

    Completion<Value> add_timer(Ref<Function> function, double delay_ms, bool repeats,
                                std::vector<Value> arguments);
    void remove_timer(const Value& timer);

    // Internal: promises tell of rejections without and with handlers.
    void note_rejection(Ref<PromiseObject> promise);
    void note_handled(const PromiseObject& promise);
    // Internal: Symbol.for.
    Ref<Symbol> registered_symbol(const std::string& key);
    [[nodiscard]] std::optional<std::string> key_of_symbol(const Symbol& symbol) const;

private:
    struct Microtask {
        Ref<Function> function;
        std::vector<Value> arguments;
    };
    struct Timer {
        std::uint32_t id = 0;
        Ref<Function> function;
        std::vector<Value> arguments;
        double interval_ms = 0;
        bool repeats = false;
        Ref<Object> handle;
    };
    struct Made {
        Ref<Object> prototype;
        Ref<Function> constructor;
    };

    void make(Builtin builtin);
    std::unexpected<Thrown> too_deep();
    Completion<void> begin_stretch(std::uint64_t steps);

    Services& services_;
    WorldLimits limits_;
    // Services::interrupted() is asked after each.
    static constexpr std::uint64_t kStretch = 10'000;
    std::uint64_t steps_ = 0;  // of this stretch
    std::uint64_t further_steps_ = 0;
    std::uint32_t depth_ = 0;
    Heap heap_;
    Names names_;
    std::array<Made, static_cast<std::size_t>(Builtin::kCount)> made_;
    std::map<std::string, Ref<Symbol>, std::less<>> symbols_;

    std::deque<Microtask> microtasks_;
    std::vector<Ref<PromiseObject>> unhandled_;
    std::deque<Value> uncaught_;
    // When, and a number that tells timers of one time apart.
    std::map<std::pair<double, std::uint64_t>, Timer> timers_;
    std::uint64_t last_timer_ = 0;
    std::uint32_t last_timer_id_ = 0;
};

}  // namespace realm::values
