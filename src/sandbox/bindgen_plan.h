// The bindings of a module as its instances carry them out: trees with numbers in place of names.
// Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "glue/bindings.h"

namespace realm::sandbox {

constexpr std::uint32_t kNoCallee = UINT32_MAX;

// One operation; see glue/node.h.
struct BindgenCode {
    glue::Op op = glue::Op::kUndefined;
    glue::Element element = glue::Element::kI8;
    // Whether carrying it out may call the guest or a function of JavaScript. The rest is done
    // without a coroutine.
    bool may_call = false;
    // Node::index; for an operation with text, of BindgenPlan::texts, wasm_names or of its classes.
    std::uint32_t index = 0;
    std::uint32_t callee = kNoCallee;  // Node::callee, of BindgenPlan::texts
    double number = 0;
    std::vector<BindgenCode> operands;
};

struct BindgenFunction {
    std::string name;
    std::uint32_t captures = 0;
    std::uint32_t parameters = 0;
    bool rest = false;
    std::uint32_t slots = 0;
    BindgenCode body;
};

constexpr std::uint32_t kNoClass = UINT32_MAX;

// Made once for a program, shared by its instances. Immutable.
class BindgenPlan {
public:
    explicit BindgenPlan(std::shared_ptr<const glue::Bindings> bindings);

    [[nodiscard]] const glue::Bindings& bindings() const { return *bindings_; }
    [[nodiscard]] const std::vector<BindgenFunction>& functions() const { return functions_; }
    // Strings, names of properties, globals and constants.
    [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }
    // Exports of the module that the trees name.
    [[nodiscard]] const std::vector<std::string>& wasm_names() const { return wasm_names_; }
    // Of Bindings::classes; kNoClass where there is none of that name.
    [[nodiscard]] std::uint32_t class_named(std::string_view name) const;

private:
    class Builder;

    std::shared_ptr<const glue::Bindings> bindings_;
    std::vector<BindgenFunction> functions_;
    std::vector<std::string> texts_;
    std::vector<std::string> wasm_names_;
};

}  // namespace realm::sandbox
