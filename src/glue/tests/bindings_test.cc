#include "glue/bindings.h"

#include <gtest/gtest.h>

#include <limits>

namespace realm::glue {
namespace {

Node local(std::uint32_t slot) {
    Node node;
    node.op = Op::kLocal;
    node.index = slot;
    return node;
}

Bindings small() {
    Node call;
    call.op = Op::kWasmCall;
    call.text = "add";
    call.operands = {local(0), local(1)};
    Node body;
    body.op = Op::kReturn;
    body.operands = {call};
    Bindings bindings;
    bindings.source = {.package = "adder",
                       .package_version = "1.0.0",
                       .module = "adder_bg.wasm",
                       .glue = "adder.js",
                       .wasm_bindgen = "0.2.92"};
    bindings.handles = HandleMode::kSlab;
    bindings.slab_reserved = 128;
    bindings.helpers.malloc = "__wbindgen_malloc";
    bindings.constants = {{"Colour", nlohmann::json::array({"red", "green"})}};
    bindings.exported_constants = {{"Color", "Colour"}};
    bindings.functions = {{.name = "add", .parameters = 2, .slots = 3, .body = body}};
    bindings.closures = {{.kind = ClosureKind::kShared, .function = 0, .destroy_index = 7}};
    bindings.classes = {{.name = "Sum", .exported = "Sum", .pointer = "__wbg_ptr"}};
    bindings.imports = {{.name = "__wbg_now", .function = 0, .catches = true},
                        {.name = "__wbg_fetch", .unsupported = "there is no fetch"}};
    bindings.exports = {{.name = "add",
                         .function = 0,
                         .wasm_export = "add",
                         .parameters = {{.name = "a", .type = {.kind = Kind::kU32}},
                                        {.name = "b",
                                         .type = {.kind = Kind::kSlice,
                                                  .element = Element::kF64,
                                                  .optional = true,
                                                  .written = true,
                                                  .declared = "Float64Array"}}},
                         .result = {.kind = Kind::kObject, .class_name = "Sum"},
                         .fallible = true,
                         .certain = false}};
    bindings.notes = {"guessed"};
    return bindings;
}

std::string refusal(const nlohmann::json& json) {
    const auto read = read_bindings(json);
    if (read) {
        return "accepted";
    }
    EXPECT_EQ(read.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(read.error().code, "invalid_bindings");
    return read.error().message;
}

TEST(Bindings, RowsOfOperationsAreInOrder) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Op::kDebugText); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(op_row(static_cast<Op>(i)).op), i);
    }
    EXPECT_EQ(name_of(Kind::kEnum), "enum");
    EXPECT_EQ(name_of(Kind::kChar), "char");
    EXPECT_EQ(name_of(ExportKind::kStaticSetter), "static_setter");
    EXPECT_EQ(element_name(Element::kF64), "f64");
}

TEST(Bindings, ComeBackFromTheirText) {
    const Bindings bindings = small();
    const auto read = parse_bindings(bindings_text(bindings));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, bindings);
    EXPECT_EQ(bindings_text(*read), bindings_text(bindings));
}

TEST(Bindings, NumbersComeBack) {
    for (const double number : {0.0, -0.0, 1.5, 4294967297.0, 9007199254740991.0, 1e300,
                                std::numeric_limits<double>::infinity()}) {
        Node node;
        node.op = Op::kNumber;
        node.number = number;
        std::size_t left = 1;
        const auto read = read_node(nlohmann::json::parse(to_json(node).dump()), left);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->number, number);
        EXPECT_EQ(std::signbit(read->number), std::signbit(number));
    }
}

TEST(Bindings, SayWhatIsWrong) {
    auto json = to_json(small());
    json["format"] = 2;
    EXPECT_EQ(refusal(json), "the bindings of the module: format: is not 1");
    json = to_json(small());
    json["exports"][0]["parameters"][1]["type"]["kind"] = "word";
    EXPECT_TRUE(refusal(json).starts_with(
        "the bindings of the module: exports[0].parameters[1].type.kind: is none of unknown,"));
    json = to_json(small());
    json["functions"][0]["body"] = {"leap"};
    EXPECT_EQ(refusal(json),
              "the bindings of the module: functions[0].body: there is no operation 'leap'");
    json = to_json(small());
    json["functions"][0]["body"] = {"call", {"undefined"}, std::string(kMaxCalleeBytes, 'x')};
    EXPECT_EQ(refusal(json), "accepted");
    json["functions"][0]["body"] = {"call", {"undefined"}, std::string(kMaxCalleeBytes + 1, 'x')};
    EXPECT_EQ(refusal(json),
              "the bindings of the module: functions[0].body: 'call' is said to call what is "
              "longer than 200 bytes");
    json = to_json(small());
    json["imports"] = 1;
    EXPECT_EQ(refusal(json), "the bindings of the module: imports: is no array");
    EXPECT_EQ(refusal(1), "the bindings of the module: format: is not 1");
    EXPECT_EQ(parse_bindings("{").error().message,
              "the bindings of the module: JSON: cannot be parsed");
}

TEST(Bindings, ReferToWhatIsThere) {
    auto json = to_json(small());
    json["functions"][0]["body"] = {"local", 3};
    EXPECT_EQ(refusal(json), "the bindings of the module: function 'add': there is no slot 3");
    json["functions"][0]["body"] = {"local", 2};
    EXPECT_EQ(refusal(json), "accepted");
    json["functions"][0]["body"] = {"call_function", 1};
    EXPECT_EQ(
        refusal(json),
        "the bindings of the module: function 'add': there is no function 1 without captures");
    json["functions"][0]["body"] = {"constant", "Size"};
    EXPECT_EQ(refusal(json),
              "the bindings of the module: function 'add': there is no constant 'Size'");
    json["functions"][0]["body"] = {"allocate", "Other"};
    EXPECT_EQ(refusal(json),
              "the bindings of the module: function 'add': there is no class 'Other'");
    json = to_json(small());
    json["imports"][0]["function"] = 1;
    EXPECT_EQ(refusal(json), "the bindings of the module: import '__wbg_now': it has no function");
    json = to_json(small());
    json["exports"][0]["kind"] = "method";
    EXPECT_EQ(refusal(json), "the bindings of the module: export 'add': there is no class ''");
    json = to_json(small());
    json["functions"][0]["slots"] = 1;
    EXPECT_EQ(refusal(json),
              "the bindings of the module: functions[0].slots: are fewer than captures and "
              "parameters, or more than 1000");
}

TEST(Bindings, NestOnlySoDeep) {
    const auto nested = [](std::size_t depth) {
        nlohmann::json node{"this"};
        for (std::size_t i = 1; i < depth; ++i) {
            node = nlohmann::json::array({"!", std::move(node)});
        }
        auto json = to_json(small());
        json["functions"][0]["body"] = std::move(node);
        return json;
    };
    EXPECT_EQ(refusal(nested(kMaxNodeDepth)), "accepted");
    EXPECT_EQ(refusal(nested(kMaxNodeDepth + 1)),
              "the bindings of the module: functions[0].body: operations nest deeper than 200");
    EXPECT_TRUE(parse_bindings(nested(kMaxNodeDepth).dump()));
    EXPECT_EQ(parse_bindings(std::string(1000, '[')).error().message,
              "the bindings of the module: JSON: nests too deep");
    std::size_t left = 2;
    EXPECT_TRUE(read_node({"!", {"this"}}, left));
    left = 1;
    EXPECT_EQ(read_node({"!", {"this"}}, left).error().message, "more than 2000000 operations");
}

}  // namespace
}  // namespace realm::glue
