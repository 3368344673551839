// Memory, table and CPU limits, both sides of each border; deadlines and the pool's size.
#include "harness.h"

namespace realm::sandbox::testing {
namespace {

std::string grow(int pages) {
    return module_text(kNoteImport,
                       "(memory (export \"memory\") 1) (func (export \"run\") (call "
                       "$note (memory.grow (i32.const " +
                           std::to_string(pages) + "))))");
}

TEST(Limits, MemoryMayGrowToTheLimitAndNoFurther) {
    Harness harness;
    const InstanceLimits limits{.memory_bytes = 131072};
    const auto inside = harness.run(grow(1), limits);
    EXPECT_EQ(message_of(inside), "");
    EXPECT_EQ(inside.usage.memory_bytes, 131072U);
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{1}));
    const auto outside = harness.run(grow(2), limits);
    ASSERT_TRUE(outside.error);
    EXPECT_EQ(outside.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(outside.error->code, "memory");
    EXPECT_EQ(outside.error->message,
              "program 'p' asked for 196608 bytes of memory; its limit is 131072 bytes "
              "(limits.memory_bytes in the configuration raises it)");
    EXPECT_EQ(outside.error->details,
              R"({"limit":"memory","value":131072,"setting":"limits.memory_bytes",)"
              R"("asked":196608})");
    EXPECT_EQ(outside.usage.memory_bytes, 65536U);
    EXPECT_EQ(message_of(harness.run(grow(1), {.memory_bytes = 131071})),
              "program 'p' asked for 131072 bytes of memory; its limit is 131071 bytes "
              "(limits.memory_bytes in the configuration raises it)");
}

// Calls itself so often that it needs between 64 and 128 KiB of stack.
std::string dive(int depth) {
    return module_text("",
                       "(func $dive (param i32) (if (local.get 0) (then (call $dive (i32.sub "
                       "(local.get 0) (i32.const 1)))))) (func (export \"run\") (call $dive "
                       "(i32.const " +
                           std::to_string(depth) + ")))");
}

TEST(Limits, CallsHaveTheStackThatIsSet) {
    RuntimeOptions options = small_options();
    options.guest_stack_bytes = std::size_t{64} << 10;
    Harness small({}, options);
    EXPECT_EQ(message_of(small.run(dive(100))), "");
    const auto outcome = small.run(dive(5000));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(outcome.error->code, "stack");
    options.guest_stack_bytes = std::size_t{1} << 20;
    Harness large({}, options);
    EXPECT_EQ(message_of(large.run(dive(5000))), "");
}

TEST(Limits, TheMemoryAtTheStartCountsToo) {
    Harness harness;
    EXPECT_EQ(message_of(harness.run(grow(0), {.memory_bytes = 65536})), "");
    const auto outcome = harness.run(grow(0), {.memory_bytes = 65535});
    EXPECT_EQ(code_of(outcome), "memory");
    EXPECT_EQ(message_of(outcome),
              "program 'p' asked for 65536 bytes of memory; its limit is "
              "65535 bytes (limits.memory_bytes in the configuration raises it)");
}

TEST(Limits, NoProgramGetsMoreThanTheRuntimesMaximum) {
    Harness harness;  // 4 MiB: 64 pages
    const InstanceLimits generous{.memory_bytes = std::uint64_t{1} << 40};
    EXPECT_EQ(message_of(harness.run(grow(63), generous)), "");
    EXPECT_EQ(message_of(harness.run(grow(64), generous)),
              "program 'p' asked for 4259840 bytes of memory; its limit is 4194304 bytes "
              "(limits.memory_bytes in the configuration raises it)");
}

TEST(Limits, SeveralMemoriesShareOneLimit) {
    Harness harness;
    const auto program = [](int pages) {
        return module_text("",
                           "(memory 1) (memory 1) (func (export \"run\") (drop (memory.grow 1 "
                           "(i32.const " +
                               std::to_string(pages) + "))))");
    };
    EXPECT_EQ(message_of(harness.run(program(1), {.memory_bytes = 262144})), "");
    EXPECT_EQ(message_of(harness.run(program(2), {.memory_bytes = 262144})),
              "program 'p' asked for 196608 bytes of memory; its limit is 131072 bytes for each of "
              "its 2 memories (limits.memory_bytes in the configuration raises it)");
}

TEST(Limits, GrowthBeyondTheModulesOwnMaximumSaysSo) {
    Harness harness;
    const auto outcome = harness.run(module_text("", R"(
        (memory 1 2) (func (export "run") (drop (memory.grow (i32.const 2)))))"));
    EXPECT_EQ(code_of(outcome), "memory_maximum");
    EXPECT_EQ(message_of(outcome),
              "program 'p' asked for 196608 bytes of memory, more than the "
              "maximum that its module declares");
}

TEST(Limits, ObjectsOfTheCollectorToo) {
    Harness harness;
    const auto keep = [](int elements) {
        return module_text("",
                           "(type $array (array (mut i8))) (memory 1) (func (export \"run\") "
                           "(drop (array.new_default $array (i32.const " +
                               std::to_string(elements) + "))))");
    };
    EXPECT_EQ(message_of(harness.run(keep(60'000), {.memory_bytes = 131072})), "");
    const auto outcome = harness.run(keep(200'000), {.memory_bytes = 131072});
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(code_of(outcome), "memory");
    EXPECT_EQ(message_of(outcome),
              "program 'p' has no room left for objects on its heap; its limit is 131072 bytes "
              "(limits.memory_bytes in the configuration raises it)");
}

TEST(Limits, TablesToo) {
    Harness harness;
    const auto grow_table = [](int elements) {
        return module_text("",
                           "(table 10 funcref) (func (export \"run\") (drop (table.grow "
                           "(ref.null func) (i32.const " +
                               std::to_string(elements) + "))))");
    };
    EXPECT_EQ(message_of(harness.run(grow_table(90), {.table_elements = 100})), "");
    const auto outcome = harness.run(grow_table(91), {.table_elements = 100});
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(outcome.error->code, "table");
    EXPECT_EQ(outcome.error->message,
              "program 'p' asked for a table of 101 elements; its limit is 100 "
              "(limits.table_elements in the configuration raises it)");
}

TEST(Limits, AnEndlessLoopUsesUpItsCpuTime) {
    Harness harness;
    const auto outcome =
        harness.run(module_text(kNoteImport, kSpin), {.cpu = std::chrono::milliseconds(50)});
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kProgramLimit);
    EXPECT_EQ(outcome.error->code, "cpu_time");
    EXPECT_EQ(outcome.error->message,
              "program 'p' used up its CPU time of 50 ms (limits.cpu_ms in "
              "the configuration raises it)");
    EXPECT_EQ(outcome.error->details,
              R"({"limit":"cpu_time","value":50,"setting":"limits.cpu_ms"})");
    EXPECT_GT(outcome.usage.cpu, std::chrono::milliseconds(50));
    EXPECT_GT(outcome.usage.yields, 0U);
    EXPECT_EQ(outcome.usage.polls, outcome.usage.yields + 2);  // and the one that instantiates
    EXPECT_GE(harness.runtime().ticks(), outcome.usage.yields);
}

TEST(Limits, AGuestThatSuspendsBeforeEveryTickIsStillBilled) {
    Harness harness;
    const auto outcome = harness.run(
        module_text(R"((import "env" "realm_answer" (func $answer (param i32) (result i32))))",
                    R"((func (export "run") (loop $again
                        (drop (call $answer (i32.const 1))) br $again)))"),
        {.cpu = std::chrono::milliseconds(20)});
    EXPECT_EQ(code_of(outcome), "cpu_time");
}

TEST(Limits, TheWallDeadlineEndsAWaitingGuest) {
    Harness harness;
    auto program = harness.compile(module_text(kWaitImports, kWaitOnce)).value();
    auto started = harness.start(program, {.wall = std::chrono::milliseconds(30)});
    Completion late = harness.probe().take_waiting();
    const auto outcome = started.outcome.get();
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, ErrorType::kDeadlineExceeded);
    EXPECT_EQ(outcome.error->code, "wall_time");
    EXPECT_EQ(outcome.error->message,
              "program 'p' did not end within 30 ms, its limit or the request's deadline "
              "(limits.wall_ms in the configuration raises it)");
    EXPECT_EQ(outcome.error->details,
              R"({"limit":"wall_time","value":30,"setting":"limits.wall_ms"})");
    EXPECT_EQ(outcome.usage.suspensions, 1U);
    late.resolve(1);
    EXPECT_TRUE(harness.probe().notes(0).empty());
}

TEST(Limits, TheWallDeadlineEndsASpinningGuest) {
    Harness harness;
    const auto outcome =
        harness.run(module_text(kNoteImport, kSpin), {.wall = std::chrono::milliseconds(30)});
    EXPECT_EQ(code_of(outcome), "wall_time");
}

TEST(Limits, WhatEarlierAttemptsUsedCountsAndTheWholeLimitIsNamed) {
    constexpr std::chrono::minutes kWhole{10};  // far longer than the test may take
    constexpr std::chrono::milliseconds kAlmostAll = kWhole - std::chrono::milliseconds(20);
    Harness harness;
    const auto spinning =
        harness.run(module_text(kNoteImport, kSpin), {.cpu = kWhole, .cpu_used = kAlmostAll});
    ASSERT_TRUE(spinning.error);
    EXPECT_EQ(spinning.error->details,
              R"({"limit":"cpu_time","value":600000,"setting":"limits.cpu_ms"})");
    EXPECT_GT(spinning.usage.cpu, std::chrono::milliseconds(20));
    EXPECT_LT(spinning.usage.cpu, kWhole);

    auto program = harness.compile(module_text(kWaitImports, kWaitOnce)).value();
    auto waiting = harness.start(program, {.wall = kWhole, .wall_used = kAlmostAll});
    const Completion late = harness.probe().take_waiting();
    const auto outcome = waiting.outcome.get();
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->details,
              R"({"limit":"wall_time","value":600000,"setting":"limits.wall_ms"})");
}

TEST(Limits, AnEarlierDeadlineOvertakesALaterOne) {
    Harness harness;
    auto program = harness.compile(module_text(kWaitImports, kWaitOnce)).value();
    auto patient = harness.start(program);
    Completion first = harness.probe().take_waiting();
    auto hasty = harness.start(program, {.wall = std::chrono::milliseconds(20)});
    EXPECT_EQ(code_of(hasty.outcome.get()), "wall_time");
    first.resolve(4);
    EXPECT_EQ(message_of(patient.outcome.get()), "");
    EXPECT_EQ(harness.probe().notes(1), (std::vector<std::int32_t>{4}));
}

TEST(Limits, ThePoolHoldsExactlyItsInstances) {
    RuntimeOptions options = small_options();
    options.max_instances = 3;
    Harness harness({}, options);
    auto program = harness.compile(module_text(kWaitImports, kWaitOnce)).value();
    std::vector<Started> runs;
    std::vector<Completion> waiting;
    for (int i = 0; i < 3; ++i) {
        runs.push_back(harness.start(program));
        waiting.push_back(harness.probe().take_waiting());
    }
    const auto refused = harness.start(program).outcome.get();
    ASSERT_TRUE(refused.error);
    EXPECT_EQ(refused.error->type, ErrorType::kUnavailable);
    EXPECT_EQ(refused.error->code, "no_instance_free");
    EXPECT_TRUE(refused.error->retryable);
    EXPECT_EQ(refused.error->message,
              "no room to run program 'p' now: all 3 instances are in use "
              "(limits.instances in the configuration)");
    waiting[0].resolve(1);
    EXPECT_EQ(message_of(runs[0].outcome.get()), "");
    auto again = harness.start(program);
    harness.probe().take_waiting().resolve(2);
    EXPECT_EQ(message_of(again.outcome.get()), "");
    waiting[1].resolve(3);
    waiting[2].resolve(4);
    EXPECT_EQ(message_of(runs[1].outcome.get()), "");
    EXPECT_EQ(message_of(runs[2].outcome.get()), "");
}

}  // namespace
}  // namespace realm::sandbox::testing
