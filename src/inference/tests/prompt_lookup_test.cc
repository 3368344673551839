#include "inference/prompt_lookup.h"

#include <gtest/gtest.h>

#include <vector>

namespace realm::inference {
namespace {

using Tokens = std::vector<Token>;

TEST(PromptLookup, ThreeTokensMustAgree) {
    EXPECT_EQ(look_up(Tokens{1, 2, 3, 4, 5, 1, 2, 3}, 2), (Tokens{4, 5}));
    EXPECT_EQ(look_up(Tokens{9, 2, 3, 4, 5, 1, 2, 3}, 2), Tokens());
    EXPECT_EQ(look_up(Tokens{}, 2), Tokens());
    EXPECT_EQ(look_up(Tokens{1}, 2), Tokens());
    EXPECT_EQ(look_up(Tokens{1, 2, 3}, 2), Tokens());
    EXPECT_EQ(look_up(Tokens{1, 2, 3, 4, 1, 2, 3}, 0), Tokens());
}

TEST(PromptLookup, TheLongestAgreementCountsThenTheLatest) {
    // Four agree at the first place, three at the second.
    EXPECT_EQ(look_up(Tokens{7, 1, 2, 3, 50, 8, 1, 2, 3, 60, 7, 1, 2, 3}, 1), (Tokens{50}));
    EXPECT_EQ(look_up(Tokens{1, 2, 3, 50, 1, 2, 3, 60, 1, 2, 3}, 1), (Tokens{60}));
}

TEST(PromptLookup, WhatRepeatsItselfIsContinuedInTheSameWay) {
    EXPECT_EQ(look_up(Tokens{5, 5, 5, 5}, 4), (Tokens{5, 5, 5, 5}));
    EXPECT_EQ(look_up(Tokens{1, 2, 1, 2, 1}, 5), (Tokens{2, 1, 2, 1, 2}));
    EXPECT_EQ(look_up(Tokens{1, 2, 3, 4, 1, 2, 3}, 6), (Tokens{4, 1, 2, 3, 4, 1}));
}

TEST(PromptLookup, LooksBackSoFar) {
    for (const std::size_t between : {16'384U - 7, 16'384U - 6}) {
        Tokens tokens = {1, 2, 3, 4};
        for (std::size_t i = 0; i < between; ++i) {
            tokens.push_back(static_cast<Token>(100 + i));
        }
        tokens.insert(tokens.end(), {1, 2, 3});
        EXPECT_EQ(look_up(tokens, 1), between == 16'384U - 7 ? Tokens{4} : Tokens()) << between;
    }
}

}  // namespace
}  // namespace realm::inference
