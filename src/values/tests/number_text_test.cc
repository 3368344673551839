#include <cmath>
#include <limits>

#include "world_fixture.h"

namespace realm::values {
namespace {

class NumberTextTest : public WorldTest {};

TEST_F(NumberTextTest, NumbersAreWrittenAsJavaScriptLaysThemOut) {
    EXPECT_EQ(number_to_text(0), "0");
    EXPECT_EQ(number_to_text(-0.0), "0");
    EXPECT_EQ(number_to_text(42), "42");
    EXPECT_EQ(number_to_text(-42.5), "-42.5");
    EXPECT_EQ(number_to_text(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(number_to_text(1e21), "1e+21");
    EXPECT_EQ(number_to_text(123456789012345680000.0), "123456789012345680000");
    EXPECT_EQ(number_to_text(1.5e300), "1.5e+300");
    EXPECT_EQ(number_to_text(0.000001), "0.000001");
    EXPECT_EQ(number_to_text(0.0000001), "1e-7");
    EXPECT_EQ(number_to_text(1.23e-10), "1.23e-10");
    EXPECT_EQ(number_to_text(5e-324), "5e-324");
    EXPECT_EQ(number_to_text(4294967296), "4294967296");
    EXPECT_EQ(number_to_text(std::nan("")), "NaN");
    EXPECT_EQ(number_to_text(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST_F(NumberTextTest, OtherRadixesKeepAsManyDigitsAsTellANumberFromItsNeighbours) {
    EXPECT_EQ(number_to_text(255, 16), "ff");
    EXPECT_EQ(number_to_text(-255, 2), "-11111111");
    EXPECT_EQ(number_to_text(0.5, 2), "0.1");
    EXPECT_EQ(number_to_text(0.1, 3), "0.0022002200220022002200220022002201");
    EXPECT_EQ(number_to_text(1e15, 36), "9ugxnorjls");
    EXPECT_EQ(number_to_text(3.14159, 16), "3.243f3e0370cdc");
}

TEST_F(NumberTextTest, FixedExponentialAndPrecisionRoundTiesAwayFromZero) {
    EXPECT_EQ(number_to_fixed(2.5, 0), "3");
    EXPECT_EQ(number_to_fixed(1.005, 2), "1.00");
    EXPECT_EQ(number_to_fixed(-1.5, 0), "-2");
    EXPECT_EQ(number_to_fixed(0.000001, 7), "0.0000010");
    EXPECT_EQ(number_to_fixed(1e21, 2), "1e+21");
    EXPECT_EQ(number_to_exponential(123456, 2), "1.23e+5");
    EXPECT_EQ(number_to_exponential(123456, std::nullopt), "1.23456e+5");
    EXPECT_EQ(number_to_exponential(0, std::nullopt), "0e+0");
    EXPECT_EQ(number_to_precision(123.456, 4), "123.5");
    EXPECT_EQ(number_to_precision(0.000123, 2), "0.00012");
    EXPECT_EQ(number_to_precision(1234.5, 2), "1.2e+3");
    EXPECT_EQ(number_to_precision(25, 1), "3e+1");
}

TEST_F(NumberTextTest, TextBecomesANumberOnlyAsAWhole) {
    const auto number = [&](std::string_view source) {
        return number_to_text(text_to_number(text(source).string()));
    };
    EXPECT_EQ(number(""), "0");
    EXPECT_EQ(number("  42\n"), "42");
    EXPECT_EQ(number("0x1F"), "31");
    EXPECT_EQ(number("0b101"), "5");
    EXPECT_EQ(number("-0x1F"), "NaN");
    EXPECT_EQ(number(".5"), "0.5");
    EXPECT_EQ(number("5."), "5");
    EXPECT_EQ(number("."), "NaN");
    EXPECT_EQ(number("1e1000"), "Infinity");
    EXPECT_EQ(number("1e-1000"), "0");
    EXPECT_EQ(number("-Infinity"), "-Infinity");
    EXPECT_EQ(number("infinity"), "NaN");
    EXPECT_EQ(number("nan"), "NaN");
    EXPECT_EQ(number("1_000"), "NaN");
    EXPECT_EQ(number("\xC2\xA0"
                     "7"),
              "7");  // a no-break space is white space
    EXPECT_EQ(number("7\xC3\xA9"), "NaN");
}

TEST_F(NumberTextTest, ParsersStopAtWhatTheyDoNotKnow) {
    EXPECT_EQ(show(run("parseInt", {text("12px")})), "12");
    EXPECT_EQ(show(run("parseInt", {text("0x1fz")})), "31");
    EXPECT_EQ(show(run("parseInt", {text("z"), Value(36)})), "35");
    EXPECT_EQ(show(run("parseInt", {text("z"), Value(37)})), R"({"$number":"NaN"})");
    EXPECT_EQ(show(run("parseFloat", {text("3.5e2abc")})), "350");
    EXPECT_EQ(show(run("parseFloat", {text("3e")})), "3");
    EXPECT_EQ(show(run("parseFloat", {text("-.5")})), "-0.5");
}

TEST_F(NumberTextTest, IntegersWrapAround) {
    EXPECT_EQ(to_int32(4294967295.0), -1);
    EXPECT_EQ(to_int32(2147483648.0), std::numeric_limits<std::int32_t>::min());
    EXPECT_EQ(to_int32(-2147483649.0), 2147483647);
    EXPECT_EQ(to_int32(1e20), 1661992960);
    EXPECT_EQ(to_int32(std::nan("")), 0);
    EXPECT_EQ(to_uint32(-1), 4294967295U);
    EXPECT_EQ(to_uint32(-1.9), 4294967295U);
}

TEST_F(NumberTextTest, MethodsCheckTheirRanges) {
    EXPECT_EQ(show(method(Value(255), "toString", {Value(16)})), R"("ff")");
    EXPECT_EQ(error_of(method(Value(1), "toString", {Value(1)})),
              "RangeError: toString() radix must be between 2 and 36");
    EXPECT_EQ(error_of(method(Value(1), "toFixed", {Value(101)})),
              "RangeError: toFixed() digits argument must be between 0 and 100");
    EXPECT_EQ(show(method(Value(1234567.891), "toLocaleString")), R"("1,234,567.891")");
    EXPECT_EQ(show(run("Number.isInteger", {Value(5.0)})), "true");
    EXPECT_EQ(show(run("Number.isSafeInteger", {Value(9007199254740992.0)})), "false");
}

}  // namespace
}  // namespace realm::values
