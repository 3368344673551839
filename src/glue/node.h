// What the functions of a wasm-bindgen package do, as trees of a fixed set of operations over
// JavaScript's values. They are made from the generated glue, travel as JSON in the module's
// sidecar and are carried out by sandbox/bindgen_*.
//
// Order and meaning are JavaScript's: operands from left to right, each once; what an operation
// throws leaves the function unless a kTryCatch is around it. Functions can only refer to others by
// index, so that the sidecar says all that a package may do. Loops and recursion are there: whoever
// carries a tree out counts its steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace realm::glue {

// Behind each: its immediate parts (Node::text, number, index, type), then its operands.
enum class Op : std::uint8_t {
    // Literals.
    kUndefined,
    kNull,
    kTrue,
    kFalse,
    kNumber,    // number
    kString,    // text
    kBigInt,    // text: digits
    kTemplate,  // operands: the text of each (ToString), joined
    kArray,     // operands, of which some may be kSpread
    kObject,    // operands: key, value, key, value, ...
    kRegExp,    // text: source, operand: flags (kString)

    // Names.
    kLocal,        // index: a slot of the function
    kSetLocal,     // index, operand; its value is the operand's
    kVariable,     // index: one of Bindings::variables
    kSetVariable,  // index, operand; its value is the operand's
    kThis,
    kGlobal,    // text; ReferenceError where there is none, but kTypeof of it is "undefined"
    kConstant,  // text: one of Bindings::constants
    kClass,     // text: Class::name; the class itself, as a value
    kFunction,  // index: into Bindings::functions, operands: what it captures. A function value

    // Operators. kAnd, kOr, kCoalesce and kConditional leave out what is not needed.
    kNot,
    kNegate,
    kPlus,
    kBitNot,
    kTypeof,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kRemainder,
    kPower,
    kShiftLeft,
    kShiftRight,
    kShiftRightUnsigned,
    kBitAnd,
    kBitOr,
    kBitXor,
    kLooseEqual,
    kLooseNotEqual,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kInstanceOf,
    kIn,
    kAnd,
    kOr,
    kCoalesce,
    kConditional,
    kIsNone,  // undefined or null

    // Properties. The key of kGet, kSet and kDelete is an operand; that of the others is text.
    kProperty,     // text, object
    kSetProperty,  // text, object, value; its value is the value's
    kGet,          // object, key
    kSet,          // object, key, value
    kDelete,       // object, key

    // Calls. Arguments may be kSpread. The first four say in Node::callee how the glue writes what
    // is called, for "x.y is not a function".
    kCall,      // function value, arguments; `this` is undefined
    kMethod,    // text, object, arguments
    kMethodOf,  // object, key, arguments
    kNew,       // constructor, arguments
    kSuper,     // parent, arguments: of a derived constructor, makes what `this` is from then on
    kCallFunction,  // index into Bindings::functions, arguments; `this` is undefined
    kSpread,        // operand: whatever can be iterated over
    kAllocate,      // text: Class::name. An object of the class whose constructor did not run

    // Statements. The value of kSequence is its last operand's, that of the others is undefined.
    kSequence,
    kIf,          // condition, then, otherwise (may be missing)
    kReturn,      // operand, or nothing
    kThrow,       // operand
    kTryCatch,    // index: the slot for what was thrown or kNoSlot; block, handler
    kTryFinally,  // block, what happens in any case; a return in the latter prevails
    kWhile,  // condition, body, and what follows each turn, also after kContinue (may be missing)
    kForOf,  // index: the slot of each; what is iterated over, body
    kBreak,  // of the innermost loop
    kContinue,

    // The module.
    kWasmCall,    // text: export, arguments. Undefined, a value, or an array of several
    kWasmExport,  // text: the export as a value: its memory, a table, a function
    kExports,     // the object of all exports
    kModule,      // WebAssembly.Module

    // Handles: indices of the slab or of the table of externrefs (Bindings::handles).
    kHandleGet,     // index
    kHandleTake,    // index; gives the value and lets the handle go
    kHandleDrop,    // index
    kHandleAdd,     // value; gives the index
    kHandleBorrow,  // value; an index on the borrow stack of the slab
    kHandleReturn,  // takes the newest off the borrow stack

    // The module's memory.
    kLoad,         // type, address
    kStore,        // type, address, value
    kView,         // type, address, count: a typed array over memory. Without operands: over all
    kText,         // address, length in bytes: a string from UTF-8; an error where it is none
    kTakeHandles,  // address, count: an array of what these handles are, which are let go
    kGetHandles,   // the same, and they stay
    // They allocate in the module with its malloc, copy, and give the address; kVectorLength is the
    // number of elements (bytes of text) of the last of them that ran, in whatever function.
    kPassText,     // value: a string, as UTF-8
    kPassArray,    // type, value: numbers
    kPassHandles,  // value: an array; each becomes a handle
    kVectorLength,

    // Closures of the module.
    kClosure,  // index into Bindings::closures; a, b
    // A function value made by kClosure: lets one reference go and says whether it was the last.
    // index 0: the module itself destroys what the closure then was, 1: the host does.
    kReleaseClosure,
    kDebugText,  // value: the text that wasm-bindgen's debugString gives
};

// The elements of kLoad, kStore, kView and kPassArray.
enum class Element : std::uint8_t {
    kI8,
    kU8,
    kClamped,
    kI16,
    kU16,
    kI32,
    kU32,
    kI64,
    kU64,
    kF32,
    kF64
};

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

// A value; owns its operands.
struct Node {
    Op op = Op::kUndefined;
    Element type = Element::kI8;
    std::uint32_t index = 0;
    double number = 0;
    std::string text{};
    std::string callee{};  // may be empty
    std::vector<Node> operands{};

    friend bool operator==(const Node&, const Node&) = default;
};

// How an operation is written in JSON, ["name", immediate parts..., operands...] and, where there
// is one, Node::callee at the end; and what belongs to it.
struct OpRow {
    Op op;
    std::string_view name;
    bool has_text;
    bool has_number;
    bool has_index;
    bool has_type;
    std::size_t min_operands;
    std::size_t max_operands;
};

const OpRow& op_row(Op op);
// Whether it may have a Node::callee.
bool calls_a_value(Op op);
std::string_view element_name(Element type);
std::optional<Element> element_named(std::string_view name);
// In bytes.
std::uint32_t element_size(Element type);

// What a tree may hold. Both ends know the same numbers: a sidecar may come from a stranger.
inline constexpr std::size_t kMaxNodeDepth = 200;
inline constexpr std::size_t kMaxNodes = 2'000'000;  // of a sidecar, all together
inline constexpr std::size_t kMaxCalleeBytes = 200;

nlohmann::json to_json(const Node& node);

// Reads a tree; `left` is how many nodes may still come and is lowered by those that came.
// invalid_request/invalid_bindings names what is wrong and where.
Result<Node> read_node(const nlohmann::json& json, std::size_t& left);

}  // namespace realm::glue
