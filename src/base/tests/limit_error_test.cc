#include "base/limit_error.h"

#include <gtest/gtest.h>

namespace realm {
namespace {

TEST(LimitError, NamesTheLimitItsValueAndTheSetting) {
    const Error error = limit_error(
        {.limit = "memory", .setting = "limits.memory_bytes", .value = 100, .asked = 200},
        "200 bytes are more than the limit of 100");
    EXPECT_EQ(error.type, ErrorType::kProgramLimit);
    EXPECT_EQ(error.code, "memory");
    EXPECT_EQ(error.message,
              "200 bytes are more than the limit of 100 (limits.memory_bytes in the configuration "
              "raises it)");
    EXPECT_EQ(error.details,
              R"({"limit":"memory","value":100,"setting":"limits.memory_bytes","asked":200})");
}

TEST(LimitError, WhatWasAskedMayBeUnknown) {
    const Error error = limit_error({.limit = "wall_time", .setting = "limits.wall_ms", .value = 5},
                                    "too slow", ErrorType::kDeadlineExceeded);
    EXPECT_EQ(error.type, ErrorType::kDeadlineExceeded);
    EXPECT_EQ(error.details, R"({"limit":"wall_time","value":5,"setting":"limits.wall_ms"})");
}

}  // namespace
}  // namespace realm
