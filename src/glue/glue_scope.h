// The names of a glue file, and what its helper functions are, found by what they do.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "glue/glue_reader.h"
#include "glue/js_tree.h"

namespace realm::glue {

// What stands behind a name of the glue.
enum class Role : std::uint8_t {
    kPlain,  // something of its own, not a known helper
    // Variables.
    kWasm,     // the exports of the module
    kHeap,     // the slab
    kHeapTop,  // its borrow stack
    kVectorLength,
    kRegistry,  // a FinalizationRegistry
    kModuleObject,
    // Functions.
    kView,      // a typed array over all memory
    kDataView,  // a DataView over it
    kText,
    kPassText,
    kPassArray,
    kPassHandles,
    kViewOf,  // (pointer, length) -> typed array
    kTakeHandles,
    kGetHandles,
    kHandleGet,
    kHandleDrop,
    kHandleTake,
    kHandleAdd,
    kHandleBorrow,
    kCatch,        // handleError
    kTransparent,  // calls its first argument with the arguments in its second
    kIsNone,
    kDebugText,
    kMakeClosure,
};

enum class NameKind : std::uint8_t { kFunction, kClass, kVariable, kImported };

struct ClosureShape {
    ClosureKind kind = ClosureKind::kExclusive;
    bool takes_destructor = false;     // the third argument
    bool destructor_is_index = false;  // of the table
    std::string destroy{};
};

struct Name {
    NameKind kind = NameKind::kVariable;
    Role role = Role::kPlain;
    Element element = Element::kU8;
    const Js* node = nullptr;  // the function, class or initial value; may be nullptr
    bool constant = false;
    ClosureShape closure{};
    std::string_view from{};     // of what is imported: the file
    std::string_view outside{};  // and its name there, "*" for all of it
};

// Immutable once made. Borrows tree and module.
class GlueScope {
public:
    GlueScope(const JsTree& tree, const ModuleShape& module);

    [[nodiscard]] const Name* find(std::string_view name) const;
    [[nodiscard]] const std::map<std::string_view, Name>& names() const { return names_; }
    // The statements whose names these are.
    [[nodiscard]] const Js& block() const { return *block_; }
    [[nodiscard]] const JsTree& tree() const { return tree_; }
    [[nodiscard]] const ModuleShape& module() const { return module_; }
    [[nodiscard]] const Helpers& helpers() const { return helpers_; }
    [[nodiscard]] HandleMode handles() const { return handles_; }
    [[nodiscard]] std::uint32_t slab_reserved() const { return slab_reserved_; }

    // The export's name where the node is `wasm.name`.
    [[nodiscard]] std::optional<std::string_view> wasm_member(const Js& node) const;
    [[nodiscard]] bool is_role(const Js& node, Role role) const;
    // Whether a statement outside of all functions changes that variable, so that its value is not
    // known.
    [[nodiscard]] bool changed(std::string_view name) const { return changed_.contains(name); }
    // Whether it calls a helper of that role.
    [[nodiscard]] bool calls(const Js& node, Role role) const;

private:
    struct Candidate {
        const Js* block;
        std::size_t score;
    };

    void find_wasm();
    void choose_block();
    std::size_t measure(const Js& node, std::vector<const Js*>& around,
                        std::map<const Js*, const Js*>& parents,
                        std::vector<Candidate>& candidates) const;
    void declare_block(const Js& block);
    void declare(const Js& statement);
    void declare_member(const Js& expression);
    void declare_variable(const Js& pair, bool constant);
    void declare_pattern(const Js& pattern, const Js& value);
    void add(std::string_view name, Name what);

    void find_changed(const Js& node);
    void find_heap();
    void find_views();
    void recognise(Name& name);
    Role recognise_one(const Js& function);
    Role recognise_slab(const Js& function, const Js* value);
    Role recognise_passing(const Js& function, Name& name);
    [[nodiscard]] bool calls_module(const Js& function, std::optional<std::size_t> arguments) const;
    Role recognise_two(const Js& function, Name& name);
    void recognise_closure(const Js& function, Name& name);
    void find_vector_length(const Js& function);
    void learn_table(const Js& function, Role role);
    [[nodiscard]] const Name* view_in(const Js& function) const;

    const JsTree& tree_;
    const ModuleShape& module_;
    std::set<std::string_view> exports_;
    std::string_view wasm_;
    const Js* block_ = nullptr;
    std::map<const Js*, const Js*> parents_;
    std::map<std::string_view, Name> names_;
    std::set<std::string_view> changed_;
    std::string_view heap_;
    Helpers helpers_;
    HandleMode handles_ = HandleMode::kNone;
    std::uint32_t slab_reserved_ = 0;
};

// Whether a node at or below `root` satisfies `test`.
template <class Test>
bool any_below(const Js& root, const Test& test) {
    if (test(root)) {
        return true;
    }
    for (const Js* const kid : root.kids) {
        if (any_below(*kid, test)) {
            return true;
        }
    }
    return false;
}

// A call of the method `name` of anything.
bool is_method_call(const Js& node, std::string_view name);
std::optional<Element> element_of_array(std::string_view constructor);

}  // namespace realm::glue
