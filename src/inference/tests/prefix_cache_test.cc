#include "inference/prefix_cache.h"

#include <gtest/gtest.h>

#include <numeric>

namespace realm::inference {
namespace {

using Sequences = std::vector<SequenceId>;

// `count` tokens that begin with `first`.
std::vector<Token> tokens(Token first, std::size_t count) {
    std::vector<Token> made(count);
    std::iota(made.begin(), made.end(), first);
    return made;
}

std::vector<Token> joined(std::vector<Token> one, const std::vector<Token>& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

// "2:100" for 100 tokens of sequence 2.
std::string found(PrefixCache& cache, const std::string& tenant, const std::vector<Token>& prompt) {
    const auto match = cache.find(tenant, prompt);
    return match ? std::to_string(match->sequence.value) + ":" + std::to_string(match->tokens) : "";
}

TEST(PrefixCache, FindsTheLongestCommonBeginning) {
    PrefixCache cache(8);
    cache.put("a", joined(tokens(0, 100), tokens(500, 50)), {1});
    cache.put("a", joined(tokens(0, 120), tokens(700, 50)), {2});
    EXPECT_EQ(found(cache, "a", joined(tokens(0, 120), tokens(900, 9))), "2:120");
    EXPECT_EQ(found(cache, "a", joined(tokens(0, 100), tokens(500, 80))), "1:150");
    EXPECT_EQ(found(cache, "a", tokens(1, 200)), "");
}

TEST(PrefixCache, ATenantFindsOnlyItsOwn) {
    PrefixCache cache(8);
    cache.put("a", tokens(0, 100), {1});
    EXPECT_EQ(found(cache, "b", tokens(0, 100)), "");
    EXPECT_EQ(found(cache, "", tokens(0, 100)), "");
    EXPECT_EQ(found(cache, "a", tokens(0, 100)), "1:100");
}

TEST(PrefixCache, ShortBeginningsDoNotCount) {
    PrefixCache cache(8);
    cache.put("a", tokens(0, 100), {1});
    EXPECT_EQ(found(cache, "a", tokens(0, 64)), "1:64");
    EXPECT_EQ(found(cache, "a", tokens(0, 63)), "");
}

TEST(PrefixCache, KeepsNoEntryThatAnotherBeginsWith) {
    PrefixCache cache(8);
    EXPECT_EQ(cache.put("a", tokens(0, 100), {1}), Sequences{});
    EXPECT_EQ(cache.put("a", tokens(0, 80), {2}), Sequences{{2}});
    EXPECT_EQ(cache.put("a", tokens(0, 100), {3}), Sequences{{3}});
    EXPECT_EQ(cache.put("a", tokens(0, 150), {4}), Sequences{{1}});
    EXPECT_EQ(cache.put("b", tokens(0, 80), {5}), Sequences{});
    EXPECT_EQ(cache.size(), 2U);
}

TEST(PrefixCache, GivesUpWhatWasUsedLongestAgo) {
    PrefixCache cache(2);
    cache.put("a", tokens(0, 100), {1});
    cache.put("a", tokens(1000, 100), {2});
    EXPECT_EQ(found(cache, "a", tokens(0, 100)), "1:100");
    EXPECT_EQ(cache.put("a", tokens(2000, 100), {3}), Sequences{{2}});
    EXPECT_EQ(cache.evict(), SequenceId{1});
    EXPECT_EQ(cache.evict(), SequenceId{3});
    EXPECT_EQ(cache.evict(), std::nullopt);
}

TEST(PrefixCache, WhoHoldsMostLosesFirst) {
    PrefixCache cache(8);
    cache.put("small", tokens(0, 100), {1});
    cache.put("large", tokens(0, 90), {2});
    cache.put("large", tokens(1000, 90), {3});
    EXPECT_EQ(cache.evict(), SequenceId{2});
    EXPECT_EQ(cache.evict(), SequenceId{1});
    EXPECT_EQ(cache.evict(), SequenceId{3});
}

TEST(PrefixCache, WithoutPlacesKeepsNothing) {
    PrefixCache cache(0);
    EXPECT_EQ(cache.put("a", tokens(0, 100), {1}), Sequences{{1}});
    EXPECT_EQ(found(cache, "a", tokens(0, 100)), "");
}

}  // namespace
}  // namespace realm::inference
