#include "glue/bindings_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace realm::glue {
namespace {

std::unexpected<Error> wrong_at(std::string_view where, std::string_view what) {
    return fail(ErrorType::kInvalidRequest, "invalid_bindings",
                fmt::format("the bindings of the module: {}: {}", where, what));
}

// What bodies may refer to, checked for all functions.
class References {
public:
    explicit References(const Bindings& bindings) : bindings_(bindings) {
        for (const Class& known : bindings.classes) {
            classes_.push_back(known.name);
        }
        std::ranges::sort(classes_);
    }

    [[nodiscard]] std::string check_node(const Node& node, const Function& within) const {
        std::string wrong = check_one(node, within);
        for (std::size_t i = 0; wrong.empty() && i < node.operands.size(); ++i) {
            wrong = check_node(node.operands[i], within);
        }
        return wrong;
    }

    [[nodiscard]] bool has_class(const std::string& name) const {
        return std::ranges::binary_search(classes_, name);
    }

private:
    [[nodiscard]] std::string check_one(const Node& node, const Function& within) const {
        switch (node.op) {
            case Op::kLocal:
            case Op::kSetLocal:
            case Op::kForOf:
                return node.index < within.slots ? ""
                                                 : fmt::format("there is no slot {}", node.index);
            case Op::kVariable:
            case Op::kSetVariable:
                return node.index < bindings_.variables.size()
                           ? ""
                           : fmt::format("there is no variable {}", node.index);
            case Op::kTryCatch:
                return node.index == kNoSlot || node.index < within.slots
                           ? ""
                           : fmt::format("there is no slot {}", node.index);
            case Op::kFunction:
                if (node.index < bindings_.functions.size() &&
                    bindings_.functions[node.index].captures == node.operands.size()) {
                    return "";
                }
                return fmt::format("there is no function {} with {} captures", node.index,
                                   node.operands.size());
            case Op::kCallFunction:
                return node.index < bindings_.functions.size() &&
                               bindings_.functions[node.index].captures == 0
                           ? ""
                           : fmt::format("there is no function {} without captures", node.index);
            case Op::kClosure:
                return node.index < bindings_.closures.size()
                           ? ""
                           : fmt::format("there is no closure {}", node.index);
            case Op::kConstant:
                return bindings_.constants.contains(node.text)
                           ? ""
                           : fmt::format("there is no constant '{}'", node.text);
            case Op::kClass:
            case Op::kAllocate:
                return has_class(node.text) ? "" : fmt::format("there is no class '{}'", node.text);
            case Op::kObject:
                return node.operands.size() % 2 == 0 ? "" : "an object has a key without a value";
            case Op::kView:
                return node.operands.size() != 1 ? "" : "a view has an address and a count";
            default:
                return "";
        }
    }

    const Bindings& bindings_;
    std::vector<std::string> classes_;
};

}  // namespace

std::optional<Error> check_references(const Bindings& bindings) {
    const References references(bindings);
    for (const Function& function : bindings.functions) {
        if (const auto wrong = references.check_node(function.body, function); !wrong.empty()) {
            return wrong_at(fmt::format("function '{}'", function.name), wrong).error();
        }
    }
    const auto callable = [&](std::uint32_t index) {
        return index < bindings.functions.size() && bindings.functions[index].captures == 0;
    };
    for (const Variable& variable : bindings.variables) {
        if (variable.function && !callable(*variable.function)) {
            return wrong_at(fmt::format("variable '{}'", variable.name), "it has no function")
                .error();
        }
    }
    for (const Closure& closure : bindings.closures) {
        if (!callable(closure.function)) {
            return wrong_at("closures", "one has no function").error();
        }
    }
    for (const Import& import : bindings.imports) {
        if (import.unsupported.empty() && !callable(import.function)) {
            return wrong_at(fmt::format("import '{}'", import.name), "it has no function").error();
        }
    }
    for (const Export& item : bindings.exports) {
        if (item.unsupported.empty() && !callable(item.function)) {
            return wrong_at(fmt::format("export '{}'", item.name), "it has no function").error();
        }
        if (item.kind != ExportKind::kFunction && !references.has_class(item.class_name)) {
            return wrong_at(fmt::format("export '{}'", item.name),
                            fmt::format("there is no class '{}'", item.class_name))
                .error();
        }
    }
    for (const Class& known : bindings.classes) {
        if (!known.parent.empty() && !references.has_class(known.parent)) {
            return wrong_at(fmt::format("class '{}'", known.name), "its parent is unknown").error();
        }
    }
    for (const auto& [name, constant] : bindings.exported_constants) {
        if (!bindings.constants.contains(constant)) {
            return wrong_at(fmt::format("exported constant '{}'", name), "is unknown").error();
        }
    }
    return std::nullopt;
}

}  // namespace realm::glue
