#include "registry/gguf_start.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

using namespace std::string_literals;

std::string refusal(const std::string& content) {
    const auto result = check_gguf_start(base::as_bytes(content), "x");
    if (result) {
        return "accepted";
    }
    EXPECT_EQ(result.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(result.error().code, "not_gguf");
    return result.error().message;
}

TEST(GgufStart, AcceptsTheVersionsThatCanBeRead) {
    EXPECT_EQ(refusal("GGUF\x02\0\0\0"s + std::string(16, '\0')), "accepted");
    EXPECT_EQ(refusal("GGUF\x03\0\0\0"s + std::string(16, '\0')), "accepted");
    EXPECT_EQ(refusal("GGUF\x01\0\0\0"s + std::string(16, '\0')),
              "x has GGUF version 1; versions 2 to 3 can be read");
    EXPECT_EQ(refusal("GGUF\x04\0\0\0"s + std::string(16, '\0')),
              "x has GGUF version 4; versions 2 to 3 can be read");
}

TEST(GgufStart, NeedsTwentyFourBytes) {
    EXPECT_EQ(refusal("GGUF\x03\0\0\0"s + std::string(15, '\0')),
              "x is no GGUF model: it ends after 23 bytes");
    EXPECT_EQ(refusal("GGUF"), "x is no GGUF model: it ends after 4 bytes");
}

TEST(GgufStart, SaysWhatItLooksLike) {
    EXPECT_EQ(refusal(""), "x is no GGUF model: it is an empty file");
    EXPECT_EQ(refusal("\n <!DOCTYPE html><html>"),
              "x is no GGUF model: it is a web page (HTML or XML)");
    EXPECT_EQ(refusal("{\"error\": 1}"), "x is no GGUF model: it is JSON");
    EXPECT_EQ(refusal("PK\x03\x04 and more"), "x is no GGUF model: it is a zip archive");
    EXPECT_EQ(refusal("version https://git-lfs.github"),
              "x is no GGUF model: it is a Git LFS pointer, not the file it stands for");
    EXPECT_EQ(refusal("\x10\0\0\0\0\0\0\0{\"__metadata__\""s),
              "x is no GGUF model: it is a safetensors file");
    EXPECT_EQ(refusal("FUGG\0\0\0\x03"s),
              "x is no GGUF model: it is a GGUF file for big-endian machines");
    EXPECT_EQ(refusal("\x01\x02\xff"),
              "x is no GGUF model: it is a file that starts with the bytes 0102ff");
    EXPECT_EQ(refusal("GGU"), "x is no GGUF model: it is a file that starts with the bytes 474755");
}

TEST(GgufStart, ReadsFiles) {
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "m.gguf";
    test::write_content(path, test::gguf_content(24));
    EXPECT_TRUE(check_gguf_file(path, "x").has_value());
    test::write_content(path, "<html>");
    const auto page = check_gguf_file(path, "x");
    ASSERT_FALSE(page.has_value());
    EXPECT_EQ(page.error().code, "not_gguf");
    const auto missing = check_gguf_file(directory.path() / "none", "x");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, "file_not_found");
}

}  // namespace
}  // namespace realm::registry
