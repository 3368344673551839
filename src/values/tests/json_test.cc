#include <utility>

#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class JsonTest : public WorldTest {
protected:
    std::string parse_error(std::string_view source) {
        return error_of(parse_json(world_, text(source).string()));
    }
    std::string written(const Value& value, Value replacer = {}, Value space = {}) {
        auto done = stringify_json(world_, value, std::move(replacer), std::move(space)).take();
        if (!done) {
            return error_text(done.error());
        }
        return done->is_string() ? done->string().utf8() : "undefined";
    }
};

TEST_F(JsonTest, ParsesWhatJsonIs) {
    EXPECT_EQ(
        show(parse_json(
            world_, text(R"( {"a":[1,-2.5e3,true,null],"b":"é\n\u00e9\ud83d\ude00"} )").string())),
        R"({"a":[1,-2500,true,null],"b":"é\né😀"})");
    EXPECT_EQ(show(parse_json(world_, text("[]").string())), "[]");
    EXPECT_EQ(show(parse_json(world_, text("-0").string())), R"({"$number":"-0"})");
    EXPECT_EQ(show(parse_json(world_, text(R"({"a":1,"a":2})").string())), R"({"a":2})");
    EXPECT_EQ(show(parse_json(world_, text(R"({"__proto__":1})").string())), R"({"__proto__":1})");
}

TEST_F(JsonTest, ErrorsAreV8s) {
    EXPECT_EQ(parse_error("abc"), R"(SyntaxError: Unexpected token 'a', "abc" is not valid JSON)");
    EXPECT_EQ(parse_error(""), "SyntaxError: Unexpected end of JSON input");
    EXPECT_EQ(parse_error("nul"), "SyntaxError: Unexpected end of JSON input");
    EXPECT_EQ(parse_error("{"), "SyntaxError: Expected property name or '}' in JSON at position 1");
    EXPECT_EQ(parse_error(R"({"a":1,})"),
              "SyntaxError: Expected double-quoted property name in JSON at position 7");
    EXPECT_EQ(parse_error(R"({"a" 1})"),
              "SyntaxError: Expected ':' after property name in JSON at position 5");
    EXPECT_EQ(parse_error("[1 2]"),
              "SyntaxError: Expected ',' or ']' after array element in JSON at position 3");
    EXPECT_EQ(parse_error("[1,2"),
              "SyntaxError: Expected ',' or ']' after array element in JSON at position 4");
    EXPECT_EQ(parse_error(R"({"a":1 "b":2})"),
              "SyntaxError: Expected ',' or '}' after property value in JSON at position 7");
    EXPECT_EQ(parse_error("\"abc"), "SyntaxError: Unterminated string in JSON at position 4");
    EXPECT_EQ(parse_error("\"a\nb\""),
              "SyntaxError: Bad control character in string literal in JSON at position 2");
    EXPECT_EQ(parse_error(R"("\x")"), "SyntaxError: Bad escaped character in JSON at position 2");
    EXPECT_EQ(parse_error(R"("\u12")"), "SyntaxError: Bad Unicode escape in JSON at position 5");
    EXPECT_EQ(parse_error("\"a\\"), "SyntaxError: Unexpected end of JSON input");
    EXPECT_EQ(parse_error("01"), "SyntaxError: Unexpected number in JSON at position 1");
    EXPECT_EQ(parse_error("1."),
              "SyntaxError: Unterminated fractional number in JSON at position 2");
    EXPECT_EQ(parse_error("1e"),
              "SyntaxError: Exponent part is missing a number in JSON at position 2");
    EXPECT_EQ(parse_error("-"), "SyntaxError: No number after minus sign in JSON at position 1");
    EXPECT_EQ(parse_error("[1]x"),
              "SyntaxError: Unexpected non-whitespace character after JSON at position 3");
    EXPECT_EQ(parse_error("[,]"), R"(SyntaxError: Unexpected token ',', "[,]" is not valid JSON)");
    EXPECT_EQ(parse_error("undefined"), R"(SyntaxError: "undefined" is not valid JSON)");
    EXPECT_EQ(parse_error(std::string(60, 'x')),
              R"(SyntaxError: Unexpected token 'x', "xxxxxxxxxx"... is not valid JSON)");
    EXPECT_EQ(parse_error("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,x]"),
              R"(SyntaxError: Unexpected token 'x', ...",15,16,17,x]" is not valid JSON)");
    EXPECT_EQ(
        parse_error("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,x,1,2,3,4,5,6,7,8,9]"),
        R"(SyntaxError: Unexpected token 'x', ...",18,19,20,x,1,2,3,4,"... is not valid JSON)");
}

TEST_F(JsonTest, WritesWhatHasJson) {
    EXPECT_EQ(written(json(R"({"a":[1,"x",null,true],"b":{"$undefined":true}})")),
              R"({"a":[1,"x",null,true]})");
    EXPECT_EQ(written(json(R"([{"$undefined":true},{"$number":"NaN"},{"$number":"-0"}])")),
              "[null,null,0]");
    EXPECT_EQ(written(Value()), "undefined");
    EXPECT_EQ(written(global("Object")), "undefined");
    EXPECT_EQ(written(text("\"\\\b\f\n\r\t\x01/é")), R"("\"\\\b\f\n\r\t\u0001/é")");
    EXPECT_EQ(written(world_.string(std::u16string_view(u"\xD83D", 1))), R"("\ud83d")");
    EXPECT_EQ(written(text("😀")), R"("😀")");
    EXPECT_EQ(written(must(make("Map"))), "{}");
    EXPECT_EQ(written(must(make("Date", {Value(0)}))), R"("1970-01-01T00:00:00.000Z")");
    EXPECT_EQ(written(must(make("Uint8Array", {json("[1,2]")}))), R"({"0":1,"1":2})");
    EXPECT_EQ(written(must(make("Number", {Value(3)}))), "3");
    EXPECT_EQ(written(big(1)), "TypeError: Do not know how to serialize a BigInt");
}

TEST_F(JsonTest, SpacesReplacersAndToJson) {
    EXPECT_EQ(written(json(R"({"a":[1,{}],"b":{}})"), {}, Value(2)),
              "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {}\n}");
    EXPECT_EQ(written(json("[1]"), {}, text("--")), "[\n--1\n]");
    EXPECT_EQ(written(json(R"({"a":1,"b":2,"c":{"a":3}})"), json(R"(["a","c"])")),
              R"({"a":1,"c":{"a":3}})");
    const Value doubles = function(+[](World& /*world*/, Call call) -> Eventual<Value> {
        const Value& value = call.argument(1);
        return value.is_number() ? Value(value.number() * 2) : value;
    });
    EXPECT_EQ(written(json(R"({"a":1,"b":[2]})"), doubles), R"({"a":2,"b":[4]})");
    const Value object = world_.object();
    must(set(world_, object, text("toJSON"),
             function(+[](World& world, Call call) -> Eventual<Value> {
                 return world.string("key " + call.argument(0).string().utf8());
             })));
    EXPECT_EQ(written(list({object})), R"(["key 0"])");
    const Value revived = must(run("JSON.parse", {text(R"({"a":1,"b":[2]})"), doubles}));
    EXPECT_EQ(show(revived), R"({"a":2,"b":[4]})");
}

TEST_F(JsonTest, CirclesAreDrawn) {
    const Value a = json(R"({"a":{"b":1}})");
    must(set(world_, property(a, "a"), text("c"), a));
    EXPECT_EQ(written(a),
              "TypeError: Converting circular structure to JSON\n"
              "    --> starting at object with constructor 'Object'\n"
              "    |     property 'a' -> object with constructor 'Object'\n"
              "    --- property 'c' closes the circle");
    const Value self = world_.object();
    must(set(world_, self, text("e"), self));
    EXPECT_EQ(written(self),
              "TypeError: Converting circular structure to JSON\n"
              "    --> starting at object with constructor 'Object'\n"
              "    --- property 'e' closes the circle");
    const Value inner = json("[1,{}]");
    const Value outer = world_.object();
    must(set(world_, outer, text("a"), inner));
    must(set(world_, must(get(world_, inner, Value(1))), text("y"), list({inner})));
    EXPECT_EQ(written(outer),
              "TypeError: Converting circular structure to JSON\n"
              "    --> starting at object with constructor 'Array'\n"
              "    |     index 1 -> object with constructor 'Object'\n"
              "    |     property 'y' -> object with constructor 'Array'\n"
              "    --- index 0 closes the circle");
}

// --- Steps of `realm call` -----------------------------------------------------------------------

class Names final : public StepNames {
public:
    explicit Names(World& world) : world_(world), known(world.object()) {}
    std::optional<std::string> print(Object& object, std::string_view path) override {
        return &object == known.get()
                   ? std::optional(R"({"$ref":"it)" + std::string(path) + R"("})")
                   : std::nullopt;
    }
    std::optional<Value> find(std::string_view name) override {
        return name == "it" ? std::optional(Value(known)) : std::nullopt;
    }
    Value callback(std::string_view name, const Value& returns) override {
        return list_of(name, returns);
    }

private:
    Value list_of(std::string_view name, const Value& returns) {
        return world_.array({world_.string(name), returns});
    }
    World& world_;

public:
    Ref<Object> known;
};

TEST_F(JsonTest, StepsReadAndPrintEveryForm) {
    for (const std::string_view form :
         {R"({"$undefined":true})", "null", "true", "1.5", R"("é")",
          R"({"$bigint":"12345678901234567890"})", R"({"$bytes":"AQID"})",
          R"({"$map":[["a",{"$set":[1]}]]})", R"({"$number":"NaN"})", R"({"$number":"-Infinity"})",
          R"({"$date":"2024-05-06T07:08:09.010Z"})", R"({"$error":"no"})", R"({"$symbol":"s"})",
          R"({"b":[{"$undefined":true}],"a":{}})"}) {
        EXPECT_EQ(show(json(form)), form);
    }
    EXPECT_EQ(show(json(R"({"$array":"Float32Array","values":[1.5,2]})")), "[1.5,2]");
    EXPECT_EQ(show(json(R"({"$array":"BigUint64Array","values":[{"$bigint":"1"}]})")),
              R"([{"$bigint":"1"}])");
    EXPECT_EQ(show(property(global("Object"), "keys")), R"({"$function":true})");
    const Value cycle = list({});
    must(method(cycle, "push", {cycle}));
    EXPECT_EQ(show(cycle), R"([{"$cycle":true}])");
    EXPECT_EQ(show(must(make("ArrayBuffer", {Value(2)}))), R"({"$bytes":"AAA="})");
}

TEST_F(JsonTest, StepsKnowNamesAndCallbacks) {
    Names names(world_);
    const auto printed = [&](const Value& value) {
        return must(print_step(world_, value, names)).string().utf8();
    };
    const auto read = [&](std::string_view source) {
        return must(read_step(world_, source, names));
    };
    EXPECT_TRUE(read(R"({"$ref":"it"})").same_bits(Value(names.known)));
    EXPECT_EQ(printed(Value(names.known)), R"({"$ref":"it"})");
    const Value nested = world_.object();
    must(set(world_, nested, text("list"), list({Value(1), Value(names.known)})));
    EXPECT_EQ(printed(nested), R"({"list":[1,{"$ref":"it.list.1"}]})");
    EXPECT_EQ(printed(read(R"({"$callback":"cb","returns":{"$bigint":"1"}})")),
              R"(["cb",{"$bigint":"1"}])");
    EXPECT_EQ(printed(read(R"({"$callback":"cb"})")), R"(["cb",{"$undefined":true}])");
}

TEST_F(JsonTest, StepsThatAreNoneAreRefused) {
    NoNames names;
    const auto refused = [&](std::string_view source) {
        auto done = read_step(world_, source, names);
        if (done || !done.error().is_fault()) {
            return std::string("taken");
        }
        EXPECT_EQ(done.error().fault().type, ErrorType::kInvalidRequest);
        return done.error().fault().code + ": " + done.error().fault().message;
    };
    EXPECT_EQ(refused("{"), "bad_step: Expected property name or '}' in JSON at position 1");
    EXPECT_EQ(refused(R"({"$ref":"x"})"), R"(bad_step: no step gave "x")");
    EXPECT_EQ(refused(R"({"$bigint":"1.5"})"), R"(bad_step: "1.5" is no integer)");
    EXPECT_EQ(refused(R"({"$bytes":"?"})"), R"(bad_step: "$bytes" needs base 64)");
    EXPECT_EQ(refused(R"({"$map":[[1]]})"), R"(bad_step: "$map" needs an array of pairs)");
    EXPECT_EQ(refused(R"({"$what":"x"})"), R"(bad_step: "$what" is no form of a value)");
    EXPECT_EQ(refused(R"({"$bytes":1})"), R"(bad_step: "$bytes" needs a string)");
    EXPECT_EQ(refused(R"({"$array":"Foo","values":[]})"),
              R"(bad_step: "Foo" is no class of arrays)");
    EXPECT_EQ(refused(std::string(200, '[') + std::string(200, ']')),
              "bad_step: an argument is nested too deep");
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
