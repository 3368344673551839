// What a helper function of the glue is, by what it does: minifiers rename them.

#include <algorithm>

#include "glue/glue_scope.h"

namespace realm::glue {
namespace {

bool is_parameter(const Js& function, std::size_t which, const Js& node) {
    return which < function.parameters() && function.kid(which).is(JsKind::kName) &&
           node.is(JsKind::kName, function.kid(which).text);
}

bool calls_parameter(const Js& function, std::size_t which) {
    return any_below(function.body(), [&](const Js& at) {
        return at.is(JsKind::kCall) && is_parameter(function, which, at.kid(0));
    });
}

bool has_method_call(const Js& function, std::string_view method) {
    return any_below(function.body(), [&](const Js& at) { return is_method_call(at, method); });
}

bool has_loop(const Js& function) {
    return any_below(function.body(), [](const Js& at) {
        return at.is(JsKind::kFor) || at.is(JsKind::kWhile) || at.is(JsKind::kForOf);
    });
}

// The value of its only return, or of an arrow; nullptr where there are more or none.
const Js* only_return(const Js& function) {
    if (!function.body().is(JsKind::kBlock)) {
        return &function.body();
    }
    const Js* found = nullptr;
    std::size_t count = 0;
    any_below(function.body(), [&](const Js& at) {
        if (at.is(JsKind::kReturn)) {
            found = &at.kid(0);
            ++count;
        }
        return false;
    });
    return count == 1 ? found : nullptr;
}

bool has_text(const Js& function, std::string_view part) {
    return any_below(function.body(), [&](const Js& at) {
        return at.is(JsKind::kString) && at.text.contains(part);
    });
}

// f.apply(..., args) with the function's own two parameters.
bool applies(const Js& function) {
    return any_below(function.body(), [&](const Js& at) {
        return is_method_call(at, "apply") && at.kids.size() == 3 &&
               is_parameter(function, 0, at.kid(0).kid(0)) && is_parameter(function, 1, at.kid(2));
    });
}

}  // namespace

const Name* GlueScope::view_in(const Js& function) const {
    const Name* found = nullptr;
    any_below(function.body(), [&](const Js& at) {
        if (at.is(JsKind::kCall) && is_role(at.kid(0), Role::kView)) {
            found = find(at.kid(0).text);
        }
        return found != nullptr;
    });
    return found;
}

void GlueScope::recognise(Name& name) {
    if (name.kind != NameKind::kFunction || name.node == nullptr ||
        name.node->body().is(JsKind::kUnread)) {
        return;
    }
    const Js& function = *name.node;
    switch (function.parameters()) {
        case 1:
            name.role = recognise_one(function);
            break;
        case 2:
            name.role = recognise_two(function, name);
            break;
        case 3:
            if (calls_parameter(function, 1) &&
                (has_method_call(function, "charCodeAt") || has_method_call(function, "encode"))) {
                name.role = Role::kPassText;
                find_vector_length(function);
                break;
            }
            [[fallthrough]];
        case 4:
            recognise_closure(function, name);
            break;
        default:
            break;
    }
    learn_table(function, name.role);
}

// Of helpers with one parameter.
Role GlueScope::recognise_one(const Js& function) {
    const Js* const value = only_return(function);
    if (const Role role = recognise_slab(function, value); role != Role::kPlain) {
        return role;
    }
    const auto table_call = [&](std::string_view method) {
        return any_below(function.body(), [&](const Js& at) {
            return is_method_call(at, method) && wasm_member(at.kid(0).kid(0)).has_value();
        });
    };
    if (table_call("set") && calls_module(function, 0)) {
        return Role::kHandleAdd;
    }
    if (table_call("get") && calls_module(function, 1)) {
        return Role::kHandleTake;
    }
    if (has_text(function, "Object(") && has_method_call(function, "stringify")) {
        return Role::kDebugText;
    }
    const auto is_nothing = [](const Js& at) {
        return at.is(JsKind::kName, "undefined") || at.is(JsKind::kNull) ||
               at.is(JsKind::kUnary, "void");
    };
    const auto compares = [&](const Js& at, std::string_view oper) {
        return at.is(JsKind::kBinary, oper) &&
               ((is_parameter(function, 0, at.kid(0)) && is_nothing(at.kid(1))) ||
                (is_parameter(function, 0, at.kid(1)) && is_nothing(at.kid(0))));
    };
    const bool none =
        value != nullptr && (compares(*value, "==") ||
                             (value->is(JsKind::kBinary, "||") && compares(value->kid(0), "===") &&
                              compares(value->kid(1), "===")));
    return none ? Role::kIsNone : Role::kPlain;
}

// Whether it calls an export with so many arguments, or, without a number, any export.
bool GlueScope::calls_module(const Js& function, std::optional<std::size_t> arguments) const {
    return any_below(function.body(), [&](const Js& at) {
        return at.is(JsKind::kCall) && wasm_member(at.kid(0)) &&
               (!arguments || at.kids.size() == *arguments + 1);
    });
}

Role GlueScope::recognise_slab(const Js& function, const Js* value) {
    // Exports use the slab, too.
    if (heap_.empty() || calls_module(function, std::nullopt)) {
        return Role::kPlain;
    }
    const auto contains = [&](const auto& test) { return any_below(function.body(), test); };
    const auto is_slot = [&](const Js& at) {
        return at.is(JsKind::kIndex) && at.kid(0).is(JsKind::kName, heap_);
    };
    if (value != nullptr && is_slot(*value) && is_parameter(function, 0, value->kid(1))) {
        return Role::kHandleGet;
    }
    if (contains([&](const Js& at) {
            return is_method_call(at, "push") && at.kid(0).kid(0).is(JsKind::kName, heap_);
        })) {
        return Role::kHandleAdd;
    }
    if (contains(
            [&](const Js& at) { return is_slot(at) && at.kid(1).is(JsKind::kUpdate, "--"); })) {
        any_below(function.body(), [&](const Js& at) {
            const auto found =
                at.is(JsKind::kUpdate, "--") ? names_.find(at.kid(0).text) : names_.end();
            if (found != names_.end()) {
                found->second.role = Role::kHeapTop;
            }
            return found != names_.end();
        });
        return Role::kHandleBorrow;
    }
    const bool drops = calls(function, Role::kHandleDrop) || contains([&](const Js& at) {
                           return at.is(JsKind::kAssign) && is_slot(at.kid(0));
                       });
    const bool gets = calls(function, Role::kHandleGet) || contains(is_slot);
    const bool returns = contains(
        [](const Js& at) { return at.is(JsKind::kReturn) && !at.kid(0).is(JsKind::kNothing); });
    if (!drops || (returns && !gets)) {
        return Role::kPlain;
    }
    return returns ? Role::kHandleTake : Role::kHandleDrop;
}

// Of helpers that take a value and an allocator.
Role GlueScope::recognise_passing(const Js& function, Name& name) {
    const Name* const view = view_in(function);
    Role role = Role::kPlain;
    if (calls(function, Role::kHandleAdd) && has_loop(function)) {
        role = Role::kPassHandles;
    } else if (has_method_call(function, "encode") || has_method_call(function, "charCodeAt")) {
        role = Role::kPassText;
    } else if (view != nullptr && has_method_call(function, "set")) {
        name.element = view->element;
        role = Role::kPassArray;
    }
    if (role != Role::kPlain) {
        find_vector_length(function);
    }
    return role;
}

// Of helpers with two parameters: a function and its arguments, a value and an allocator, or a
// place in memory and a number.
Role GlueScope::recognise_two(const Js& function, Name& name) {
    if (applies(function)) {
        const bool stores = any_below(function.body(), [&](const Js& at) {
            const bool call = at.is(JsKind::kCall) && wasm_member(at.kid(0));
            if (call && at.kids.size() == 2) {
                helpers_.exn_store = *wasm_member(at.kid(0));
            }
            return call && at.kids.size() == 2;
        });
        return stores ? Role::kCatch : Role::kTransparent;
    }
    if (calls_parameter(function, 1)) {
        return recognise_passing(function, name);
    }
    const Name* const view = view_in(function);
    if (view != nullptr && has_method_call(function, "decode")) {
        return Role::kText;
    }
    const bool takes = calls(function, Role::kHandleTake);
    const bool gets =
        calls(function, Role::kHandleGet) || any_below(function.body(), [&](const Js& at) {
            return is_method_call(at, "get") && wasm_member(at.kid(0).kid(0)).has_value();
        });
    if (has_loop(function) && (takes || gets)) {
        const bool drops = any_below(function.body(), [&](const Js& at) {
            const bool call = at.is(JsKind::kCall) && wasm_member(at.kid(0)) && at.kids.size() == 3;
            if (call) {
                helpers_.drop_slice = *wasm_member(at.kid(0));
            }
            return call;
        });
        return drops || takes ? Role::kTakeHandles : Role::kGetHandles;
    }
    const Js* const value = only_return(function);
    if (value != nullptr && view != nullptr && is_method_call(*value, "subarray")) {
        name.element = view->element;
        return Role::kViewOf;
    }
    // getStringFromWasm0 calls decodeText.
    const bool text = value != nullptr && value->is(JsKind::kCall) &&
                      is_role(value->kid(0), Role::kText) && value->kids.size() == 3 &&
                      is_parameter(function, 1, value->kid(2));
    return text ? Role::kText : Role::kPlain;
}

// (a, b, f) or (a, b, destructor, f), with a state that counts references.
void GlueScope::recognise_closure(const Js& function, Name& name) {
    const bool counts = any_below(function.body(), [](const Js& at) {
        return at.is(JsKind::kPair) && at.kid(0).is(JsKind::kString, "cnt");
    });
    if (!counts || !calls_parameter(function, function.parameters() - 1)) {
        return;
    }
    name.role = Role::kMakeClosure;
    name.closure.takes_destructor = function.parameters() == 4;
    // While an exclusive one runs its pointer is put aside, into a variable.
    const std::size_t callee = function.parameters() - 1;
    name.closure.kind = ClosureKind::kShared;
    any_below(function.body(), [&](const Js& at) {
        if (at.is(JsKind::kCall) && is_parameter(function, callee, at.kid(0)) &&
            at.kids.size() > 1 && at.kid(1).is(JsKind::kName)) {
            name.closure.kind = ClosureKind::kExclusive;
        }
        if (at.is(JsKind::kCall) && is_method_call(at.kid(0), "get") &&
            wasm_member(at.kid(0).kid(0).kid(0))) {
            name.closure.destructor_is_index = true;
            helpers_.function_table = *wasm_member(at.kid(0).kid(0).kid(0));
        }
        if (at.is(JsKind::kCall) && wasm_member(at.kid(0)) && at.kids.size() == 3) {
            name.closure.destroy = *wasm_member(at.kid(0));
        }
        return false;
    });
}

// The variable of the glue that a passing helper sets.
void GlueScope::find_vector_length(const Js& function) {
    any_below(function.body(), [&](const Js& at) {
        const auto found = at.is(JsKind::kAssign, "=") && at.kid(0).is(JsKind::kName)
                               ? names_.find(at.kid(0).text)
                               : names_.end();
        const bool parameter = found != names_.end() && (is_parameter(function, 0, at.kid(0)) ||
                                                         is_parameter(function, 1, at.kid(0)) ||
                                                         is_parameter(function, 2, at.kid(0)));
        if (found == names_.end() || parameter || found->second.kind != NameKind::kVariable ||
            found->second.role != Role::kPlain || found->second.constant) {
            return false;
        }
        const bool local = any_below(function.body(), [&](const Js& declared) {
            return declared.is(JsKind::kPair) && declared.kid(0).is(JsKind::kName, found->first);
        });
        if (!local && found->second.node != nullptr && found->second.node->is(JsKind::kNumber)) {
            found->second.role = Role::kVectorLength;
        }
        return false;
    });
}

void GlueScope::learn_table(const Js& function, Role role) {
    const bool one = role == Role::kHandleAdd || role == Role::kHandleTake;
    if (!one && role != Role::kTakeHandles && role != Role::kGetHandles) {
        return;
    }
    any_below(function.body(), [&](const Js& at) {
        if ((is_method_call(at, "set") || is_method_call(at, "get")) &&
            wasm_member(at.kid(0).kid(0))) {
            helpers_.table = *wasm_member(at.kid(0).kid(0));
            handles_ = HandleMode::kTable;
        } else if (!one) {
            return false;
        } else if (at.is(JsKind::kCall) && wasm_member(at.kid(0)) && at.kids.size() == 1) {
            helpers_.table_alloc = *wasm_member(at.kid(0));
        } else if (at.is(JsKind::kCall) && wasm_member(at.kid(0)) && at.kids.size() == 2) {
            helpers_.table_dealloc = *wasm_member(at.kid(0));
        }
        return false;
    });
}

}  // namespace realm::glue
