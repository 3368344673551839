// The parser's inside, which js_expressions.cc and js_statements.cc share.
#pragma once

#include <initializer_list>

#include "glue/js_parser.h"

namespace realm::glue {

// Recursive descent. Its methods give a node, or nullptr when they failed: then `failure` says why
// and they left the text where it was.
class Parser {
public:
    explicit Parser(std::string_view source) : lexer_(source) { advance(); }

    Js* program();
    [[nodiscard]] const std::string& failure() const { return failure_; }
    JsTree& tree() { return tree_; }

private:
    // Counts how deep the grammar is within itself.
    class Nested {
    public:
        explicit Nested(Parser& parser) : parser_(parser) { ++parser_.nesting_; }
        ~Nested() { --parser_.nesting_; }
        Nested(const Nested&) = delete;
        Nested& operator=(const Nested&) = delete;
        Nested(Nested&&) = delete;
        Nested& operator=(Nested&&) = delete;
        [[nodiscard]] bool too_deep() const { return parser_.nesting_ > kMaxTreeDepth; }

    private:
        Parser& parser_;
    };

    void advance();
    std::size_t line_at(std::size_t place);
    bool accept(std::string_view mark);
    bool expect(std::string_view mark);
    [[nodiscard]] bool at(std::string_view mark) const { return token_.is(mark); }
    [[nodiscard]] Token peek();
    Js* fail(std::string_view what);
    Js* make(JsKind kind, std::size_t begin, std::initializer_list<Js*> kids = {});
    bool add(Js& parent, Js* kid);
    Js* nothing() { return make(JsKind::kNothing, token_.begin); }

    // Statements.
    Js* statement();
    Js* keyword_statement();
    Js* conditional_statement();
    Js* block();
    Js* variables();
    Js* for_statement();
    Js* for_each(std::size_t begin, Js* target);
    Js* try_statement();
    Js* switch_statement();
    Js* import_statement();
    Js* export_statement();
    Js* export_list(std::size_t begin);
    Js* condition();
    bool end_statement();

    // Functions and classes.
    Js* function(std::uint8_t flags);
    Js* function_rest(Js& made);
    Js* function_body();
    Js* skip(const Lexer& from, const Token& start, bool body);
    bool parameters(Js& made);
    Js* class_definition();
    Js* member();
    std::uint8_t property_words();
    Js* property_name(std::uint8_t& flags);
    Js* pattern();
    Js* pattern_item();

    // Expressions.
    Js* expression();
    Js* assignment();
    Js* conditional();
    Js* binary(int least);
    Js* unary();
    Js* postfix();
    Js* member_chain(Js* base, bool calls);
    Js* primary();
    Js* name_or_arrow();
    Js* async_arrow(std::size_t begin);
    Js* call_or_async_arrow(Js* name);
    Js* import_expression();
    Js* literal();
    Js* template_literal();
    Js* array();
    Js* object();
    Js* property();
    Js* parenthesised();
    Js* new_expression();
    Js* arrow(std::size_t begin, Js* parameters, std::uint8_t flags);
    bool arguments(Js& call);

    JsTree tree_;
    Lexer lexer_;
    Token token_;
    std::size_t nesting_ = 0;
    std::size_t work_ = 0;  // bytes and tokens read
    std::size_t line_ = 1;  // at line_place_
    std::size_t line_place_ = 0;
    const Js* bare_arrow_ = nullptr;  // the newest arrow function, unless brackets stand around it
    bool no_in_ = false;
    bool hopeless_ = false;  // a limit: stepping over a body would not help
    std::string failure_;
};

}  // namespace realm::glue
