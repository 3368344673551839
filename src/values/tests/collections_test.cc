#include <cmath>

#include "world_fixture.h"

// NOLINTBEGIN(performance-unnecessary-value-param): native functions have one signature.
namespace realm::values {
namespace {

class CollectionsTest : public WorldTest {};

TEST_F(CollectionsTest, ArraysChangeInPlace) {
    const Value array = json("[3,1,2]");
    EXPECT_EQ(show(method(array, "push", {Value(5), Value(4)})), "5");
    EXPECT_EQ(show(method(array, "pop")), "4");
    EXPECT_EQ(show(method(array, "shift")), "3");
    EXPECT_EQ(show(method(array, "unshift", {Value(9)})), "4");
    EXPECT_EQ(show(array), "[9,1,2,5]");
    EXPECT_EQ(show(method(array, "splice", {Value(1), Value(2), text("x")})), "[1,2]");
    EXPECT_EQ(show(array), R"([9,"x",5])");
    EXPECT_EQ(show(method(array, "reverse")), R"([5,"x",9])");
    EXPECT_EQ(show(method(array, "fill", {Value(0), Value(1)})), "[5,0,0]");
    must(set(world_, array, text("length"), Value(1)));
    EXPECT_EQ(show(array), "[5]");
    must(set(world_, array, Value(3), Value(1)));
    EXPECT_EQ(show(property(array, "length")), "4");
}

TEST_F(CollectionsTest, ArraysAreReadWithoutChange) {
    const Value array = json("[1,2,3,2]");
    EXPECT_EQ(show(method(array, "slice", {Value(1), Value(-1)})), "[2,3]");
    EXPECT_EQ(show(method(array, "indexOf", {Value(2)})), "1");
    EXPECT_EQ(show(method(array, "lastIndexOf", {Value(2)})), "3");
    EXPECT_EQ(show(method(array, "includes", {Value(std::nan(""))})), "false");
    EXPECT_EQ(show(method(array, "at", {Value(-1)})), "2");
    EXPECT_EQ(show(method(array, "join", {text("-")})), R"("1-2-3-2")");
    EXPECT_EQ(show(method(array, "concat", {json("[7]"), Value(8)})), "[1,2,3,2,7,8]");
    EXPECT_EQ(show(method(json("[1,[2,[3]]]"), "flat")), "[1,2,[3]]");
    EXPECT_EQ(show(method(array, "toString")), R"("1,2,3,2")");
    EXPECT_EQ(show(run("Array.from", {text("a😀")})), R"(["a","😀"])");
    EXPECT_EQ(show(run("Array.of", {Value(7)})), "[7]");
    EXPECT_EQ(show(make("Array", {Value(2)})), R"([{"$undefined":true},{"$undefined":true}])");
    EXPECT_EQ(error_of(make("Array", {Value(-1)})), "RangeError: Invalid array length");
}

TEST_F(CollectionsTest, CallbacksGetElementIndexAndArray) {
    const Value array = json("[1,2,3]");
    const Value add_index = function(+[](World& /*world*/, Call call) -> Eventual<Value> {
        return Value(call.argument(0).number() + call.argument(1).number());
    });
    const Value is_odd = function(+[](World& /*world*/, Call call) -> Eventual<Value> {
        return Value(std::fmod(call.argument(0).number(), 2) == 1);
    });
    const Value throws = function(
        +[](World& world, Call /*call*/) -> Eventual<Value> { return world.range_error("no"); });
    EXPECT_EQ(show(method(array, "map", {add_index})), "[1,3,5]");
    EXPECT_EQ(show(method(array, "filter", {is_odd})), "[1,3]");
    EXPECT_EQ(show(method(array, "find", {is_odd})), "1");
    EXPECT_EQ(show(method(array, "findLastIndex", {is_odd})), "2");
    EXPECT_EQ(show(method(array, "some", {is_odd})), "true");
    EXPECT_EQ(show(method(array, "every", {is_odd})), "false");
    EXPECT_EQ(show(method(array, "reduce", {add_index, Value(10)})), "16");
    EXPECT_EQ(error_of(method(json("[]"), "reduce", {add_index})),
              "TypeError: Reduce of empty array with no initial value");
    EXPECT_EQ(error_of(method(array, "forEach", {throws})), "RangeError: no");
    EXPECT_EQ(error_of(method(array, "map", {Value()})), "TypeError: undefined is not a function");
}

TEST_F(CollectionsTest, SortIsStableAndByTextWithoutAComparator) {
    EXPECT_EQ(show(method(json(R"([10,9,1,{"$undefined":true},"b"])"), "sort")),
              R"([1,10,9,"b",{"$undefined":true}])");
    const Value by_length = function(+[](World& /*world*/, Call call) -> Eventual<Value> {
        return Value(static_cast<double>(call.argument(0).string().length()) -
                     static_cast<double>(call.argument(1).string().length()));
    });
    EXPECT_EQ(show(method(json(R"(["bb","a","aa","c"])"), "sort", {by_length})),
              R"(["a","c","bb","aa"])");
    EXPECT_EQ(error_of(method(json("[1]"), "sort", {Value(1)})),
              "TypeError: The comparison function must be either a function or undefined");
}

TEST_F(CollectionsTest, MapsKeepTheOrderOfInsertion) {
    const Value map = must(make("Map", {json(R"([["a",1],["b",2]])")}));
    must(method(map, "set", {text("a"), Value(3)}));
    must(method(map, "set", {Value(-0.0), text("zero")}));
    must(method(map, "set", {Value(std::nan("")), text("nan")}));
    EXPECT_EQ(show(map), R"({"$map":[["a",3],["b",2],[0,"zero"],[{"$number":"NaN"},"nan"]]})");
    EXPECT_EQ(show(method(map, "get", {Value(std::nan(""))})), R"("nan")");
    EXPECT_EQ(show(property(map, "size")), "4");
    EXPECT_EQ(show(method(map, "delete", {text("a")})), "true");
    EXPECT_EQ(show(method(map, "delete", {text("a")})), "false");
    must(method(map, "set", {text("a"), Value(9)}));
    EXPECT_EQ(show(run("Array.from", {must(method(map, "keys"))})),
              R"(["b",0,{"$number":"NaN"},"a"])");
    EXPECT_EQ(error_of(make("Map", {json("[1]")})),
              "TypeError: Iterator value 1 is not an entry object");
    EXPECT_EQ(error_of(make("Map", {Value(5)})),
              "TypeError: number 5 is not iterable (cannot read property Symbol(Symbol.iterator))");
}

TEST_F(CollectionsTest, IteratorsSeeWhatIsAddedAndSkipWhatIsRemoved) {
    const Value set = must(make("Set", {json("[1,2,3,2]")}));
    EXPECT_EQ(show(set), R"({"$set":[1,2,3]})");
    const Value iterator = must(method(set, "values"));
    EXPECT_EQ(show(method(iterator, "next")), R"({"value":1,"done":false})");
    must(method(set, "delete", {Value(2)}));
    must(method(set, "add", {Value(4)}));
    EXPECT_EQ(show(method(iterator, "next")), R"({"value":3,"done":false})");
    // Entries that are gone are thrown away meanwhile.
    for (int i = 0; i < 100; ++i) {
        must(method(set, "add", {Value(100 + i)}));
        must(method(set, "delete", {Value(100 + i)}));
    }
    EXPECT_EQ(show(method(iterator, "next")), R"({"value":4,"done":false})");
    EXPECT_EQ(show(method(iterator, "next")), R"({"value":{"$undefined":true},"done":true})");
    EXPECT_EQ(show(method(iterator, "next")), R"({"value":{"$undefined":true},"done":true})");
}

TEST_F(CollectionsTest, WeakCollectionsTakeObjectsAlone) {
    const Value map = must(make("WeakMap"));
    const Value key = world_.object();
    must(method(map, "set", {key, Value(1)}));
    EXPECT_EQ(show(method(map, "get", {key})), "1");
    EXPECT_EQ(error_of(method(map, "set", {Value(1), Value(1)})),
              "TypeError: Invalid value used as weak map key");
    const Value reference = must(make("WeakRef", {key}));
    EXPECT_TRUE(must(method(reference, "deref")).same_bits(key));
}

TEST_F(CollectionsTest, IterationFollowsTheProtocol) {
    const Value iterable = world_.object();
    iterable.object().put(
        world_.names().iterator,
        function(
            +[](World& world, Call call) -> Eventual<Value> {
                const Value iterator = world.object();
                iterator.object().put(world.names().next,
                                      static_cast<NativeFunction&>(*call.callee).captured(0));
                return iterator;
            },
            {function(
                +[](World& world, Call call) -> Eventual<Value> {
                    Value& count = static_cast<NativeFunction&>(*call.callee).captured(0);
                    count = Value(count.number() + 1);
                    return iterator_result(world, count, count.number() > 3);
                },
                {Value(0)})}));
    EXPECT_EQ(show(run("Array.from", {iterable})), "[1,2,3]");
    EXPECT_EQ(
        error_of(list_from_iterable(world_, Value())),
        "TypeError: undefined is not iterable (cannot read property Symbol(Symbol.iterator))");
    EXPECT_EQ(error_of(list_from_iterable(world_, world_.object())),
              "TypeError: object is not iterable (cannot read property Symbol(Symbol.iterator))");
}

}  // namespace
}  // namespace realm::values
// NOLINTEND(performance-unnecessary-value-param)
