#include "glue/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace realm::glue {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

constexpr OpRow plain(Op op, std::string_view name, std::size_t least, std::size_t most) {
    return {.op = op,
            .name = name,
            .has_text = false,
            .has_number = false,
            .has_index = false,
            .has_type = false,
            .min_operands = least,
            .max_operands = most};
}

constexpr OpRow with_text(Op op, std::string_view name, std::size_t least, std::size_t most) {
    OpRow row = plain(op, name, least, most);
    row.has_text = true;
    return row;
}

constexpr OpRow with_index(Op op, std::string_view name, std::size_t least, std::size_t most) {
    OpRow row = plain(op, name, least, most);
    row.has_index = true;
    return row;
}

constexpr OpRow with_type(Op op, std::string_view name, std::size_t least, std::size_t most) {
    OpRow row = plain(op, name, least, most);
    row.has_type = true;
    return row;
}

constexpr OpRow number_row() {
    OpRow row = plain(Op::kNumber, "number", 0, 0);
    row.has_number = true;
    return row;
}

// In the order of the enumeration, which a test checks.
constexpr std::array kRows{
    plain(Op::kUndefined, "undefined", 0, 0),
    plain(Op::kNull, "null", 0, 0),
    plain(Op::kTrue, "true", 0, 0),
    plain(Op::kFalse, "false", 0, 0),
    number_row(),
    with_text(Op::kString, "string", 0, 0),
    with_text(Op::kBigInt, "bigint", 0, 0),
    plain(Op::kTemplate, "template", 0, kAny),
    plain(Op::kArray, "array", 0, kAny),
    plain(Op::kObject, "object", 0, kAny),
    with_text(Op::kRegExp, "regexp", 1, 1),
    with_index(Op::kLocal, "local", 0, 0),
    with_index(Op::kSetLocal, "set_local", 1, 1),
    with_index(Op::kVariable, "variable", 0, 0),
    with_index(Op::kSetVariable, "set_variable", 1, 1),
    plain(Op::kThis, "this", 0, 0),
    with_text(Op::kGlobal, "global", 0, 0),
    with_text(Op::kConstant, "constant", 0, 0),
    with_text(Op::kClass, "class", 0, 0),
    with_index(Op::kFunction, "function", 0, kAny),
    plain(Op::kNot, "!", 1, 1),
    plain(Op::kNegate, "negate", 1, 1),
    plain(Op::kPlus, "plus", 1, 1),
    plain(Op::kBitNot, "~", 1, 1),
    plain(Op::kTypeof, "typeof", 1, 1),
    plain(Op::kAdd, "+", 2, 2),
    plain(Op::kSubtract, "-", 2, 2),
    plain(Op::kMultiply, "*", 2, 2),
    plain(Op::kDivide, "/", 2, 2),
    plain(Op::kRemainder, "%", 2, 2),
    plain(Op::kPower, "**", 2, 2),
    plain(Op::kShiftLeft, "<<", 2, 2),
    plain(Op::kShiftRight, ">>", 2, 2),
    plain(Op::kShiftRightUnsigned, ">>>", 2, 2),
    plain(Op::kBitAnd, "&", 2, 2),
    plain(Op::kBitOr, "|", 2, 2),
    plain(Op::kBitXor, "^", 2, 2),
    plain(Op::kLooseEqual, "==", 2, 2),
    plain(Op::kLooseNotEqual, "!=", 2, 2),
    plain(Op::kEqual, "===", 2, 2),
    plain(Op::kNotEqual, "!==", 2, 2),
    plain(Op::kLess, "<", 2, 2),
    plain(Op::kLessEqual, "<=", 2, 2),
    plain(Op::kGreater, ">", 2, 2),
    plain(Op::kGreaterEqual, ">=", 2, 2),
    plain(Op::kInstanceOf, "instanceof", 2, 2),
    plain(Op::kIn, "in", 2, 2),
    plain(Op::kAnd, "&&", 2, 2),
    plain(Op::kOr, "||", 2, 2),
    plain(Op::kCoalesce, "??", 2, 2),
    plain(Op::kConditional, "?", 3, 3),
    plain(Op::kIsNone, "is_none", 1, 1),
    with_text(Op::kProperty, "property", 1, 1),
    with_text(Op::kSetProperty, "set_property", 2, 2),
    plain(Op::kGet, "get", 2, 2),
    plain(Op::kSet, "set", 3, 3),
    plain(Op::kDelete, "delete", 2, 2),
    plain(Op::kCall, "call", 1, kAny),
    with_text(Op::kMethod, "method", 1, kAny),
    plain(Op::kMethodOf, "method_of", 2, kAny),
    plain(Op::kNew, "new", 1, kAny),
    plain(Op::kSuper, "super", 1, kAny),
    with_index(Op::kCallFunction, "call_function", 0, kAny),
    plain(Op::kSpread, "spread", 1, 1),
    with_text(Op::kAllocate, "allocate", 0, 0),
    plain(Op::kSequence, "sequence", 0, kAny),
    plain(Op::kIf, "if", 2, 3),
    plain(Op::kReturn, "return", 0, 1),
    plain(Op::kThrow, "throw", 1, 1),
    with_index(Op::kTryCatch, "try_catch", 2, 2),
    plain(Op::kTryFinally, "try_finally", 2, 2),
    plain(Op::kWhile, "while", 2, 3),
    with_index(Op::kForOf, "for_of", 2, 2),
    plain(Op::kBreak, "break", 0, 0),
    plain(Op::kContinue, "continue", 0, 0),
    with_text(Op::kWasmCall, "wasm_call", 0, kAny),
    with_text(Op::kWasmExport, "wasm_export", 0, 0),
    plain(Op::kExports, "exports", 0, 0),
    plain(Op::kModule, "module", 0, 0),
    plain(Op::kHandleGet, "handle_get", 1, 1),
    plain(Op::kHandleTake, "handle_take", 1, 1),
    plain(Op::kHandleDrop, "handle_drop", 1, 1),
    plain(Op::kHandleAdd, "handle_add", 1, 1),
    plain(Op::kHandleBorrow, "handle_borrow", 1, 1),
    plain(Op::kHandleReturn, "handle_return", 0, 0),
    with_type(Op::kLoad, "load", 1, 1),
    with_type(Op::kStore, "store", 2, 2),
    with_type(Op::kView, "view", 0, 2),
    plain(Op::kText, "text", 2, 2),
    plain(Op::kTakeHandles, "take_handles", 2, 2),
    plain(Op::kGetHandles, "get_handles", 2, 2),
    plain(Op::kPassText, "pass_text", 1, 1),
    with_type(Op::kPassArray, "pass_array", 1, 1),
    plain(Op::kPassHandles, "pass_handles", 1, 1),
    plain(Op::kVectorLength, "vector_length", 0, 0),
    with_index(Op::kClosure, "closure", 2, 2),
    with_index(Op::kReleaseClosure, "release_closure", 1, 1),
    plain(Op::kDebugText, "debug_text", 1, 1),
};

struct ElementRow {
    Element type;
    std::string_view name;
    std::uint32_t size;
};

constexpr std::array kElements{
    ElementRow{.type = Element::kI8, .name = "i8", .size = 1},
    ElementRow{.type = Element::kU8, .name = "u8", .size = 1},
    ElementRow{.type = Element::kClamped, .name = "clamped", .size = 1},
    ElementRow{.type = Element::kI16, .name = "i16", .size = 2},
    ElementRow{.type = Element::kU16, .name = "u16", .size = 2},
    ElementRow{.type = Element::kI32, .name = "i32", .size = 4},
    ElementRow{.type = Element::kU32, .name = "u32", .size = 4},
    ElementRow{.type = Element::kI64, .name = "i64", .size = 8},
    ElementRow{.type = Element::kU64, .name = "u64", .size = 8},
    ElementRow{.type = Element::kF32, .name = "f32", .size = 4},
    ElementRow{.type = Element::kF64, .name = "f64", .size = 8},
};

std::unexpected<Error> invalid(std::string what) {
    return fail(ErrorType::kInvalidRequest, "invalid_bindings", std::move(what));
}

Json number_json(double number) {
    if (std::isnan(number)) {
        return "NaN";
    }
    if (std::isinf(number)) {
        return number < 0 ? "-Infinity" : "Infinity";
    }
    constexpr double kExact = 9007199254740992.0;
    if (std::abs(number) < kExact && number == std::floor(number) &&
        (number != 0 || !std::signbit(number))) {
        return static_cast<std::int64_t>(number);
    }
    return number;
}

std::optional<double> number_of(const Json& json) {
    if (json.is_number()) {
        return json.get<double>();
    }
    if (json == "NaN") {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (json == "Infinity") {
        return std::numeric_limits<double>::infinity();
    }
    if (json == "-Infinity") {
        return -std::numeric_limits<double>::infinity();
    }
    return std::nullopt;
}

const OpRow* row_named(std::string_view name) {
    const auto* const found =
        std::ranges::find_if(kRows, [&](const OpRow& row) { return row.name == name; });
    return found == kRows.end() ? nullptr : found;
}

// Reads the parts of a node that come before its operands; gives where these begin.
Result<std::size_t> read_immediates(const Json& json, const OpRow& row, Node& node) {
    std::size_t at = 1;
    const auto next = [&]() -> const Json* { return at < json.size() ? &json[at++] : nullptr; };
    if (row.has_text) {
        const Json* const part = next();
        if (part == nullptr || !part->is_string()) {
            return invalid(fmt::format("'{}' needs a text", row.name));
        }
        node.text = part->get<std::string>();
    }
    if (row.has_number) {
        const Json* const part = next();
        const auto number = part == nullptr ? std::nullopt : number_of(*part);
        if (!number) {
            return invalid(fmt::format("'{}' needs a number", row.name));
        }
        node.number = *number;
    }
    if (row.has_index) {
        const Json* const part = next();
        if (part == nullptr || !part->is_number_integer() || part->get<double>() < 0 ||
            part->get<double>() > UINT32_MAX) {
            return invalid(fmt::format("'{}' needs an index", row.name));
        }
        node.index = part->get<std::uint32_t>();
    }
    if (row.has_type) {
        const Json* const part = next();
        const auto type = part == nullptr || !part->is_string()
                              ? std::nullopt
                              : element_named(part->get_ref<const std::string&>());
        if (!type) {
            return invalid(fmt::format("'{}' needs a type of elements, such as \"u8\"", row.name));
        }
        node.type = *type;
    }
    return at;
}

Result<Node> read_below(const Json& json, std::size_t& left, std::size_t depth) {
    if (depth >= kMaxNodeDepth) {
        return invalid(fmt::format("operations nest deeper than {}", kMaxNodeDepth));
    }
    if (left == 0) {
        return invalid(fmt::format("more than {} operations", kMaxNodes));
    }
    --left;
    if (!json.is_array() || json.empty() || !json[0].is_string()) {
        return invalid("an operation is an array that begins with its name");
    }
    const OpRow* const row = row_named(json[0].get_ref<const std::string&>());
    if (row == nullptr) {
        return invalid(fmt::format("there is no operation '{}'", json[0].get<std::string>()));
    }
    Node node;
    node.op = row->op;
    const auto first = read_immediates(json, *row, node);
    if (!first) {
        return std::unexpected(first.error());
    }
    std::size_t end = json.size();
    if (calls_a_value(node.op) && end > *first && json[end - 1].is_string()) {
        node.callee = json[--end].get<std::string>();
        if (node.callee.size() > kMaxCalleeBytes) {
            return invalid(fmt::format("'{}' is said to call what is longer than {} bytes",
                                       row->name, kMaxCalleeBytes));
        }
    }
    const std::size_t operands = end - *first;
    if (operands < row->min_operands || operands > row->max_operands) {
        return invalid(fmt::format("'{}' does not take {} operands", row->name, operands));
    }
    node.operands.reserve(operands);
    for (std::size_t at = *first; at < end; ++at) {
        auto operand = read_below(json[at], left, depth + 1);
        if (!operand) {
            return operand;
        }
        node.operands.push_back(std::move(*operand));
    }
    return node;
}

}  // namespace

const OpRow& op_row(Op op) {
    return kRows[static_cast<std::size_t>(op)];
}

bool calls_a_value(Op op) {
    return op == Op::kCall || op == Op::kMethod || op == Op::kMethodOf || op == Op::kNew;
}

std::string_view element_name(Element type) {
    return kElements[static_cast<std::size_t>(type)].name;
}

std::optional<Element> element_named(std::string_view name) {
    for (const ElementRow& row : kElements) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

std::uint32_t element_size(Element type) {
    return kElements[static_cast<std::size_t>(type)].size;
}

Json to_json(const Node& node) {
    const OpRow& row = op_row(node.op);
    Json json = Json::array({row.name});
    if (row.has_text) {
        json.push_back(node.text);
    }
    if (row.has_number) {
        json.push_back(number_json(node.number));
    }
    if (row.has_index) {
        json.push_back(node.index);
    }
    if (row.has_type) {
        json.push_back(element_name(node.type));
    }
    for (const Node& operand : node.operands) {
        json.push_back(to_json(operand));
    }
    if (!node.callee.empty()) {
        json.push_back(node.callee);
    }
    return json;
}

Result<Node> read_node(const Json& json, std::size_t& left) {
    return read_below(json, left, 0);
}

}  // namespace realm::glue
