#include <coroutine>

#include "base/task.h"
#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class PromiseTest : public WorldTest {
protected:
    // A function that writes down what it is called with.
    Value recorder(Value returns = {}) {
        return function(
            +[](World& /*world*/, Call call) -> Eventual<Value> {
                auto& captured = static_cast<NativeFunction&>(*call.callee);
                captured.captured(0).as<ArrayObject>()->push(call.argument(0));
                return captured.captured(1);
            },
            {log_, std::move(returns)});
    }
    Value log_ = list({});
};

TEST_F(PromiseTest, HandlersRunInMicrotasksAlone) {
    const Value promise = must(run("Promise.resolve", {Value(1)}));
    must(method(promise, "then", {recorder()}));
    EXPECT_EQ(show(log_), "[]");
    drain();
    EXPECT_EQ(show(log_), "[1]");
}

TEST_F(PromiseTest, ChainsPassValuesAndErrorsOn) {
    const Value rejected = must(run("Promise.reject", {text("no")}));
    const Value caught = must(method(rejected, "catch", {recorder(text("fine"))}));
    const Value after = must(method(caught, "then", {recorder(Value(3))}));
    const Value last = must(method(after, "finally", {recorder(Value(99))}));
    drain();
    EXPECT_EQ(show(log_), R"(["no","fine",{"$undefined":true}])");
    EXPECT_EQ(last.as<PromiseObject>()->state(), PromiseState::kFulfilled);
    EXPECT_EQ(show(last.as<PromiseObject>()->result()), "3");
    EXPECT_FALSE(world_.take_uncaught());
}

TEST_F(PromiseTest, TheExecutorRunsAtOnceAndTheFirstCallCounts) {
    const Value executor = function(+[](World& world, Call call) -> Eventual<Value> {
        const std::array first{Value(1)};
        const std::array second{Value(2)};
        const Value& resolve = call.argument(0);
        const Value& reject = call.argument(1);
        co_await values::call(world, resolve, Value(), first);
        co_await values::call(world, reject, Value(), second);
        co_return world.range_error("too late");
    });
    const Value promise = must(make("Promise", {executor}));
    EXPECT_EQ(show(promise.as<PromiseObject>()->result()), "1");
    const Value throws = function(+[](World& world, Call /*call*/) -> Eventual<Value> {
        return world.range_error("at once");
    });
    const Value failed = must(make("Promise", {throws}));
    EXPECT_EQ(message_of(world_, failed.as<PromiseObject>()->result()), "at once");
    EXPECT_EQ(error_of(make("Promise", {Value(1)})),
              "TypeError: Promise resolver 1 is not a function");
}

TEST_F(PromiseTest, ThenablesAreFollowed) {
    const Value thenable = world_.object();
    must(set(world_, thenable, text("then"),
             function(+[](World& world, Call call) -> Eventual<Value> {
                 const std::array arguments{Value(42)};
                 const Value& resolve = call.argument(0);
                 co_return co_await values::call(world, resolve, Value(), arguments);
             })));
    const Value promise = must(run("Promise.resolve", {thenable}));
    EXPECT_EQ(promise.as<PromiseObject>()->state(), PromiseState::kPending);
    drain();
    EXPECT_EQ(show(promise.as<PromiseObject>()->result()), "42");
    // A promise cannot wait for itself.
    const Ref<PromiseObject> own = make_promise(world_);
    must(resolve_promise(world_, own, Value(own)));
    EXPECT_EQ(message_of(world_, own->result()), "Chaining cycle detected for promise #<Promise>");
}

TEST_F(PromiseTest, ManyAreWaitedForTogether) {
    const auto result = [&](const Value& promise) {
        drain();
        return show(promise.as<PromiseObject>()->result());
    };
    const Value one = must(run("Promise.resolve", {Value(1)}));
    const Value bad = must(run("Promise.reject", {text("bad")}));
    EXPECT_EQ(result(must(run("Promise.all", {list({one, Value(2)})}))), "[1,2]");
    EXPECT_EQ(result(must(run("Promise.all", {list({one, bad})}))), R"("bad")");
    EXPECT_EQ(result(must(run("Promise.all", {list({})}))), "[]");
    EXPECT_EQ(result(must(run("Promise.allSettled", {list({one, bad})}))),
              R"([{"status":"fulfilled","value":1},{"status":"rejected","reason":"bad"}])");
    EXPECT_EQ(result(must(run("Promise.any", {list({bad, one})}))), "1");
    EXPECT_EQ(result(must(run("Promise.race", {list({bad, one})}))), R"("bad")");
    const Value none = must(run("Promise.any", {list({bad})}));
    drain();
    EXPECT_EQ(message_of(world_, none.as<PromiseObject>()->result()), "All promises were rejected");
    EXPECT_EQ(show(property(none.as<PromiseObject>()->result(), "errors")), R"(["bad"])");
}

TEST_F(PromiseTest, RejectionsThatNobodyHandlesAreReportedOnce) {
    must(run("Promise.reject", {text("lost")}));
    const Value handled = must(run("Promise.reject", {text("kept")}));
    must(method(handled, "catch", {recorder()}));
    drain();
    EXPECT_EQ(show(*world_.take_uncaught()), R"("lost")");
    // then() of a rejected promise rejects the next one, which nobody handles either.
    EXPECT_FALSE(world_.take_uncaught());
    const Value awaited = must(run("Promise.reject", {text("ours")}));
    awaited.as<PromiseObject>()->mark_handled(world_);
    drain();
    EXPECT_FALSE(world_.take_uncaught());
}

TEST_F(PromiseTest, WhatAMicrotaskThrowsIsReported) {
    must(run("queueMicrotask", {function(+[](World& world, Call /*call*/) -> Eventual<Value> {
                 return world.type_error("in a microtask");
             })}));
    drain();
    EXPECT_EQ(message_of(world_, *world_.take_uncaught()), "in a microtask");
    EXPECT_EQ(
        error_of(run("queueMicrotask", {Value(1)})),
        "TypeError: The \"callback\" argument must be of type function. Received type number (1)");
}

TEST_F(PromiseTest, EndlessMicrotasksUseUpTheSteps) {
    WorldLimits limits;
    limits.max_steps = 10'000;
    World world(services_, limits);
    const Ref<NativeFunction> again = world.native(
        "again", 0, +[](World& inner, Call call) -> Eventual<Value> {
            inner.queue_microtask(Ref(call.callee));
            return Value();
        });
    world.queue_microtask(again);
    auto done = world.run_microtasks().take();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault().code, "host_steps");
    world.refill_steps();
    EXPECT_TRUE(world.step());
}

TEST_F(PromiseTest, TooManyMicrotasksReachTheirLimit) {
    WorldLimits limits;
    limits.max_microtasks = 10;
    World world(services_, limits);
    const Ref<NativeFunction> nothing = world.native(
        "f", 0, +[](World& /*world*/, Call /*call*/) -> Eventual<Value> { return Value(); });
    for (int i = 0; i < 10; ++i) {
        world.queue_microtask(nothing);
    }
    EXPECT_TRUE(world.check());
    world.queue_microtask(nothing);
    auto over = world.check();
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().fault().code, "host_microtasks");
}

TEST_F(PromiseTest, TooManyTimersReachTheirLimit) {
    WorldLimits limits;
    limits.max_timers = 3;
    World world(services_, limits);
    const Ref<NativeFunction> nothing = world.native(
        "f", 0, +[](World& /*world*/, Call /*call*/) -> Eventual<Value> { return Value(); });
    Value last;
    for (int i = 0; i < 3; ++i) {
        auto added = world.add_timer(nothing, 1000, false, {});
        ASSERT_TRUE(added);
        last = *added;
    }
    auto over = world.add_timer(nothing, 1000, false, {});
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().fault().code, "host_timers");
    world.remove_timer(last);
    EXPECT_TRUE(world.add_timer(nothing, 1000, false, {}));
}

// --- Functions that take their time, as closures of a guest do -----------------------------------

struct Gate {
    struct Awaiter {
        Gate& gate;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) const { gate.waiting = handle; }
        [[nodiscard]] int await_resume() const noexcept { return 5; }
    };
    Awaiter enter() { return {*this}; }
    void pass() { std::exchange(waiting, nullptr).resume(); }

    std::coroutine_handle<> waiting;
};

class SlowDouble final : public Callable {
public:
    explicit SlowDouble(Gate& gate) : gate_(gate) {}
    Eventual<Value> run(World& world, Call call) override {
        const int added = co_await gate_.enter();
        if (call.argument(0).is_undefined()) {
            co_return world.type_error("nothing to double");
        }
        co_return Value(2 * call.argument(0).number() + added);
    }

private:
    Gate& gate_;
};

TEST_F(PromiseTest, BuiltinsWaitForFunctionsThatTakeTheirTime) {
    Gate gate;
    const Value slow = world_.function("slow", 1, std::make_unique<SlowDouble>(gate));
    auto mapped = method(json("[1,2,3]"), "map", {slow});
    for (int i = 0; i < 3; ++i) {
        ASSERT_FALSE(mapped.ready());
        gate.pass();
    }
    EXPECT_EQ(show(must(std::move(mapped))), "[7,9,11]");
}

TEST_F(PromiseTest, WhatIsThrownLaterPassesThroughAllThatWait) {
    Gate gate;
    const Value slow = world_.function("slow", 1, std::make_unique<SlowDouble>(gate));
    auto mapped = method(json(R"([1,{"$undefined":true}])"), "map", {slow});
    gate.pass();
    ASSERT_FALSE(mapped.ready());
    gate.pass();
    EXPECT_EQ(error_of(std::move(mapped)), "TypeError: nothing to double");
}

TEST_F(PromiseTest, ATaskAwaitsAndGetsTheCompletion) {
    Gate gate;
    const Value slow = world_.function("slow", 1, std::make_unique<SlowDouble>(gate));
    std::string got;
    struct Job {
        static base::Task<void> run(World& world, Value slow, std::string& got) {
            const std::array arguments{Value(4)};
            Completion<Value> done = co_await call(world, slow, Value(), arguments);
            got = number_to_text(done->number());
            const std::array none{Value()};
            done = co_await call(world, slow, Value(), none);
            got += done ? " fine" : " thrown";
        }
    };
    base::Task<void> job = Job::run(world_, slow, got);
    job.start();
    EXPECT_EQ(got, "");
    gate.pass();
    EXPECT_EQ(got, "13");
    gate.pass();
    EXPECT_EQ(got, "13 thrown");
    EXPECT_TRUE(job.done());
}

TEST_F(PromiseTest, WhatIsAbandonedLetsGoOfEverything) {
    Gate gate;
    const auto abandon = [&] {
        const Value slow = world_.function("slow", 1, std::make_unique<SlowDouble>(gate));
        {
            auto mapped = method(json("[1,2,3]"), "map", {slow});
            EXPECT_FALSE(mapped.ready());
        }
        gate.waiting = nullptr;
        kept_.clear();
    };
    abandon();  // what is made once is made now
    world_.heap().collect();
    const std::size_t cells = world_.heap().cells();
    abandon();
    world_.heap().collect();
    EXPECT_EQ(world_.heap().cells(), cells);
}

TEST_F(PromiseTest, TimersComeDueInOrder) {
    must(run("setTimeout", {recorder(), Value(20), text("late")}));
    const Value early = must(run("setTimeout", {recorder(), Value(10), text("early")}));
    const Value gone = must(run("setTimeout", {recorder(), Value(5), text("gone")}));
    must(run("clearTimeout", {gone}));
    EXPECT_EQ(world_.next_timer(), 10.0);
    must(world_.run_due_timer());
    EXPECT_EQ(show(log_), "[]");
    services_.steady = 25;
    must(world_.run_due_timer());
    must(world_.run_due_timer());
    EXPECT_EQ(show(log_), R"(["early","late"])");
    EXPECT_FALSE(world_.next_timer());
    const Value ticking = must(run("setInterval", {recorder(), Value(3), Value(1)}));
    services_.steady = 28;
    must(world_.run_due_timer());
    services_.steady = 31;
    must(world_.run_due_timer());
    EXPECT_EQ(show(log_), R"(["early","late",1,1])");
    const double id = property(ticking, "id").number();
    must(run("clearInterval", {Value(id)}));
    EXPECT_FALSE(world_.next_timer());
    EXPECT_EQ(show(run("Number", {early})), "2");
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
