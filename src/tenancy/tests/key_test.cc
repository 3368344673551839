#include "tenancy/key.h"

#include <cstddef>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace realm::tenancy {
namespace {

// SHA-256 of "abc" and of nothing, from FIPS 180-2 and its examples.
constexpr std::string_view kHashOfAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kHashOfNothing =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Key, IsHashedWithSha256) {
    EXPECT_EQ(hash_key("abc"), kHashOfAbc);
    EXPECT_EQ(hash_key(""), kHashOfNothing);
    EXPECT_EQ(hash_key(std::string_view("a\0b", 3)).size(), 71U);
    EXPECT_NE(hash_key(std::string_view("a\0b", 3)), hash_key("a"));
}

TEST(Key, HashIsParsedBack) {
    EXPECT_EQ(parse_key_hash(kHashOfAbc), digest_of_key("abc"));
    EXPECT_EQ(parse_key_hash(""), std::nullopt);
    EXPECT_EQ(parse_key_hash("sha256:"), std::nullopt);
    EXPECT_EQ(parse_key_hash(kHashOfAbc.substr(7)), std::nullopt);
    EXPECT_EQ(parse_key_hash(kHashOfAbc.substr(0, 70)), std::nullopt);
    EXPECT_EQ(parse_key_hash(std::string(kHashOfAbc) + "00"), std::nullopt);
    EXPECT_EQ(parse_key_hash("sha256:" + std::string(64, 'g')), std::nullopt);
    EXPECT_EQ(parse_key_hash("sha512:" + std::string(64, 'a')), std::nullopt);
}

TEST(Key, GeneratedOnesAreWellFormedAndDiffer) {
    const std::regex shape("rk_[A-Za-z0-9_-]{43}");
    std::set<std::string> keys;
    std::set<char> characters;
    for (int i = 0; i < 200; ++i) {
        const std::string key = generate_key();
        EXPECT_TRUE(std::regex_match(key, shape)) << key.size();
        keys.insert(key);
        characters.insert(key.begin() + 3, key.end());
    }
    EXPECT_EQ(keys.size(), 200U);
    // 8,600 draws from 64 characters: one that is missing means a broken alphabet.
    EXPECT_EQ(characters.size(), 64U);
}

TEST(Key, IsTakenFromTheHeader) {
    EXPECT_EQ(bearer_key("Bearer abc"), "abc");
    EXPECT_EQ(bearer_key("bearer abc"), "abc");
    EXPECT_EQ(bearer_key("BEARER  \tabc  "), "abc");
    EXPECT_EQ(bearer_key(" Bearer a b"), "a b");
    EXPECT_EQ(bearer_key(""), std::nullopt);
    EXPECT_EQ(bearer_key("Bearer"), std::nullopt);
    EXPECT_EQ(bearer_key("Bearer   "), std::nullopt);
    EXPECT_EQ(bearer_key("Bearerabc"), std::nullopt);
    EXPECT_EQ(bearer_key("Basic abc"), std::nullopt);
    EXPECT_EQ(bearer_key("abc"), std::nullopt);
}

}  // namespace
}  // namespace realm::tenancy
