#include "telemetry/log_format.h"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace realm::telemetry {
namespace {

constexpr std::string_view kTime = "2026-01-31T12:00:00.000Z";

std::string text(Level level, std::string_view message, std::initializer_list<Field> fields,
                 Colour colour = Colour::kNever) {
    return format_text({.time = kTime,
                        .level = level,
                        .message = message,
                        .fields = std::span(fields.begin(), fields.size())},
                       colour);
}

std::string json(std::string_view message, std::initializer_list<Field> fields) {
    return format_json({.time = kTime,
                        .level = Level::kWarn,
                        .message = message,
                        .fields = std::span(fields.begin(), fields.size())});
}

std::string value_of(FieldValue value) {
    const std::string line = text(Level::kInfo, "m", {{"k", value}});
    return line.substr(std::string_view("2026-01-31T12:00:00.000Z INFO m k=").size());
}

TEST(LogText, HasTimeLevelMessageAndFields) {
    EXPECT_EQ(text(Level::kInfo, "listening", {{"address", "127.0.0.1"}, {"port", 8080}}),
              "2026-01-31T12:00:00.000Z INFO listening address=127.0.0.1 port=8080");
    EXPECT_EQ(text(Level::kDebug, "a", {}), "2026-01-31T12:00:00.000Z DEBUG a");
    EXPECT_EQ(text(Level::kWarn, "a b", {}), "2026-01-31T12:00:00.000Z WARN a b");
    EXPECT_EQ(text(Level::kError, "a", {}), "2026-01-31T12:00:00.000Z ERROR a");
}

TEST(LogText, ColoursTheLevelAlone) {
    EXPECT_EQ(text(Level::kError, "a", {{"k", "v"}}, Colour::kLevel),
              "2026-01-31T12:00:00.000Z \x1b[31mERROR\x1b[0m a k=v");
}

TEST(LogText, WritesEachKindOfValue) {
    EXPECT_EQ(value_of(true), "true");
    EXPECT_EQ(value_of(false), "false");
    EXPECT_EQ(value_of(-3), "-3");
    EXPECT_EQ(value_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(value_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(value_of(1.5), "1.5");
    EXPECT_EQ(value_of(std::string("text")), "text");
}

TEST(LogText, QuotesOnlyWhereNeeded) {
    EXPECT_EQ(value_of("plain-/:.,'"), "plain-/:.,'");
    EXPECT_EQ(value_of("Grüße"), "Grüße");
    EXPECT_EQ(value_of(""), "\"\"");
    EXPECT_EQ(value_of("two words"), "\"two words\"");
    EXPECT_EQ(value_of("a=b"), "\"a=b\"");
    EXPECT_EQ(value_of("say \"x\""), R"("say \"x\"")");
    EXPECT_EQ(value_of("back\\slash"), R"("back\\slash")");
}

TEST(LogText, HostileTextCannotForgeALine) {
    EXPECT_EQ(value_of("x\n2026-01-31T12:00:00.000Z ERROR forged\r\t"),
              R"("x\n2026-01-31T12:00:00.000Z ERROR forged\r\t")");
    EXPECT_EQ(value_of("\x1b[31mred"), R"("\u001b[31mred")");
    EXPECT_EQ(value_of("\x7f"), R"("\u007f")");
    EXPECT_EQ(value_of("\xc2\x9b"
                       "31m"),
              R"("\u009b31m")");
    EXPECT_EQ(value_of("\xe2\x80\xa8"), R"("\u2028")");
    EXPECT_EQ(value_of("\xe2\x80\xae"
                       "desrever"),
              R"("\u202edesrever")");
    EXPECT_EQ(value_of(std::string_view("nul\0byte", 8)), R"("nul\u0000byte")");
    EXPECT_EQ(text(Level::kInfo, "one\ntwo \\ \"q\"", {}),
              R"(2026-01-31T12:00:00.000Z INFO one\ntwo \\ "q")");
}

TEST(LogText, BytesThatAreNoUtf8AreShownAsSuch) {
    EXPECT_EQ(value_of("a\xff"
                       "b"),
              R"("a\xffb")");
    EXPECT_EQ(value_of("\xc3"), R"("\xc3")");
    EXPECT_EQ(value_of("\xe2\x80"), R"("\xe2\x80")");
    EXPECT_EQ(value_of("\xc0\x8a"), R"("\xc0\x8a")");
}

TEST(LogJson, HasTimeLevelMessageAndFields) {
    EXPECT_EQ(json("slow", {{"who", "a \"b\"\n"}, {"ms", 12}, {"ok", true}, {"ratio", 0.25}}),
              R"({"time":"2026-01-31T12:00:00.000Z","level":"warn","message":"slow",)"
              R"("who":"a \"b\"\n","ms":12,"ok":true,"ratio":0.25})");
}

TEST(LogJson, StaysValidWhateverTheText) {
    EXPECT_EQ(json("a\xff", {{"k", "\x01\xe2\x80\xa8\\"}}),
              R"({"time":"2026-01-31T12:00:00.000Z","level":"warn","message":"a\ufffd",)"
              R"("k":"\u0001\u2028\\"})");
    EXPECT_EQ(json("n", {{"k", std::numeric_limits<double>::infinity()}}),
              R"({"time":"2026-01-31T12:00:00.000Z","level":"warn","message":"n","k":null})");
}

}  // namespace
}  // namespace realm::telemetry
