#include "config/limits.h"

#include <chrono>

#include <gtest/gtest.h>

namespace realm::config {
namespace {

// The documented defaults: a change here is a change of behaviour for users.
TEST(Limits, HaveTheDocumentedDefaults) {
    using std::chrono::milliseconds;
    const Limits limits;
    EXPECT_EQ(limits.body_bytes, 8'388'608U);
    EXPECT_EQ(limits.header_bytes, 32'768U);
    EXPECT_EQ(limits.memory_bytes, 67'108'864U);
    EXPECT_EQ(limits.cpu_ms, milliseconds(10'000));
    EXPECT_EQ(limits.wall_ms, milliseconds(300'000));
    EXPECT_EQ(limits.output_bytes, 8'388'608U);
    EXPECT_EQ(limits.chunk_bytes, 1'048'576U);
    EXPECT_EQ(limits.log_bytes, 65'536U);
    EXPECT_EQ(limits.log_lines, 200U);
    EXPECT_EQ(limits.contexts, 16U);
    EXPECT_EQ(limits.kv_tokens, 32'768U);
    EXPECT_EQ(limits.operations, 16U);
    EXPECT_EQ(limits.prefill_tokens, 32'768U);
    EXPECT_EQ(limits.text_bytes, 1'048'576U);
    EXPECT_EQ(limits.stop_bytes, 16'384U);
    EXPECT_EQ(limits.scratch_bytes, 16'777'216U);
    EXPECT_EQ(limits.scratch_entries, 1'024U);
    EXPECT_EQ(limits.runs, 256U);
}

}  // namespace
}  // namespace realm::config
