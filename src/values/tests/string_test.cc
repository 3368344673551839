#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class StringTest : public WorldTest {
protected:
    std::string ask(std::string_view self, std::string_view name, Values arguments = {}) {
        return show(method(text(self), name, std::move(arguments)));
    }
};

TEST_F(StringTest, LengthsAndIndicesCountUnitsOfUtf16) {
    EXPECT_EQ(show(property(text("aé😀"), "length")), "4");
    EXPECT_EQ(ask("aé😀", "charCodeAt", {Value(2)}), "55357");
    EXPECT_EQ(ask("aé😀", "codePointAt", {Value(2)}), "128512");
    EXPECT_EQ(ask("aé😀", "at", {Value(-3)}), R"("é")");
    EXPECT_EQ(ask("abc", "charAt", {Value(9)}), R"("")");
    EXPECT_EQ(ask("abc", "charCodeAt", {Value(9)}), R"({"$number":"NaN"})");
    EXPECT_EQ(show(get(world_, text("abc"), Value(1))), R"("b")");
    EXPECT_EQ(ask("aé😀", "slice", {Value(1), Value(4)}), R"("é😀")");
    EXPECT_EQ(ask("aé😀", "slice", {Value(2), Value(3)}), R"("\ud83d")");
    EXPECT_EQ(show(run("String.fromCharCode", {Value(55357), Value(56832)})), R"("😀")");
    EXPECT_EQ(show(run("String.fromCodePoint", {Value(128512)})), R"("😀")");
    EXPECT_EQ(error_of(run("String.fromCodePoint", {Value(-1)})),
              "RangeError: Invalid code point -1");
}

TEST_F(StringTest, KnowsAsciiWhereverTheOtherByteStands) {
    for (std::size_t size = 0; size < 100; ++size) {
        std::string bytes(size, '\x7f');
        EXPECT_TRUE(is_ascii(bytes)) << size;
        for (std::size_t at = 0; at < size; ++at) {
            bytes[at] = '\x80';
            EXPECT_FALSE(is_ascii(bytes)) << size << " " << at;
            bytes[at] = '\x7f';
        }
    }
}

TEST_F(StringTest, SearchesAndCuts) {
    EXPECT_EQ(ask("hello", "indexOf", {text("l")}), "2");
    EXPECT_EQ(ask("hello", "lastIndexOf", {text("l")}), "3");
    EXPECT_EQ(ask("hello", "includes", {text("ell")}), "true");
    EXPECT_EQ(ask("hello", "startsWith", {text("ll"), Value(2)}), "true");
    EXPECT_EQ(ask("hello", "endsWith", {text("ell"), Value(4)}), "true");
    EXPECT_EQ(ask("hello", "substring", {Value(3), Value(1)}), R"("el")");
    EXPECT_EQ(ask("hello", "substr", {Value(-3), Value(2)}), R"("ll")");
    EXPECT_EQ(ask("a,b,,c", "split", {text(",")}), R"(["a","b","","c"])");
    EXPECT_EQ(ask("a,b,c", "split", {text(","), Value(2)}), R"(["a","b"])");
    EXPECT_EQ(ask("abc", "split", {text("")}), R"(["a","b","c"])");
    EXPECT_EQ(ask("abc", "split"), R"(["abc"])");
    EXPECT_EQ(ask("", "split", {text("")}), "[]");
    EXPECT_EQ(ask(" \t x \n\xC2\xA0", "trim"), R"("x")");
    EXPECT_EQ(ask(" x ", "trimEnd"), R"(" x")");
}

TEST_F(StringTest, BuildsNewText) {
    EXPECT_EQ(ask("5", "padStart", {Value(4), text("ab")}), R"("aba5")");
    EXPECT_EQ(ask("5", "padEnd", {Value(3)}), R"("5  ")");
    EXPECT_EQ(ask("ab", "repeat", {Value(3)}), R"("ababab")");
    EXPECT_EQ(error_of(method(text("ab"), "repeat", {Value(-1)})),
              "RangeError: Invalid count value: -1");
    EXPECT_EQ(error_of(method(text("ab"), "repeat", {Value(1e9)})),
              "RangeError: Invalid string length");
    EXPECT_EQ(ask("a-b-c", "replace", {text("-"), text("+")}), R"("a+b-c")");
    EXPECT_EQ(ask("a-b-c", "replaceAll", {text("-"), text("[$&$$]")}), R"("a[-$]b[-$]c")");
    EXPECT_EQ(ask("abc", "replaceAll", {text(""), text("_")}), R"("_a_b_c_")");
    EXPECT_EQ(ask("abc", "replace", {text("b"), text("$`|$'")}), R"("aa|cc")");
    const Value shout = function(+[](World& world, Call call) -> Eventual<Value> {
        return world.string(call.argument(0).string().utf8() + "@" +
                            number_to_text(call.argument(1).number()));
    });
    EXPECT_EQ(ask("xyx", "replaceAll", {text("x"), shout}), R"("x@0yx@2")");
    EXPECT_EQ(ask("a", "concat", {Value(1), Value::null()}), R"("a1null")");
}

TEST_F(StringTest, CaseGoesBeyondAscii) {
    EXPECT_EQ(ask("Straße ÀÉ Ω я", "toUpperCase"), R"("STRASSE ÀÉ Ω Я")");
    EXPECT_EQ(ask("ÀÉ ΩΣ ЯÿŸ Ā", "toLowerCase"), R"("àé ως яÿÿ ā")");
    EXPECT_EQ(ask("ABC", "toLowerCase"), R"("abc")");
}

TEST_F(StringTest, ComparesAndNormalisesWhatItKnows) {
    EXPECT_EQ(ask("a", "localeCompare", {text("B")}), "-1");
    EXPECT_EQ(ask("a", "localeCompare", {text("A")}), "-1");
    EXPECT_EQ(ask("a", "localeCompare", {text("a")}), "0");
    EXPECT_EQ(ask("b", "localeCompare", {text("a")}), "1");
    EXPECT_EQ(ask("é", "normalize"), R"("é")");
    EXPECT_EQ(error_of(method(text("é"), "normalize", {text("NFD")})),
              "Error: String.prototype.normalize is not supported for this text");
    EXPECT_EQ(error_of(method(text("a"), "normalize", {text("X")})),
              "RangeError: The normalization form should be one of NFC, NFD, NFKC, NFKD.");
}

TEST_F(StringTest, RegularExpressionsFailByName) {
    const Value expression = must(make("RegExp", {text("a+"), text("g")}));
    EXPECT_EQ(show(method(expression, "toString")), R"("/a+/g")");
    EXPECT_EQ(error_of(method(expression, "test", {text("a")})),
              "Error: Regular expressions are not supported");
    EXPECT_EQ(error_of(method(text("a"), "replace", {expression, text("b")})),
              "Error: Regular expressions are not supported");
    EXPECT_EQ(error_of(method(text("a"), "match", {expression})),
              "Error: Regular expressions are not supported");
}

TEST_F(StringTest, ThisMustBeThere) {
    const Value trim = property(text(""), "trim");
    EXPECT_EQ(error_of(call(world_, trim, Value(), {})),
              "TypeError: String.prototype.trim called on null or undefined");
    EXPECT_EQ(show(call(world_, trim, Value(5), {})), R"("5")");
    EXPECT_EQ(show(run("String", {world_.names().symbols[0]})), R"x("Symbol(Symbol.iterator)")x");
    EXPECT_EQ(show(property(must(make("String", {text("ab")})), "length")), "2");
}

TEST_F(StringTest, MalformedBytesBecomeReplacementCharacters) {
    const auto decoded = [&](std::string_view bytes) {
        return world_.string(bytes).string().utf8();
    };
    EXPECT_EQ(decoded("\xC3\xA9"), "é");
    EXPECT_EQ(decoded("a\xFF"
                      "b"),
              "a�b");
    EXPECT_EQ(decoded("\xE2\x82"), "�");
    EXPECT_EQ(decoded("\xE2\x82"
                      "A"),
              "�A");
    EXPECT_EQ(decoded("\xC0\x80"), "��");
    EXPECT_EQ(decoded("\xF0\x9F\x98\x80\xF0\x9F"), "😀�");
    EXPECT_EQ(decoded("\xF4\x90\x80\x80"), "����");
}

TEST_F(StringTest, UriEscapes) {
    EXPECT_EQ(show(run("encodeURIComponent", {text("a b/é😀")})),
              R"("a%20b%2F%C3%A9%F0%9F%98%80")");
    EXPECT_EQ(show(run("encodeURI", {text("a b/?")})), R"("a%20b/?")");
    EXPECT_EQ(show(run("decodeURIComponent", {text("%F0%9F%98%80%2F")})), R"("😀/")");
    EXPECT_EQ(show(run("decodeURI", {text("%2F%20")})), R"("%2F ")");
    EXPECT_EQ(error_of(run("decodeURIComponent", {text("%E9")})), "URIError: URI malformed");
    EXPECT_EQ(
        error_of(run("encodeURIComponent", {world_.string(std::u16string_view(u"\xD83D", 1))})),
        "URIError: URI malformed");
    EXPECT_EQ(show(run("btoa", {text("hi")})), R"("aGk=")");
    EXPECT_EQ(show(run("atob", {text("aGk=")})), R"("hi")");
    EXPECT_EQ(error_of(run("btoa", {text("Ω")})), "InvalidCharacterError: Invalid character");
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
