#include "inference/kept_logits.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace realm::inference {
namespace {

std::vector<float> of(const KeptLogits& kept) {
    return {kept.values().begin(), kept.values().end()};
}

TEST(KeptLogits, CopiesShareTheirValuesUntilOneChanges) {
    KeptLogits source;
    EXPECT_TRUE(source.empty());
    EXPECT_TRUE(source.values().empty());
    source.set(std::array{1.0F, 2.0F});
    KeptLogits fork = source;
    KeptLogits other = source;
    EXPECT_EQ(fork.values().data(), source.values().data());
    fork.set(std::array{3.0F});
    other.clear();
    EXPECT_EQ(of(source), (std::vector{1.0F, 2.0F}));
    EXPECT_EQ(of(fork), std::vector{3.0F});
    EXPECT_TRUE(other.empty());
}

TEST(KeptLogits, OneAloneKeepsItsMemory) {
    KeptLogits kept;
    kept.set(std::array{1.0F, 2.0F});
    const float* const at = kept.values().data();
    kept.clear();
    EXPECT_TRUE(kept.empty());
    kept.set(std::array{3.0F, 4.0F});
    EXPECT_EQ(kept.values().data(), at);
    EXPECT_EQ(of(kept), (std::vector{3.0F, 4.0F}));
}

}  // namespace
}  // namespace realm::inference
