// Turns functions of the glue into the operations of node.h.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "glue/bindings.h"
#include "glue/glue_scope.h"
#include "glue/js_tree.h"

namespace realm::glue {

// Fills the functions, variables, closures, constants and helpers of `bindings`. One for each
// reading; borrows the scopes.
class Lowering {
public:
    // `classes` are those that bodies may refer to, by name in the glue; `snippets` the other
    // files, by the path that the glue names.
    Lowering(const GlueScope& scope, const std::map<std::string, GlueScope>& snippets,
             Bindings& bindings);

    // The index of what the node, a kFunction of `scope`, becomes. The body follows in finish().
    std::uint32_t function(const Js& node, std::string_view name);
    // The same for a function of a snippet.
    std::uint32_t function_of(const GlueScope& scope, const Js& node, std::string_view name);
    // A function whose body gives the value of an expression called with its `parameters`.
    std::uint32_t calling(const Js& value, std::string_view name, std::uint32_t parameters);
    // A function that is one operation on its parameters.
    std::uint32_t made(std::string_view name, std::uint32_t parameters, Node body);
    // Before anything of a class is asked for.
    void add_class(const Js& node);
    // The constructor of a class that has fields and none of its own.
    std::uint32_t usual_constructor(const Js& node, std::string_view name);
    // A variable with the value of a static field.
    std::uint32_t static_field(const Js& field, std::string_view name);
    // What has started the module has set these variables: from then on they have these values.
    void set_started(std::map<std::string_view, const Js*> values) { started_ = std::move(values); }
    // Whether a class has fields that each of its objects gets.
    static bool has_fields(const Js& class_node);
    // Lowers all that was asked for, and what that refers to.
    void finish();

    // Why a function cannot be carried out; empty where it can. After finish().
    [[nodiscard]] std::string reason(std::uint32_t function) const;

private:
    struct Slot {
        bool fixed = false;          // a closure holds its value
        bool set = false;            // it has one
        std::size_t depth = 0;       // how many loops were around its declaration
        std::uint32_t changing = 0;  // the outermost loop within these that changes it, or 0
    };
    // In place of a slot: the name is declared further down.
    static constexpr std::uint32_t kLater = kNoSlot;
    // One function while it is read.
    struct Frame {
        Frame* around = nullptr;
        std::vector<std::pair<std::string_view, std::uint32_t>> names;
        std::vector<std::string_view> captured;
        std::vector<Slot> about;           // by slot
        std::vector<std::uint32_t> loops;  // those around what is read now
        std::uint32_t loops_so_far = 0;
        std::uint32_t slots = 0;
        bool arrow = false;
        const Js* member = nullptr;  // of a class: whose body this is, or an arrow's in it
    };
    class Loop;
    // What a function does with its node.
    enum class How : std::uint8_t { kBody, kCall, kValue, kFields, kUsualConstructor };
    struct Pending {
        const Js* node;
        std::uint32_t index;
        const GlueScope* scope;
        How how;
    };

    // Statements.
    void lower(const Pending& pending);
    Node body_of(const Js& function);
    Node block(const Js& node);
    Node statement(const Js& node);
    Node variables(const Js& node);
    Node try_statement(const Js& node);
    Node for_statement(const Js& node);
    Node for_of(const Js& node);
    Node switch_statement(const Js& node);
    void declare_vars(const Js& node);
    Node return_statement(const Js& node);
    Node while_statement(const Js& node);
    Node for_in(const Js& node);
    Node for_each(const Js& node, Node over);
    static void names_in(const Js& pattern, std::vector<std::string_view>& names);
    // What a pattern or a name of a declaration gets: a new variable, or one that is there.
    enum class Binds : std::uint8_t { kNew, kOld };
    Node bind(const Js& target, Node value, Binds binds);
    Node bind_pattern(const Js& pattern, Node value, Binds binds);

    // Classes.
    Node with_fields(const Js& member, Node body);
    Node fields_of(const Js& class_node);
    Node usual_constructor_of(const Js& class_node);
    Node parent_of(const Js& class_node);
    Node super_call(const Js& node);
    Node super_member(const Js& node, bool call);
    Node call_with_this(std::uint32_t function);
    Node this_value();
    const Js* class_around() const;
    const Js* derived_constructor() const;

    // Expressions.
    Node value(const Js& node);
    Node literal(const Js& node);
    Node name(const Js& node);
    Node module_name(const Name& known, std::string_view text);
    Node imported(const Name& known, std::string_view outside);
    const Name* imported_whole(const Js& object);
    Node unary(const Js& node);
    Node update(const Js& node);
    Node binary(const Js& node);
    Node assign(const Js& node);
    Node assign_to(const Js& target, Node value);
    Node assign_compound(const Js& node, Op oper);
    Node member(const Js& node);
    Node index(const Js& node);
    Node object(const Js& node);
    Node array(const Js& node);
    Node template_text(const Js& node);
    Node closure_value(const Js& node);

    // Calls.
    Node call(const Js& node);
    Node helper_call(const Js& node, const Name& helper);
    Node method_call(const Js& node);
    std::optional<Node> known_method(const Js& node, const Js& object, std::string_view method);
    std::optional<Node> data_view(const Js& node, std::string_view method);
    Node optional_chain(const Js& node);
    Node link(const Js& node, Node object);
    Node construct(const Js& node);
    Node make_closure(const Js& node, const Name& helper);
    Node address(const Js& index, Element type);
    void operands(Node& node, const Js& call, std::size_t first);
    bool has_spread(const Js& call) const;

    // Names and slots.
    std::optional<Node> local(std::string_view text);
    std::optional<std::uint32_t> capture(Frame& frame, std::string_view text);
    std::uint32_t declare(std::string_view text);
    std::uint32_t temporary();
    Node get(std::uint32_t slot);
    Node set(std::uint32_t slot, Node value);
    Node unsupported(std::string_view why);
    const Js* static_method(const Js& class_node, std::string_view name) const;
    std::uint32_t index_of(const Js& node, How how, std::string_view name,
                           std::uint32_t parameters);
    std::uint32_t variable(std::string_view text, const Name& known);
    bool constant(std::string_view text, const Name& known);

    const GlueScope& main_;
    const std::map<std::string, GlueScope>& snippets_;
    Bindings& bindings_;
    const GlueScope* scope_;
    Frame* frame_ = nullptr;
    std::string reason_;
    std::map<std::pair<const Js*, How>, std::uint32_t> indices_;
    std::map<std::uint32_t, std::string> reasons_;
    std::map<std::pair<const GlueScope*, std::string_view>, std::uint32_t> variables_;
    std::map<const Js*, const Js*> classes_;  // by member
    std::map<std::string_view, const Js*> started_;
    std::deque<Pending> pending_;
    std::size_t nodes_ = 0;
};

// Building blocks.
Node node_of(Op op, std::vector<Node> operands = {});
Node text_node(Op op, std::string_view text, std::vector<Node> operands = {});
Node index_node(Op op, std::uint32_t index, std::vector<Node> operands = {});
Node type_node(Op op, Element type, std::vector<Node> operands = {});
Node number_node(double number);
std::size_t depth_of(const Node& node);
// The flat object or list of numbers and strings that it writes down, also in Object.freeze.
std::optional<nlohmann::json> constant_value(const Js& node);

}  // namespace realm::glue
