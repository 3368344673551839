// JavaScript as a tree, as far as generated glue and what stands around it need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace realm::glue {

// Behind each: Js::text, then Js::kids. A kid may be kNothing where a part is left out.
enum class JsKind : std::uint8_t {
    kNothing,
    // Expressions.
    kName,      // text
    kNumber,    // number
    kString,    // text: its value
    kBigInt,    // text: digits
    kRegExp,    // text: as written
    kTemplate,  // strings and expressions
    kTagged,    // function, template
    kTrue,
    kFalse,
    kNull,
    kThis,
    kSuper,
    kArray,        // items
    kObject,       // kPair, kSpread, functions (methods)
    kPair,         // key (kString, or any if computed), value; also in patterns
    kSpread,       // also the rest of parameters and patterns
    kFunction,     // text: name; parameters..., body last (a kBlock; of an arrow, any expression)
    kClass,        // text: name; parent, members: kFunction, kField, static kBlock
    kField,        // text: name; value. Of a class
    kUnary,        // text: operator
    kUpdate,       // text: "++" or "--"; kPrefix
    kBinary,       // text: operator, also "&&", "||", "??", "in", "instanceof"
    kAssign,       // text: operator; target, value. In patterns: "=" gives the default
    kConditional,  // condition, then, otherwise
    kMember,       // text: property; object
    kIndex,        // object, key
    kCall,         // function, arguments
    kNew,          // constructor, arguments
    kComma,        // expressions
    kAwait,
    kYield,
    kMeta,  // text: "import.meta", "new.target", "import()"
    // Statements.
    kBlock,       // statements
    kVar,         // text: "var", "let", "const"; kPair of target and value (or kNothing)
    kExpression,  // expression
    kIf,          // condition, then, otherwise
    kReturn,      // value or kNothing
    kThrow,
    kTry,         // block, parameter, handler, what comes finally; kNothing where there is none
    kWhile,       // condition, body
    kDoWhile,     // condition, body
    kFor,         // start, condition, step, body
    kForIn,       // declaration or target, object, body
    kForOf,       // the same
    kBreak,       // text: label
    kContinue,    // text: label
    kLabel,       // text; statement
    kSwitch,      // value, then kCase
    kCase,        // test or kNothing (default), statements
    kImport,      // text: from; kPair of kString (name there, "*" or "default") and kName
    kExport,      // a declaration, or an expression (text: "default")
    kExportList,  // text: from or empty; kPair of kString (name here) and kString (name outside)
    kUnread,      // text: why what stood here could not be read
};

// What else a function is; kPrefix is kUpdate's, kOptional that of kMember, kIndex and kCall.
enum JsFlag : std::uint8_t {
    kArrow = 1,
    kAsync = 2,
    kGenerator = 4,
    kStatic = 8,
    kGetter = 16,
    kSetter = 32,
    kComputed = 64,  // its name is the first kid
    kPrefix = 1,
    kOptional = 2,
};

// A node; lives in its JsTree.
struct Js {
    JsKind kind = JsKind::kNothing;
    std::uint8_t flags = 0;
    std::uint16_t depth = 1;  // of what is below it
    std::string_view text{};
    double number = 0;
    std::size_t begin = 0;  // where in the source
    std::vector<Js*> kids{};

    [[nodiscard]] bool is(JsKind other) const { return kind == other; }
    [[nodiscard]] bool is(JsKind other, std::string_view with) const {
        return kind == other && text == with;
    }
    [[nodiscard]] bool has(JsFlag flag) const { return (flags & flag) != 0; }
    [[nodiscard]] const Js& kid(std::size_t i) const { return *kids[i]; }
    // Of a function.
    [[nodiscard]] const Js& body() const { return *kids.back(); }
    [[nodiscard]] std::size_t parameters() const { return kids.size() - 1; }
};

// Owns the nodes and the values of strings. The source outlives it.
class JsTree {
public:
    Js& make(JsKind kind, std::size_t begin) {
        Js& node = nodes_.emplace_back();
        node.kind = kind;
        node.begin = begin;
        return node;
    }
    std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

    const Js* program = nullptr;  // a kBlock

private:
    std::deque<Js> nodes_;
    std::deque<std::string> texts_;
};

}  // namespace realm::glue
