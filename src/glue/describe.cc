#include "glue/describe.h"

#include <algorithm>
#include <functional>

#include "glue/declarations.h"

namespace realm::glue {
namespace {

Kind kind_of_word(std::string_view word) {
    if (word == "i64") {
        return Kind::kI64;
    }
    if (word == "f32") {
        return Kind::kF32;
    }
    if (word == "f64") {
        return Kind::kF64;
    }
    return word == "externref" ? Kind::kValue : Kind::kI32;
}

bool is_local(const Node& node, std::uint32_t slot) {
    return node.op == Op::kLocal && node.index == slot;
}

// Reads one export's body.
class Describer {
public:
    Describer(const Bindings& bindings, const ModuleShape& module, Export& item)
        : bindings_(bindings),
          module_(module),
          item_(item),
          body_(bindings.functions[item.function].body) {}

    void describe() {
        find_call(body_);
        for (std::uint32_t i = 0; i < item_.parameters.size(); ++i) {
            use(body_, i, item_.parameters[i].type);
        }
        for_each(body_, [&](const Node& node) {
            item_.fallible =
                item_.fallible || (node.op == Op::kThrow && node.operands[0].op == Op::kHandleTake);
            if (node.op == Op::kReturn && !node.operands.empty()) {
                result(node.operands[0], 0);
            }
        });
        for (Parameter& parameter : item_.parameters) {
            settle(parameter.type);
        }
        settle(item_.result);
        if (item_.kind == ExportKind::kConstructor) {
            item_.result = {.kind = Kind::kObject, .class_name = item_.class_name};
        } else if (item_.result.kind == Kind::kUnknown && !returns_) {
            item_.result.kind = Kind::kNothing;
        }
    }

private:
    // A parameter may be text or a slice: the last is what is said.
    static void settle(Type& type) {
        type.element = type.kind == Kind::kSlice ? type.element : Element::kU8;
    }

    static void for_each(const Node& node, const std::function<void(const Node&)>& visit) {
        visit(node);
        for (const Node& operand : node.operands) {
            for_each(operand, visit);
        }
    }

    [[nodiscard]] bool is_helper(std::string_view name) const {
        const Helpers& helpers = bindings_.helpers;
        return name == helpers.free || name == helpers.stack_pointer || name == helpers.malloc ||
               name == helpers.table_dealloc || name == helpers.table_alloc ||
               name == helpers.drop_slice || name.starts_with("__wbindgen_");
    }

    void find_call(const Node& node) {
        if (call_ == nullptr && node.op == Op::kWasmCall && !is_helper(node.text)) {
            call_ = &node;
            item_.wasm_export = node.text;
        }
        for (const Node& operand : node.operands) {
            find_call(operand);
        }
    }

    // What is done with a parameter says what it is.
    void use(const Node& node, std::uint32_t slot, Type& type) {
        for (std::size_t i = 0; i < node.operands.size(); ++i) {
            const Node& operand = node.operands[i];
            if (is_local(operand, slot)) {
                used(node, i, type);
            } else {
                use(operand, slot, type);
            }
        }
    }

    void used(const Node& node, std::size_t which, Type& type) {
        switch (node.op) {
            case Op::kPassText:
                type.kind = Kind::kString;
                break;
            case Op::kPassArray:
                type.kind = Kind::kSlice;
                type.element = node.type;
                break;
            case Op::kPassHandles:
                type.kind = Kind::kHandles;
                break;
            case Op::kHandleAdd:
                // The third word of a slice that is written back is the array itself.
                type.written = type.kind == Kind::kSlice;
                type.kind = type.written ? Kind::kSlice : Kind::kValue;
                break;
            case Op::kHandleBorrow:
                type.kind = Kind::kValue;
                break;
            case Op::kIsNone:
                type.optional = true;
                break;
            case Op::kProperty:
                if (node.text == "__wbg_ptr" || node.text == "ptr") {
                    type.kind = Kind::kObject;
                }
                break;
            case Op::kMethod:
                if (node.text == "__destroy_into_raw" && which == 0) {
                    type.kind = Kind::kObject;
                    type.consumed = true;
                } else if (node.text == "codePointAt") {
                    type.kind = Kind::kChar;
                }
                break;
            case Op::kCallFunction:
                if (which == 0 && node.operands.size() == 2 && node.operands[1].op == Op::kClass) {
                    type.kind = Kind::kObject;
                    type.class_name = node.operands[1].text;
                }
                break;
            case Op::kConditional:
                if (which == 0 && type.kind == Kind::kUnknown) {
                    type.kind = Kind::kBool;
                }
                break;
            case Op::kWasmCall:
                passed(node, which, type);
                break;
            case Op::kShiftRightUnsigned:
                type.kind = Kind::kU32;
                break;
            default:
                break;
        }
    }

    void passed(const Node& node, std::size_t which, Type& type) const {
        const ModuleItem* const exported = module_.find_export(node.text);
        if (exported == nullptr || which >= exported->parameters.size()) {
            return;
        }
        const Kind kind = kind_of_word(exported->parameters[which]);
        if (type.kind == Kind::kSlice && kind == Kind::kValue) {
            type.written = true;
        } else if (type.kind == Kind::kUnknown) {
            type.kind = kind;
        }
    }

    void result(const Node& node, int hops) {
        constexpr int kMostHops = 5;
        returns_ = true;
        if (hops > kMostHops) {
            return;
        }
        Type& type = item_.result;
        const auto found = [&](Kind kind) { type.kind = kind; };
        switch (node.op) {
            case Op::kLocal:
                if (const Node* const last = last_value(node.index)) {
                    result(*last, hops + 1);
                }
                break;
            case Op::kText:
                found(Kind::kString);
                break;
            case Op::kHandleTake:
                found(Kind::kValue);
                break;
            case Op::kTakeHandles:
                found(Kind::kHandles);
                break;
            case Op::kShiftRightUnsigned:
                found(Kind::kU32);
                break;
            case Op::kNotEqual:
                found(Kind::kBool);
                break;
            case Op::kConditional:
                type.optional = node.operands[1].op == Op::kUndefined;
                result(node.operands[2], hops + 1);
                break;
            case Op::kMethod:
                method_result(node, hops);
                break;
            case Op::kCallFunction:
                helper_result(node);
                break;
            case Op::kLoad:
                found(node.type == Element::kF64   ? Kind::kF64
                      : node.type == Element::kF32 ? Kind::kF32
                      : node.type == Element::kI64 ? Kind::kI64
                                                   : Kind::kI32);
                break;
            case Op::kWasmCall:
                call_result(node);
                break;
            case Op::kGet:
                result(node.operands[0], hops + 1);
                break;
            default:
                break;
        }
    }

    // What a variable was set to at last, but for undefined.
    [[nodiscard]] const Node* last_value(std::uint32_t slot) const {
        const Node* last = nullptr;
        for_each(body_, [&](const Node& at) {
            if (at.op == Op::kSetLocal && at.index == slot && at.operands[0].op != Op::kUndefined) {
                last = &at.operands[0];
            }
        });
        return last;
    }

    void method_result(const Node& node, int hops) {
        if (node.operands[0].op == Op::kView) {
            item_.result.element = node.operands[0].type;
            item_.result.kind = Kind::kSlice;
        } else if (node.text == "fromCodePoint") {
            item_.result.kind = Kind::kChar;
        } else if (node.text == "asUintN") {
            item_.result.kind = Kind::kU64;
        } else {
            result(node.operands[0], hops + 1);
        }
    }

    // Of X.__wrap(pointer), or of a helper that gives text.
    void helper_result(const Node& node) {
        Type& type = item_.result;
        for_each(bindings_.functions[node.index].body, [&](const Node& at) {
            if (at.op == Op::kAllocate) {
                type.class_name = at.text;
                type.kind = Kind::kObject;
            } else if (at.op == Op::kText && type.kind == Kind::kUnknown) {
                type.kind = Kind::kString;
            }
        });
    }

    void call_result(const Node& node) {
        const ModuleItem* const exported = module_.find_export(node.text);
        if (exported != nullptr && exported->results.size() == 1) {
            item_.result.kind = kind_of_word(exported->results[0]);
        }
    }

    const Bindings& bindings_;
    const ModuleShape& module_;
    Export& item_;
    const Node& body_;
    const Node* call_ = nullptr;
    bool returns_ = false;
};

void refine(Type& type, std::string_view declared, bool optional) {
    type.declared = declared;
    type.optional = type.optional || optional;
    if (declared == "boolean" && type.kind == Kind::kI32) {
        type.kind = Kind::kBool;
    }
    if (declared == "Int8Array" && type.kind == Kind::kSlice) {
        type.element = Element::kI8;
    }
}

std::string key_of(const Bindings& bindings, const Export& item) {
    if (item.kind == ExportKind::kFunction) {
        return item.name;
    }
    const Class* const owner = bindings.find_class(item.class_name);
    const std::string& name =
        owner == nullptr || owner->exported.empty() ? item.class_name : owner->exported;
    return name + "." + (item.kind == ExportKind::kConstructor ? "constructor" : item.name);
}

}  // namespace

void describe_exports(Bindings& bindings, const ModuleShape& module,
                      std::string_view declarations) {
    const auto declared = read_declarations(declarations);
    for (Export& item : bindings.exports) {
        if (item.unsupported.empty()) {
            Describer(bindings, module, item).describe();
        }
        const auto found = declared.find(key_of(bindings, item));
        if (found == declared.end()) {
            continue;
        }
        const auto& parameters = found->second.parameters;
        for (std::size_t i = 0; i < std::min(parameters.size(), item.parameters.size()); ++i) {
            refine(item.parameters[i].type, parameters[i].type, parameters[i].optional);
        }
        if (item.kind == ExportKind::kSetter && item.parameters.size() == 1) {
            refine(item.parameters[0].type, found->second.result, false);
        } else if (item.kind != ExportKind::kConstructor) {
            refine(item.result, found->second.result, false);
        }
    }
}

}  // namespace realm::glue
