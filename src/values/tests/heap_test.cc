#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class HeapTest : public WorldTest {
protected:
    // What reaches no limit by itself.
    static WorldLimits small(std::size_t cells, std::size_t bytes) {
        WorldLimits limits;
        limits.heap = {.max_cells = cells, .max_bytes = bytes};
        return limits;
    }
};

TEST_F(HeapTest, TemporariesTakeNoMemory) {
    const Value object = world_.object();
    const std::size_t cells = world_.heap().cells();
    const std::size_t bytes = world_.heap().bytes();
    bool is_alone = true;
    for (int i = 0; i < 10'000'000; ++i) {
        const Value text = world_.heap().make<String>(std::string("x"));
        is_alone = is_alone && world_.heap().cells() == cells + 1;
    }
    EXPECT_TRUE(is_alone);
    EXPECT_EQ(world_.heap().cells(), cells);
    EXPECT_EQ(world_.heap().bytes(), bytes);
}

TEST_F(HeapTest, CyclesAreFoundWhileTheProgramRuns) {
    const PropertyKey key = world_.key("other");
    const std::size_t before = world_.heap().cells();
    for (int i = 0; i < 200'000; ++i) {
        const Ref<Object> left = world_.object();
        const Ref<Object> right = world_.object();
        left->put(key, right);
        right->put(key, left);
    }
    EXPECT_LT(world_.heap().cells(), before + 30'000);
    world_.heap().collect();
    EXPECT_LE(world_.heap().cells(), before + 10);
}

TEST_F(HeapTest, WhatIsHeldFromOutsideStaysWithAllItLeadsTo) {
    const PropertyKey key = world_.key("other");
    Value outside;
    {
        const Ref<Object> left = world_.object();
        const Ref<Object> right = world_.object();
        left->put(key, right);
        right->put(key, left);
        right->put(world_.key("name"), world_.string("kept"));
        outside = left;
    }
    world_.heap().collect();
    EXPECT_EQ(show(property(property(outside, "other"), "name")), R"("kept")");
}

TEST_F(HeapTest, ALongChainDiesWithoutADeepStack) {
    const PropertyKey key = world_.key("next");
    Value chain;
    for (int i = 0; i < 200'000; ++i) {
        const Ref<Object> link = world_.object();
        link->put(key, std::move(chain));
        chain = link;
    }
    const std::size_t before = world_.heap().cells();
    chain = {};
    EXPECT_EQ(world_.heap().cells(), before - 200'000);
}

TEST_F(HeapTest, TooManyValuesAreAFault) {
    World world(services_, small(10'000, std::size_t{64} << 20));
    const Ref<ArrayObject> array = world.array();
    int made = 0;
    while (world.check()) {
        array->push(world.object());
        ++made;
    }
    EXPECT_GT(made, 9'000);
    auto over = world.check();
    EXPECT_TRUE(over.error().is_fault());
    EXPECT_EQ(over.error().fault().type, ErrorType::kProgramLimit);
    EXPECT_EQ(over.error().fault().code, "host_values");
    EXPECT_EQ(over.error().fault().details,
              R"({"limit":"host_values","value":10000,"setting":"limits.host_values"})");
    // What is let go of makes room again.
    array->mutable_elements().clear();
    EXPECT_TRUE(world.check());
}

TEST_F(HeapTest, SizesThatAProgramChoosesAreAskedForFirst) {
    World world(services_, small(10'000, 1 << 20));
    const auto fault = [&](Eventual<Value> done) {
        auto taken = done.take();
        return taken || !taken.error().is_fault() ? std::string("none")
                                                  : taken.error().fault().code;
    };
    const auto run_there = [&](std::string_view name, std::string_view method, Values arguments) {
        kept_.push_back(std::move(arguments));
        const Value base = *get_from(world, world.global(), world.key(name), Value()).take();
        return method.empty() ? construct(world, base, kept_.back())
                              : invoke(world, base, world.key(method), kept_.back());
    };
    EXPECT_EQ(fault(run_there("Array", "", {Value(1'000'000)})), "host_value_bytes");
    EXPECT_EQ(fault(run_there("Uint8Array", "", {Value(2 << 20)})), "host_value_bytes");
    EXPECT_EQ(fault(run_there("ArrayBuffer", "", {Value(1e12)})), "host_value_bytes");
    const Value x = world.string("x");
    const std::array many{Value(2 << 20)};
    EXPECT_EQ(fault(invoke(world, x, world.key("repeat"), many)), "host_value_bytes");
    EXPECT_EQ(fault(invoke(world, x, world.key("padEnd"), many)), "host_value_bytes");
    const std::array fewer{Value(1 << 19)};
    EXPECT_EQ(fault(invoke(world, x, world.key("repeat"), fewer)), "none");
    EXPECT_EQ(fault(run_there("Uint8Array", "", {Value(1 << 19)})), "none");
    kept_.clear();
}

TEST_F(HeapTest, DoublingTextEndsAtTheLimit) {
    World world(services_, small(10'000, 1 << 20));
    Value text = world.string("0123456789");
    std::string code;
    for (int i = 0; i < 64 && code.empty(); ++i) {
        auto doubled = binary(world, BinaryOperator::kAdd, text, text).take();
        if (doubled) {
            text = std::move(*doubled);
        } else {
            code = doubled.error().fault().code;
        }
    }
    EXPECT_EQ(code, "host_value_bytes");
    EXPECT_LE(world.heap().bytes(), std::size_t{1} << 20);
}

TEST_F(HeapTest, NestingIsLimitedAsJavaScriptsStackIs) {
    const Ref<NativeFunction> deep = world_.native(
        "deep", 0, +[](World& world, Call call) -> Eventual<Value> {
            const Value self = Value::of(*call.callee);
            co_return co_await values::call(world, self, Value(), {});
        });
    EXPECT_EQ(error_of(call(world_, Value(deep), Value(), {})),
              "RangeError: Maximum call stack size exceeded");
    // JSON needs no stack for what is deep.
    const std::string nested = std::string(100'000, '[') + std::string(100'000, ']');
    EXPECT_TRUE(parse_json(world_, text(nested).string()));
    const Value parsed =
        must(parse_json(world_, text(std::string(5000, '[') + std::string(5000, ']')).string()));
    EXPECT_EQ(error_of(stringify_json(world_, parsed, Value(), Value())),
              "RangeError: Maximum call stack size exceeded");
}

TEST_F(HeapTest, StepsHaveALimitAndAreInterrupted) {
    WorldLimits limits;
    limits.max_steps = 25'000;
    World world(services_, limits);
    for (int i = 0; i < 25'000; ++i) {
        ASSERT_TRUE(world.step()) << i;
    }
    EXPECT_EQ(world.step().error().fault().code, "host_steps");
    EXPECT_EQ(services_.asked, 2);
    world.refill_steps();
    EXPECT_TRUE(world.step(25'000));
    EXPECT_EQ(world.steps_left(), 0U);
    world.refill_steps();
    EXPECT_EQ(world.step(25'001).error().fault().code, "host_steps");
    world.refill_steps();
    services_.ends = true;
    EXPECT_TRUE(world.step(10'000));
    EXPECT_EQ(world.step().error().fault().code, "enough");
}

TEST_F(HeapTest, EndlessIteratorsUseUpSteps) {
    WorldLimits limits;
    limits.max_steps = 100'000;
    World world(services_, limits);
    const Ref<Object> iterable = world.object();
    iterable->put(
        world.names().iterator,
        world.native(
            "f", 0, +[](World& /*world*/, Call call) -> Eventual<Value> { return call.self; }));
    iterable->put(world.names().next,
                  world.native(
                      "f", 0, +[](World& inner, Call /*call*/) -> Eventual<Value> {
                          return iterator_result(inner, Value(1), false);
                      }));
    auto done = list_from_iterable(world, Value(iterable)).take();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault().code, "host_steps");
    // A length that lies ends the same way.
    world.refill_steps();
    const Ref<Object> liar = world.object();
    liar->put(world.names().length, Value(9e15));
    auto read = list_from_array_like(world, Value(liar)).take();
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().fault().code, "host_steps");
}

TEST_F(HeapTest, EqualTextsAreOneKey) {
    EXPECT_EQ(world_.key("name"), world_.names().name);
    EXPECT_EQ(world_.key("schlüssel"), world_.key("schlüssel"));
    EXPECT_TRUE(world_.key("7").is_index());
    EXPECT_TRUE(world_.key("4294967294").is_index());
    EXPECT_TRUE(world_.key("4294967295").is_string());
    EXPECT_TRUE(world_.key("07").is_string());
    EXPECT_TRUE(world_.key("-1").is_string());
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
