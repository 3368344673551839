#include <gtest/gtest.h>

#include "interfaces/context.h"

namespace realm::interfaces {
namespace {

// The error's text; "" for none.
template <class T>
std::string problem(const Result<T>& result) {
    return result ? "" : result.error().code + ": " + result.error().message;
}

TEST(ContextTable, HoldsAsManyContextsAsItMay) {
    ContextTable table({.contexts = 2});
    const auto first = table.add(10).value();
    EXPECT_EQ(problem(table.add(10)), "");
    const auto refused = table.add(10);
    EXPECT_EQ(problem(refused),
              "contexts: A run may hold 2 contexts at one time; drop one first (limits.contexts in "
              "the configuration raises it)");
    EXPECT_EQ(refused.error().type, ErrorType::kProgramLimit);
    table.remove(first.first);
    EXPECT_EQ(problem(table.add(10)), "");
}

TEST(ContextTable, TheirTokensAreCountedTogether) {
    ContextTable table({.kv_tokens = 100});
    const auto first = table.add(60).value();
    const auto refused = table.add(41);
    EXPECT_EQ(problem(refused),
              "kv_tokens: The contexts of a run may have room for 100 tokens together; with this "
              "one they had 101 (limits.kv_tokens in the configuration raises it)");
    EXPECT_EQ(refused.error().details,
              R"({"limit":"kv_tokens","value":100,"setting":"limits.kv_tokens","asked":101})");
    EXPECT_EQ(problem(table.add(40)), "");
    EXPECT_NE(problem(table.add(1)), "");
    table.remove(first.first);
    EXPECT_EQ(problem(table.add(60)), "");
    EXPECT_NE(problem(table.add(0xffffffffU)), "");
}

TEST(ContextTable, WhatTheEngineRefusedDoesNotCount) {
    ContextTable table({.contexts = 1, .kv_tokens = 100});
    table.add(100).value().second->refused = true;
    EXPECT_EQ(problem(table.add(100)), "");
}

TEST(ContextTable, OperationsAreCounted) {
    ContextTable table({.operations = 2});
    const auto generation = [] {
        return std::make_shared<Generation>(std::make_shared<CallState>());
    };
    EXPECT_EQ(problem(table.check_operation()), "");
    table.add(1).value().second->generation = generation();
    EXPECT_EQ(problem(table.check_operation()), "");
    const auto second = table.add(1).value().second;
    second->generation = generation();
    EXPECT_EQ(problem(table.check_operation()),
              "operations: A run may have 2 operations on contexts going on at one time; read a "
              "generation to its end or stop it first (limits.operations in the configuration "
              "raises it)");
    second->generation.reset();
    EXPECT_EQ(problem(table.check_operation()), "");
}

}  // namespace
}  // namespace realm::interfaces
