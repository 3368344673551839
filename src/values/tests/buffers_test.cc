#include <cstring>

#include "world_fixture.h"

namespace realm::values {
namespace {

class FakeMemory final : public GuestBytes {
public:
    [[nodiscard]] std::span<std::byte> bytes() const override { return bytes_; }
    std::optional<std::uint32_t> grow(std::uint32_t pages) override {
        if (pages > 4) {
            return std::nullopt;
        }
        const auto before = static_cast<std::uint32_t>(bytes_.size() / 65536);
        bytes_.resize(bytes_.size() + std::size_t{65536} * pages);
        return before;
    }

private:
    mutable std::vector<std::byte> bytes_ = std::vector<std::byte>(65536);
};

class BuffersTest : public WorldTest {};

TEST_F(BuffersTest, EveryElementTypeWrapsAsItsClassSays) {
    const auto stored = [&](std::string_view name, const Value& value) {
        const Value array = must(make(name, {Value(1)}));
        must(set(world_, array, Value(0), value));
        return show(get(world_, array, Value(0)));
    };
    EXPECT_EQ(stored("Int8Array", Value(200)), "-56");
    EXPECT_EQ(stored("Uint8Array", Value(-1)), "255");
    EXPECT_EQ(stored("Uint8ClampedArray", Value(300)), "255");
    EXPECT_EQ(stored("Uint8ClampedArray", Value(1.5)), "2");
    EXPECT_EQ(stored("Uint8ClampedArray", Value(2.5)), "2");
    EXPECT_EQ(stored("Int16Array", Value(40000)), "-25536");
    EXPECT_EQ(stored("Uint16Array", Value(65537)), "1");
    EXPECT_EQ(stored("Int32Array", Value(4294967295.0)), "-1");
    EXPECT_EQ(stored("Uint32Array", Value(-1)), "4294967295");
    EXPECT_EQ(stored("Float32Array", Value(0.1)), "0.10000000149011612");
    EXPECT_EQ(stored("Float64Array", Value(0.1)), "0.1");
    EXPECT_EQ(stored("BigInt64Array", big(-1)), R"({"$bigint":"-1"})");
    EXPECT_EQ(stored("BigUint64Array", big(-1)), R"({"$bigint":"18446744073709551615"})");
    EXPECT_EQ(stored("Uint8Array", text("7")), "7");
    const Value bigs = must(make("BigInt64Array", {Value(1)}));
    EXPECT_EQ(error_of(set(world_, bigs, Value(0), Value(1))),
              "TypeError: Cannot convert 1 to a BigInt");
}

TEST_F(BuffersTest, ArraysAreMadeFromWhatTheyAreGiven) {
    EXPECT_EQ(show(make("Uint32Array", {json("[1,2]")})), "[1,2]");
    EXPECT_EQ(show(make("Int16Array", {must(make("Uint8Array", {json("[255]")}))})), "[255]");
    EXPECT_EQ(show(make("Float32Array", {must(make("Set", {json("[1,2]")}))})), "[1,2]");
    EXPECT_EQ(show(make("Uint8Array", {json("[1,2,3]")})), R"({"$bytes":"AQID"})");
    EXPECT_EQ(show(make("Uint8Array")), R"({"$bytes":""})");
    EXPECT_EQ(error_of(make("Uint8Array", {Value(-1)})),
              "RangeError: Invalid typed array length: -1");
    EXPECT_EQ(error_of(run("Uint8Array", {Value(1)})),
              "TypeError: Constructor Uint8Array requires 'new'");
    const Value buffer = must(make("ArrayBuffer", {Value(8)}));
    EXPECT_EQ(error_of(make("Uint32Array", {buffer, Value(2)})),
              "RangeError: start offset of Uint32Array should be a multiple of 4");
    EXPECT_EQ(error_of(make("Uint32Array", {buffer, Value(4), Value(2)})),
              "RangeError: Invalid typed array length: 2");
    EXPECT_EQ(error_of(make("BigInt64Array", {json("[1]")})),
              "TypeError: Cannot convert 1 to a BigInt");
}

TEST_F(BuffersTest, ViewsShareTheirBytesAndSlicesDoNot) {
    const Value array = must(make("Uint8Array", {json("[1,2,3,4]")}));
    const Value view = must(method(array, "subarray", {Value(1), Value(3)}));
    const Value copy = must(method(array, "slice", {Value(1), Value(3)}));
    must(set(world_, array, Value(1), Value(9)));
    EXPECT_EQ(show(run("Array.from", {view})), "[9,3]");
    EXPECT_EQ(show(run("Array.from", {copy})), "[2,3]");
    EXPECT_EQ(show(property(view, "byteOffset")), "1");
    must(method(array, "set", {json("[7,8]"), Value(2)}));
    EXPECT_EQ(show(run("Array.from", {array})), "[1,9,7,8]");
    EXPECT_EQ(error_of(method(array, "set", {json("[7,8]"), Value(3)})),
              "RangeError: offset is out of bounds");
    must(method(array, "set", {view, Value(0)}));
    EXPECT_EQ(show(run("Array.from", {array})), "[9,7,7,8]");
    EXPECT_EQ(show(method(array, "indexOf", {Value(8)})), "3");
    EXPECT_EQ(show(method(array, "join", {text("+")})), R"("9+7+7+8")");
    EXPECT_EQ(show(method(array, "fill", {Value(1), Value(2)})), R"({"$bytes":"CQcBAQ=="})");
    EXPECT_EQ(show(get(world_, array, Value(4))), R"({"$undefined":true})");
}

TEST_F(BuffersTest, DataViewsReadBothOrders) {
    const Value buffer = must(make("ArrayBuffer", {Value(8)}));
    const Value view = must(make("DataView", {buffer}));
    must(method(view, "setUint16", {Value(0), Value(0x1234)}));
    EXPECT_EQ(show(method(view, "getUint16", {Value(0), Value(true)})), "13330");
    EXPECT_EQ(show(method(view, "getUint8", {Value(0)})), "18");
    must(method(view, "setFloat64", {Value(0), Value(1.5), Value(true)}));
    EXPECT_EQ(show(method(view, "getFloat64", {Value(0), Value(true)})), "1.5");
    EXPECT_EQ(error_of(method(view, "getInt32", {Value(5)})),
              "RangeError: Offset is outside the bounds of the DataView");
    EXPECT_EQ(error_of(method(view, "getInt8", {Value(-1)})),
              "RangeError: Offset is outside the bounds of the DataView");
}

TEST_F(BuffersTest, GrowthDetachesWhatSawTheMemory) {
    const auto memory = std::make_shared<FakeMemory>();
    const Ref<MemoryObject> object = make_memory(world_, memory);
    const Value buffer = property(Value(object), "buffer");
    EXPECT_TRUE(property(Value(object), "buffer").same_bits(buffer));
    const Value view = must(make("Uint8Array", {buffer}));
    must(set(world_, view, Value(10), Value(42)));
    EXPECT_EQ(memory->bytes()[10], std::byte{42});
    EXPECT_EQ(show(method(Value(object), "grow", {Value(1)})), "1");
    EXPECT_EQ(show(property(buffer, "byteLength")), "0");
    EXPECT_EQ(show(property(view, "length")), "0");
    EXPECT_EQ(show(get(world_, view, Value(10))), R"({"$undefined":true})");
    must(set(world_, view, Value(10), Value(1)));
    EXPECT_EQ(memory->bytes()[10], std::byte{42});
    const Value next = property(Value(object), "buffer");
    EXPECT_FALSE(next.same_bits(buffer));
    EXPECT_EQ(show(property(next, "byteLength")), "131072");
    EXPECT_EQ(error_of(method(view, "slice")),
              "TypeError: Cannot perform %TypedArray%.prototype.slice on a detached ArrayBuffer");
    EXPECT_EQ(error_of(method(Value(object), "grow", {Value(100)})),
              "RangeError: WebAssembly.Memory.grow(): Maximum memory size exceeded");
}

TEST_F(BuffersTest, TextGoesToBytesAndBack) {
    const Value encoder = must(make("TextEncoder"));
    const Value decoder = must(make("TextDecoder"));
    const Value bytes = must(method(encoder, "encode", {text("héllo 😀")}));
    EXPECT_EQ(show(property(bytes, "length")), "11");
    EXPECT_EQ(show(method(decoder, "decode", {bytes})), R"("héllo 😀")");
    const Value lone = world_.string(std::u16string_view(u"\xD83D", 1));
    EXPECT_EQ(show(method(encoder, "encode", {lone})), R"({"$bytes":"77+9"})");
    const Value bad = json(R"({"$bytes":"/0E="})");
    EXPECT_EQ(show(method(decoder, "decode", {bad})), R"("�A")");
    const Value strict =
        must(make("TextDecoder", {text("utf-8"), json(R"({"fatal":true,"ignoreBOM":true})")}));
    EXPECT_EQ(error_of(method(strict, "decode", {bad})),
              "TypeError: The encoded data was not valid for encoding utf-8");
    const Value marked = json(R"({"$bytes":"77u/QQ=="})");
    EXPECT_EQ(show(method(decoder, "decode", {marked})), R"("A")");
    EXPECT_EQ(must(method(strict, "decode", {marked})).string().length(), 2U);
    EXPECT_EQ(error_of(make("TextDecoder", {text("latin7")})),
              "RangeError: The \"latin7\" encoding is not supported");
    const Value room = must(make("Uint8Array", {Value(4)}));
    EXPECT_EQ(show(method(encoder, "encodeInto", {text("aé😀"), room})),
              R"({"read":2,"written":3})");
}

TEST_F(BuffersTest, StreamsKeepTheBeginningOfACharacter) {
    const Value decoder = must(make("TextDecoder"));
    const Value stream = json(R"({"stream":true})");
    EXPECT_EQ(show(method(decoder, "decode", {json(R"({"$bytes":"YfCf"})"), stream})), R"("a")");
    EXPECT_EQ(show(method(decoder, "decode", {json(R"({"$bytes":"mIA="})"), stream})), R"("😀")");
    EXPECT_EQ(show(method(decoder, "decode")), R"("")");
}

}  // namespace
}  // namespace realm::values
