#include "sandbox/custom_section.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "sandbox/module_info.h"

namespace realm::sandbox {
namespace {

using namespace std::string_literals;

const std::string kHeader = "\0asm\1\0\0\0"s;
const std::string kTypes = "\1\4\1\x60\0\0"s;
const std::string kNames = "\0\6\4namex"s;

std::string find(const std::string& wasm, std::string_view name) {
    const auto found = find_custom_section(base::as_bytes(wasm), name);
    if (!found) {
        return found.error().code + ": " + found.error().message;
    }
    return *found ? "'" + std::string(base::as_text(**found)) + "'" : "none";
}

std::string with(const std::string& wasm, std::string_view name, std::string_view content) {
    const auto made = with_custom_section(base::as_bytes(wasm), name, base::as_bytes(content));
    return made ? std::string(base::as_text(*made)) : made.error().message;
}

TEST(CustomSection, IsFoundByName) {
    const std::string wasm = kHeader + kNames + kTypes + "\0\5\4name"s;
    EXPECT_EQ(find(wasm, "name"), "'x'");
    EXPECT_EQ(find(wasm, "other"), "none");
    EXPECT_EQ(find(kHeader, "name"), "none");
}

TEST(CustomSection, IsAppendedOnceAndReplacesEarlierOnes) {
    const std::string first = with(kHeader + kTypes, "m", "one");
    EXPECT_EQ(first, kHeader + kTypes + "\0\5\1mone"s);
    EXPECT_EQ(find(first, "m"), "'one'");
    EXPECT_EQ(with(first, "m", "two"), kHeader + kTypes + "\0\5\1mtwo"s);
    EXPECT_EQ(with(first + "\0\3\1mx"s + kNames, "m", ""), kHeader + kTypes + kNames + "\0\2\1m"s);
}

TEST(CustomSection, OfMoreThan127BytesHasALongerSize) {
    const std::string content(200, 'c');
    const std::string wasm = with(kHeader, "m", content);
    EXPECT_EQ(wasm, kHeader + "\0\xca\1\1m"s + content);
    EXPECT_EQ(find(wasm, "m"), "'" + content + "'");
    const auto info = read_module(base::as_bytes(wasm));
    ASSERT_TRUE(info);
    EXPECT_EQ(info->custom, (std::vector<CustomSection>{{.name = "m", .bytes = 202}}));
}

TEST(CustomSection, OfADamagedModuleIsAnError) {
    EXPECT_EQ(find("\0asm"s, "m"), "invalid_module: the module ends within the header (at byte 0)");
    EXPECT_EQ(find(kHeader + "\0\x09\1m"s, "m"),
              "invalid_module: the module ends within a section (at byte 10)");
    EXPECT_EQ(with(kHeader + "\0"s, "m", "x"),
              "the module ends within a section's size (at byte 9)");
}

}  // namespace
}  // namespace realm::sandbox
