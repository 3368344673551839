#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class ObjectTest : public WorldTest {};

TEST_F(ObjectTest, KeysComeInJavaScriptsOrder) {
    const Value object = json(R"({"b":1,"2":2,"a":3,"1":4})");
    EXPECT_EQ(show(object), R"({"1":4,"2":2,"b":1,"a":3})");
    must(delete_property(world_, object, text("b")));
    must(set(world_, object, text("b"), Value(5)));
    EXPECT_EQ(show(run("Object.keys", {object})), R"(["1","2","a","b"])");
    EXPECT_EQ(show(run("Object.entries", {object})), R"([["1",4],["2",2],["a",3],["b",5]])");
    EXPECT_EQ(show(run("Object.values", {object})), "[4,2,3,5]");
}

TEST_F(ObjectTest, ManyPropertiesAreFoundAndDeletedToo) {
    const Value object = world_.object();
    for (int i = 0; i < 1000; ++i) {
        must(set(world_, object, text("k" + std::to_string(i)), Value(i)));
    }
    for (int i = 0; i < 1000; i += 2) {
        must(delete_property(world_, object, text("k" + std::to_string(i))));
    }
    EXPECT_EQ(show(property(object, "k501")), "501");
    EXPECT_EQ(show(property(object, "k500")), R"({"$undefined":true})");
    EXPECT_EQ(own_keys(world_, object.object())->size(), 500U);
}

TEST_F(ObjectTest, UndefinedAndNullHaveNoProperties) {
    EXPECT_EQ(error_of(get(world_, Value(), world_.key("x"))),
              "TypeError: Cannot read properties of undefined (reading 'x')");
    EXPECT_EQ(error_of(get(world_, Value::null(), Value(0))),
              "TypeError: Cannot read properties of null (reading '0')");
    EXPECT_EQ(error_of(set(world_, Value(), world_.key("x"), Value(1))),
              "TypeError: Cannot set properties of undefined (setting 'x')");
}

TEST_F(ObjectTest, WhatIsNoFunctionIsNotCalled) {
    EXPECT_EQ(error_of(call(world_, Value(1), Value(), {}, "f")), "TypeError: f is not a function");
    EXPECT_EQ(error_of(method(world_.object(), "go")), "TypeError: go is not a function");
    EXPECT_EQ(error_of(construct(world_, Value(1), {}, "x")), "TypeError: x is not a constructor");
    EXPECT_EQ(error_of(run("Map", {})), "TypeError: Constructor Map requires 'new'");
}

TEST_F(ObjectTest, FrozenObjectsRefuseChanges) {
    const Value object = json(R"({"a":1})");
    must(run("Object.freeze", {object}));
    EXPECT_EQ(error_of(set(world_, object, text("a"), Value(2))),
              "TypeError: Cannot assign to read only property 'a' of object '#<Object>'");
    EXPECT_EQ(error_of(set(world_, object, text("b"), Value(2))),
              "TypeError: Cannot add property b, object is not extensible");
    EXPECT_EQ(error_of(delete_property(world_, object, text("a"))),
              "TypeError: Cannot delete property 'a' of #<Object>");
    EXPECT_EQ(show(run("Reflect.set", {object, text("a"), Value(2)})), "false");
    EXPECT_EQ(show(run("Object.isFrozen", {object})), "true");
    const Value array = list({Value(1)});
    must(run("Object.freeze", {array}));
    EXPECT_EQ(error_of(set(world_, array, Value(0), Value(2))),
              "TypeError: Cannot assign to read only property '0' of object '[object Array]'");
    EXPECT_EQ(show(array), "[1]");
}

TEST_F(ObjectTest, GettersAndSettersRun) {
    const Value object = world_.object();
    const Value getter = function(+[](World& world, Call call) -> Eventual<Value> {
        return get(world, call.self, world.key("hidden"));
    });
    const Value setter = function(+[](World& world, Call call) -> Eventual<Value> {
        return set(world, call.self, world.key("hidden"), call.argument(0));
    });
    const Value description = world_.object();
    must(set(world_, description, text("get"), getter));
    must(set(world_, description, text("set"), setter));
    must(run("Object.defineProperty", {object, text("x"), description}));
    must(set(world_, object, text("x"), Value(7)));
    EXPECT_EQ(show(property(object, "x")), "7");
    EXPECT_EQ(show(object), R"({"hidden":7})");
    EXPECT_EQ(show(run("Object.getOwnPropertyDescriptor", {object, text("hidden")})),
              R"({"value":7,"writable":true,"enumerable":true,"configurable":true})");
    const Value read_only = world_.object();
    must(set(world_, description, text("set"), Value()));
    must(run("Object.defineProperty", {read_only, text("x"), description}));
    EXPECT_EQ(error_of(set(world_, read_only, text("x"), Value(1))),
              "TypeError: Cannot set property x of #<Object> which has only a getter");
    EXPECT_EQ(
        error_of(run("Object.defineProperty", {read_only, text("x"), json(R"({"value":1})")})),
        "TypeError: Cannot redefine property: x");
}

TEST_F(ObjectTest, ObjectsFunctionsDoWhatTheirNamesSay) {
    EXPECT_EQ(show(run("Object.assign", {json(R"({"a":1})"), Value(), json(R"({"b":2})")})),
              R"({"a":1,"b":2})");
    EXPECT_EQ(show(run("Object.fromEntries", {json(R"([["a",1],["b",2]])")})), R"({"a":1,"b":2})");
    EXPECT_EQ(show(run("Object.is", {Value(0), Value(-0.0)})), "false");
    const Value parent = json(R"({"a":1})");
    const Value child = must(run("Object.create", {parent}));
    EXPECT_EQ(show(property(child, "a")), "1");
    EXPECT_EQ(show(run("Object.hasOwn", {child, text("a")})), "false");
    EXPECT_TRUE(must(run("Object.getPrototypeOf", {child})).same_bits(parent));
    EXPECT_EQ(error_of(run("Object.setPrototypeOf", {parent, child})),
              "TypeError: Cyclic __proto__ value");
    EXPECT_EQ(error_of(run("Object.keys", {Value()})),
              "TypeError: Cannot convert undefined or null to object");
    EXPECT_EQ(show(run("Object.keys", {text("ab")})), R"(["0","1"])");
}

TEST_F(ObjectTest, EveryClassSaysWhatItIs) {
    const auto tag = [&](const Value& value) {
        const Value to_text = property(Value::of(world_.prototype(Builtin::kObject)), "toString");
        return must(call(world_, to_text, value, {})).string().utf8();
    };
    EXPECT_EQ(tag(Value()), "[object Undefined]");
    EXPECT_EQ(tag(list({})), "[object Array]");
    EXPECT_EQ(tag(global("Map")), "[object Function]");
    EXPECT_EQ(tag(must(make("Map"))), "[object Map]");
    EXPECT_EQ(tag(must(make("Uint8Array", {Value(1)}))), "[object Uint8Array]");
    EXPECT_EQ(tag(must(make("Error"))), "[object Error]");
    EXPECT_EQ(tag(must(make("Date", {Value(0)}))), "[object Date]");
    EXPECT_EQ(tag(must(run("Promise.resolve", {}))), "[object Promise]");
    EXPECT_EQ(tag(big(1)), "[object BigInt]");
    EXPECT_EQ(tag(global("Math")), "[object Math]");
}

TEST_F(ObjectTest, ReflectReportsInsteadOfThrowing) {
    const Value object = json(R"({"a":1})");
    EXPECT_EQ(show(run("Reflect.get", {object, text("a")})), "1");
    EXPECT_EQ(show(run("Reflect.has", {object, text("b")})), "false");
    EXPECT_EQ(show(run("Reflect.set", {object, text("b"), Value(2)})), "true");
    EXPECT_EQ(show(run("Reflect.ownKeys", {object})), R"(["a","b"])");
    EXPECT_EQ(show(run("Reflect.deleteProperty", {object, text("a")})), "true");
    EXPECT_EQ(show(object), R"({"b":2})");
    EXPECT_EQ(error_of(run("Reflect.get", {Value(1), text("a")})),
              "TypeError: Reflect.get called on non-object");
    EXPECT_EQ(
        show(run("Reflect.apply", {property(global("Math"), "max"), Value(), json("[1,5,3]")})),
        "5");
    EXPECT_EQ(show(run("Reflect.construct", {global("Array"), json("[1,2]")})), "[1,2]");
}

TEST_F(ObjectTest, FunctionsHaveNamesAndAreBound) {
    EXPECT_EQ(show(property(property(global("Object"), "keys"), "name")), R"("keys")");
    EXPECT_EQ(show(property(property(global("Object"), "keys"), "length")), "1");
    const Value max = property(global("Math"), "max");
    const Value bound = must(method(max, "bind", {Value(), Value(10)}));
    EXPECT_EQ(show(call(world_, bound, Value(), {})), "10");
    EXPECT_EQ(show(property(bound, "name")), R"("bound max")");
    EXPECT_EQ(show(method(max, "apply", {Value(), json("[1,2]")})), "2");
    EXPECT_EQ(show(method(max, "call", {Value(), Value(1), Value(9)})), "9");
    const Value finder = must(make("Function", {text("return this")}));
    EXPECT_TRUE(must(call(world_, finder, Value(), {})).same_bits(Value::of(world_.global())));
    EXPECT_EQ(error_of(make("Function", {text("return 1")})),
              "EvalError: Code generation from strings disallowed for this context");
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
