#include <cmath>
#include <utility>

#include "world_fixture.h"

namespace realm::values {
namespace {

class OperatorsTest : public WorldTest {
protected:
    std::string add(const Value& left, const Value& right) {
        return show(binary(world_, BinaryOperator::kAdd, left, right));
    }
    std::string apply(BinaryOperator op, const Value& left, const Value& right) {
        return show(binary(world_, op, left, right));
    }
    bool equal(Value left, Value right) {
        return *loosely_equal(world_, std::move(left), std::move(right)).take();
    }
    bool less(Value left, Value right) {
        return *compare(world_, Comparison::kLess, std::move(left), std::move(right)).take();
    }
};

TEST_F(OperatorsTest, PlusAddsNumbersAndJoinsText) {
    EXPECT_EQ(add(Value(1), Value(2)), "3");
    EXPECT_EQ(add(text("a"), Value(1)), R"("a1")");
    EXPECT_EQ(add(Value(1), Value::null()), "1");
    EXPECT_EQ(add(Value(1), Value()), R"({"$number":"NaN"})");
    EXPECT_EQ(add(list({Value(1), Value(2)}), text("!")), R"("1,2!")");
    EXPECT_EQ(add(world_.object(), text("")), R"("[object Object]")");
    EXPECT_EQ(add(big(1), big(2)), R"({"$bigint":"3"})");
    EXPECT_EQ(add(big(1), Value(2)),
              "TypeError: Cannot mix BigInt and other types, use explicit conversions");
    EXPECT_EQ(add(Value(world_.names().symbols[0]), text("")),
              "TypeError: Cannot convert a Symbol value to a string");
    EXPECT_EQ(add(text("\xED\xA0\xBD"), text("")), R"("���")");  // malformed bytes, three of them
}

TEST_F(OperatorsTest, SurrogatesThatMeetMakeOneCharacter) {
    const Value high = world_.string(std::u16string_view(u"\xD83D", 1));
    const Value low = world_.string(std::u16string_view(u"\xDE00", 1));
    const Value both = must(binary(world_, BinaryOperator::kAdd, high, low));
    EXPECT_EQ(both.string().utf8(), "😀");
    EXPECT_EQ(both.string().length(), 2U);
    EXPECT_EQ(high.string().utf8(), "\xEF\xBF\xBD");
}

TEST_F(OperatorsTest, ArithmeticFollowsJavaScript) {
    using enum BinaryOperator;
    EXPECT_EQ(apply(kRemainder, Value(-5), Value(3)), "-2");
    EXPECT_EQ(apply(kRemainder, Value(-6), Value(3)), R"({"$number":"-0"})");
    EXPECT_EQ(apply(kPower, Value(2), Value(10)), "1024");
    EXPECT_EQ(apply(kPower, Value(1), Value(std::nan(""))), R"({"$number":"NaN"})");
    EXPECT_EQ(apply(kDivide, Value(1), Value(0)), R"({"$number":"Infinity"})");
    EXPECT_EQ(apply(kShiftLeft, Value(1), Value(31)), "-2147483648");
    EXPECT_EQ(apply(kShiftLeft, Value(1), Value(32)), "1");
    EXPECT_EQ(apply(kShiftRight, Value(-8), Value(1)), "-4");
    EXPECT_EQ(apply(kShiftRightUnsigned, Value(-1), Value(0)), "4294967295");
    EXPECT_EQ(apply(kBitAnd, Value(5), text("3")), "1");
    EXPECT_EQ(apply(kSubtract, text("5"), Value(true)), "4");
    EXPECT_EQ(show(bit_not(world_, Value(5))), "-6");
    EXPECT_EQ(show(negate(world_, text("3"))), "-3");
}

TEST_F(OperatorsTest, EqualityComparesKindsOnlyWhereItIsStrict) {
    EXPECT_TRUE(strictly_equal(text("a"), text("a")));
    EXPECT_FALSE(strictly_equal(Value(1), text("1")));
    EXPECT_FALSE(strictly_equal(Value(std::nan("")), Value(std::nan(""))));
    EXPECT_TRUE(strictly_equal(Value(0), Value(-0.0)));
    EXPECT_TRUE(same_value(Value(std::nan("")), Value(std::nan(""))));
    EXPECT_FALSE(same_value(Value(0), Value(-0.0)));
    EXPECT_TRUE(equal(Value(1), text("1")));
    EXPECT_TRUE(equal(Value::null(), Value()));
    EXPECT_FALSE(equal(Value::null(), Value(0)));
    EXPECT_TRUE(equal(Value(true), text("1")));
    EXPECT_TRUE(equal(big(1), Value(1)));
    EXPECT_TRUE(equal(big(1), text("1")));
    EXPECT_FALSE(equal(big(1), text("x")));
    EXPECT_TRUE(equal(list({Value(1)}), Value(1)));
    const Value object = world_.object();
    EXPECT_TRUE(equal(object, object));
    EXPECT_FALSE(equal(object, world_.object()));
}

TEST_F(OperatorsTest, OrderIsByUnitsForTextAndByValueElse) {
    EXPECT_TRUE(less(text("a"), text("b")));
    EXPECT_TRUE(less(text("10"), text("9")));
    EXPECT_FALSE(less(text("10"), Value(9)));
    EXPECT_FALSE(less(Value(), Value(1)));
    EXPECT_TRUE(less(big(2), Value(2.5)));
    EXPECT_TRUE(less(Value(-0.5), big(0)));
    EXPECT_FALSE(less(big(1), text("x")));
    EXPECT_TRUE(less(big(9), text("10")));
    // UTF-16 units, not code points.
    EXPECT_TRUE(less(text("😀"), text("\xEF\xBF\xBD")));
}

TEST_F(OperatorsTest, TypeofNamesWhatJavaScriptNames) {
    EXPECT_EQ(type_of(Value()), "undefined");
    EXPECT_EQ(type_of(Value::null()), "object");
    EXPECT_EQ(type_of(Value(true)), "boolean");
    EXPECT_EQ(type_of(Value(1)), "number");
    EXPECT_EQ(type_of(text("")), "string");
    EXPECT_EQ(type_of(big(1)), "bigint");
    EXPECT_EQ(type_of(Value(world_.names().symbols[0])), "symbol");
    EXPECT_EQ(type_of(global("Object")), "function");
    EXPECT_EQ(type_of(global("window")), "undefined");
}

TEST_F(OperatorsTest, InAndInstanceofLookThroughPrototypes) {
    const Value object = json(R"({"a":1})");
    EXPECT_TRUE(*in(world_, text("a"), object).take());
    EXPECT_TRUE(*in(world_, text("toString"), object).take());
    EXPECT_FALSE(*in(world_, text("b"), object).take());
    EXPECT_EQ(error_of(in(world_, text("a"), text("abc"))),
              "TypeError: Cannot use 'in' operator to search for 'a' in abc");
    const Value failure = must(make("RangeError", {text("x")}));
    EXPECT_TRUE(*instance_of(world_, failure, global("Error")).take());
    EXPECT_TRUE(*instance_of(world_, failure, global("RangeError")).take());
    EXPECT_FALSE(*instance_of(world_, failure, global("TypeError")).take());
    EXPECT_FALSE(*instance_of(world_, Value(1), global("Number")).take());
    EXPECT_EQ(error_of(instance_of(world_, Value(1), Value(2))),
              "TypeError: Right-hand side of 'instanceof' is not an object");
    EXPECT_EQ(error_of(instance_of(world_, Value(1), object)),
              "TypeError: Right-hand side of 'instanceof' is not callable");
}

TEST_F(OperatorsTest, BigIntsAreExact) {
    using enum BinaryOperator;
    const auto value = [&](std::string_view digits) { return must(run("BigInt", {text(digits)})); };
    EXPECT_EQ(show(binary(world_, kPower, big(2), big(100))),
              R"({"$bigint":"1267650600228229401496703205376"})");
    EXPECT_EQ(show(binary(world_, kMultiply, value("123456789012345678901234567890"), big(-10))),
              R"({"$bigint":"-1234567890123456789012345678900"})");
    EXPECT_EQ(apply(kDivide, big(-7), big(2)), R"({"$bigint":"-3"})");
    EXPECT_EQ(apply(kRemainder, big(-7), big(2)), R"({"$bigint":"-1"})");
    EXPECT_EQ(apply(kDivide, big(1), big(0)), "RangeError: Division by zero");
    EXPECT_EQ(apply(kShiftRight, big(-5), big(1)), R"({"$bigint":"-3"})");
    EXPECT_EQ(apply(kShiftLeft, big(1), big(70)), R"({"$bigint":"1180591620717411303424"})");
    EXPECT_EQ(apply(kBitAnd, big(-1), big(255)), R"({"$bigint":"255"})");
    EXPECT_EQ(apply(kBitOr, big(-256), big(1)), R"({"$bigint":"-255"})");
    EXPECT_EQ(apply(kBitXor, big(-1), big(1)), R"({"$bigint":"-2"})");
    EXPECT_EQ(apply(kShiftRightUnsigned, big(1), big(1)),
              "TypeError: BigInts have no unsigned right shift, use >> instead");
    EXPECT_EQ(show(run("BigInt.asUintN", {Value(64), big(-1)})),
              R"({"$bigint":"18446744073709551615"})");
    EXPECT_EQ(show(run("BigInt.asIntN", {Value(8), big(255)})), R"({"$bigint":"-1"})");
    EXPECT_EQ(show(method(value("255"), "toString", {Value(16)})), R"("ff")");
    EXPECT_EQ(show(run("Number", {value("9007199254740993")})), "9007199254740992");
    EXPECT_EQ(show(run("BigInt", {text("0xff")})), R"({"$bigint":"255"})");
    EXPECT_EQ(error_of(run("BigInt", {text("1.5")})),
              "SyntaxError: Cannot convert 1.5 to a BigInt");
    EXPECT_EQ(error_of(run("BigInt", {Value(1.5)})),
              "RangeError: The number 1.5 cannot be converted to a BigInt because it is not an "
              "integer");
    EXPECT_EQ(apply(kPower, big(2), big(1'000'000'000)),
              "RangeError: Maximum BigInt size exceeded");
    EXPECT_EQ(apply(kShiftLeft, big(1), big(1'000'000'000)),
              "RangeError: Maximum BigInt size exceeded");
}

}  // namespace
}  // namespace realm::values
