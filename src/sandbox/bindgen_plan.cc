#include "sandbox/bindgen_plan.h"

#include <algorithm>
#include <utility>

namespace realm::sandbox {
namespace {

using glue::Node;
using glue::Op;

// What an operation's text is.
enum class TextOf : std::uint8_t { kNothing, kText, kWasm, kClass };

TextOf text_of(Op op) {
    switch (op) {
        case Op::kString:
        case Op::kBigInt:
        case Op::kRegExp:
        case Op::kGlobal:
        case Op::kConstant:
        case Op::kProperty:
        case Op::kSetProperty:
        case Op::kMethod:
            return TextOf::kText;
        case Op::kWasmCall:
        case Op::kWasmExport:
            return TextOf::kWasm;
        case Op::kClass:
        case Op::kAllocate:
            return TextOf::kClass;
        default:
            return TextOf::kNothing;
    }
}

// Whether the operation itself, whatever its operands are, only moves values about. What a table
// of references needs of the module (a free index) is asked of the module.
bool is_plain(Op op, glue::HandleMode handles) {
    switch (op) {
        case Op::kUndefined:
        case Op::kNull:
        case Op::kTrue:
        case Op::kFalse:
        case Op::kNumber:
        case Op::kString:
        case Op::kBigInt:
        case Op::kGlobal:
        case Op::kLocal:
        case Op::kSetLocal:
        case Op::kThis:
        case Op::kNot:
        case Op::kTypeof:
        case Op::kEqual:
        case Op::kNotEqual:
        case Op::kAnd:
        case Op::kOr:
        case Op::kCoalesce:
        case Op::kConditional:
        case Op::kIsNone:
        case Op::kSequence:
        case Op::kIf:
        case Op::kReturn:
        case Op::kThrow:
        case Op::kTryCatch:
        case Op::kTryFinally:
        case Op::kBreak:
        case Op::kContinue:
        case Op::kHandleGet:
        case Op::kLoad:
        case Op::kText:
        case Op::kGetHandles:
        case Op::kVectorLength:
            return true;
        case Op::kHandleTake:
        case Op::kHandleDrop:
        case Op::kHandleAdd:
        case Op::kHandleBorrow:
        case Op::kHandleReturn:
        case Op::kTakeHandles:
            return handles == glue::HandleMode::kSlab;
        default:
            return false;
    }
}

}  // namespace

class BindgenPlan::Builder {
public:
    explicit Builder(BindgenPlan& plan) : plan_(plan) {}

    BindgenCode code(const Node& node) {
        BindgenCode made{.op = node.op,
                         .element = node.type,
                         .may_call = !is_plain(node.op, plan_.bindings().handles),
                         .index = node.index,
                         .callee = node.callee.empty()
                                       ? kNoCallee
                                       : number_of(node.callee, texts_, plan_.texts_),
                         .number = node.number,
                         .operands = {}};
        switch (text_of(node.op)) {
            case TextOf::kText:
                made.index = number_of(node.text, texts_, plan_.texts_);
                break;
            case TextOf::kWasm:
                made.index = number_of(node.text, wasm_names_, plan_.wasm_names_);
                break;
            case TextOf::kClass:
                made.index = plan_.class_named(node.text);
                break;
            case TextOf::kNothing:
                break;
        }
        made.operands.reserve(node.operands.size());
        for (const Node& operand : node.operands) {
            made.operands.push_back(code(operand));
            made.may_call = made.may_call || made.operands.back().may_call;
        }
        return made;
    }

private:
    using Numbers = std::unordered_map<std::string, std::uint32_t>;
    static std::uint32_t number_of(const std::string& text, Numbers& numbers,
                                   std::vector<std::string>& list) {
        const auto [found, added] = numbers.emplace(text, static_cast<std::uint32_t>(list.size()));
        if (added) {
            list.push_back(text);
        }
        return found->second;
    }

    BindgenPlan& plan_;
    Numbers texts_;
    Numbers wasm_names_;
};

BindgenPlan::BindgenPlan(std::shared_ptr<const glue::Bindings> bindings)
    : bindings_(std::move(bindings)) {
    Builder builder(*this);
    functions_.reserve(bindings_->functions.size());
    for (const glue::Function& function : bindings_->functions) {
        functions_.push_back({.name = function.name,
                              .captures = function.captures,
                              .parameters = function.parameters,
                              .rest = function.rest,
                              .slots = function.slots,
                              .body = builder.code(function.body)});
    }
}

std::uint32_t BindgenPlan::class_named(std::string_view name) const {
    const auto& classes = bindings_->classes;
    const auto found = std::ranges::find(classes, name, &glue::Class::name);
    return found == classes.end() ? kNoClass : static_cast<std::uint32_t>(found - classes.begin());
}

}  // namespace realm::sandbox
