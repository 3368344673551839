#include "glue/glue_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace realm::glue {
namespace {

ModuleItem item(std::string_view name, std::string_view type) {
    ModuleItem made{.module = "wbg", .name = std::string(name)};
    read_signature(type, made);
    return made;
}

Bindings read(const ModuleShape& module, std::string_view javascript,
              std::string_view declarations = "") {
    auto bindings = read_glue(module, {.path = "x.js",
                                       .javascript = std::string(javascript),
                                       .declarations = std::string(declarations)});
    EXPECT_TRUE(bindings) << bindings.error().message;
    return bindings ? std::move(*bindings) : Bindings{};
}

nlohmann::json body(const Bindings& bindings, std::uint32_t function) {
    return to_json(bindings.functions.at(function).body);
}

nlohmann::json import_body(const Bindings& bindings, std::string_view name) {
    const Import* const import = bindings.find_import(name);
    EXPECT_NE(import, nullptr);
    EXPECT_EQ(import->unsupported, "");
    return body(bindings, import->function);
}

const Export& export_named(const Bindings& bindings, std::string_view name) {
    const auto found = std::ranges::find(bindings.exports, name, &Export::name);
    EXPECT_NE(found, bindings.exports.end()) << name;
    return *found;
}

nlohmann::json json(std::string_view text) {
    return nlohmann::json::parse(text);
}

// Handles in a slab of 32, an allocator without alignment, results through a return area.
constexpr std::string_view kOld = R"js(
let wasm;
const heap = new Array(32).fill(undefined);
heap.push(undefined, null, true, false);
function getObject(idx) { return heap[idx]; }
let heap_next = heap.length;
function dropObject(idx) {
    if (idx < 36) return;
    heap[idx] = heap_next;
    heap_next = idx;
}
function takeObject(idx) {
    const ret = getObject(idx);
    dropObject(idx);
    return ret;
}
function addHeapObject(obj) {
    if (heap_next === heap.length) heap.push(heap.length + 1);
    const idx = heap_next;
    heap_next = heap[idx];
    heap[idx] = obj;
    return idx;
}
let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
let mem8 = null;
function getUint8Memory0() {
    if (mem8 === null || mem8.byteLength === 0) {
        mem8 = new Uint8Array(wasm.memory.buffer);
    }
    return mem8;
}
let mem32 = null;
function getInt32Memory0() {
    if (mem32 === null || mem32.byteLength === 0) {
        mem32 = new Int32Array(wasm.memory.buffer);
    }
    return mem32;
}
function getStringFromWasm0(ptr, len) {
    return cachedTextDecoder.decode(getUint8Memory0().subarray(ptr, ptr + len));
}
let WASM_VECTOR_LEN = 0;
const enc = new TextEncoder('utf-8');
function passStringToWasm0(arg, malloc, realloc) {
    const buf = enc.encode(arg);
    const ptr = malloc(buf.length);
    getUint8Memory0().subarray(ptr, ptr + buf.length).set(buf);
    WASM_VECTOR_LEN = buf.length;
    return ptr;
}
let stack_pointer = 32;
function addBorrowedObject(obj) {
    if (stack_pointer == 1) throw new Error('out of js stack');
    heap[--stack_pointer] = obj;
    return stack_pointer;
}
function isLikeNone(x) { return x === undefined || x === null; }
function handleError(f, args) {
    try { return f.apply(this, args); } catch (e) { wasm.__wbindgen_exn_store(addHeapObject(e)); }
}
function makeMutClosure(arg0, arg1, dtor, f) {
    const state = { a: arg0, b: arg1, cnt: 1, dtor };
    const real = (...args) => {
        state.cnt++;
        const a = state.a;
        state.a = 0;
        try {
            return f(a, state.b, ...args);
        } finally {
            if (--state.cnt === 0) {
                wasm.__wbindgen_export_2.get(state.dtor)(a, state.b);
            } else {
                state.a = a;
            }
        }
    };
    real.original = state;
    return real;
}
function __wbg_adapter_9(arg0, arg1, arg2) {
    wasm.closure_shim(arg0, arg1, addHeapObject(arg2));
}
export function greet(name) {
    try {
        const retptr = wasm.__wbindgen_add_to_stack_pointer(-16);
        const ptr0 = passStringToWasm0(name, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        const len0 = WASM_VECTOR_LEN;
        wasm.greet(retptr, ptr0, len0);
        var r0 = getInt32Memory0()[retptr / 4 + 0];
        var r1 = getInt32Memory0()[retptr / 4 + 1];
        return getStringFromWasm0(r0, r1);
    } finally {
        wasm.__wbindgen_add_to_stack_pointer(16);
        wasm.__wbindgen_free(r0, r1);
    }
}
export function keep(value) {
    try {
        wasm.keep(addBorrowedObject(value));
    } finally {
        heap[stack_pointer++] = undefined;
    }
}
export class Counter {
    static __wrap(ptr) {
        const obj = Object.create(Counter.prototype);
        obj.ptr = ptr;
        return obj;
    }
    free() {
        const ptr = this.ptr;
        this.ptr = 0;
        wasm.__wbg_counter_free(ptr);
    }
    constructor(start) {
        const ret = wasm.counter_new(start);
        return Counter.__wrap(ret);
    }
    get count() {
        const ret = wasm.__wbg_get_counter_count(this.ptr);
        return ret >>> 0;
    }
}
export const Size = Object.freeze({ Small: 0, "0": "Small", Large: 7, "7": "Large" });
export function __wbindgen_throw(arg0, arg1) { throw new Error(getStringFromWasm0(arg0, arg1)); };
export function __wbg_get_1() { return handleError(function (arg0, arg1) {
    const ret = Reflect.get(getObject(arg0), getObject(arg1));
    return addHeapObject(ret);
}, arguments) };
export function __wbindgen_cb_drop(arg0) {
    const obj = takeObject(arg0).original;
    if (obj.cnt-- == 1) {
        obj.a = 0;
        return true;
    }
    const ret = false;
    return ret;
};
export function __wbindgen_closure_wrapper5(arg0, arg1, arg2) {
    const ret = makeMutClosure(arg0, arg1, 668, __wbg_adapter_9);
    return addHeapObject(ret);
};
export const __wbg_random_2 = typeof Math.random == 'function' ? Math.random : notDefined('x');
export function __wbg_page_3(arg0) { out: for (const x of arg0) console.log(x); };
)js";

ModuleShape old_module() {
    return {
        .imports = {item("__wbindgen_throw", "(i32, i32) -> ()"),
                    item("__wbg_get_1", "(i32, i32) -> (i32)"),
                    item("__wbindgen_cb_drop", "(i32) -> (i32)"),
                    item("__wbindgen_closure_wrapper5", "(i32, i32, i32) -> (i32)"),
                    item("__wbg_random_2", "() -> (f64)"), item("__wbg_page_3", "(i32) -> ()"),
                    item("__wbg_none_4", "() -> ()")},
        .exports = {item("greet", "(i32, i32, i32) -> ()"), item("keep", "(i32) -> ()"),
                    item("counter_new", "(i32) -> (i32)"),
                    item("__wbg_counter_free", "(i32) -> ()"),
                    item("__wbg_get_counter_count", "(i32) -> (i32)"),
                    item("closure_shim", "(i32, i32, i32) -> ()"),
                    item("__wbindgen_malloc", "(i32) -> (i32)"),
                    item("__wbindgen_realloc", "(i32, i32, i32) -> (i32)"),
                    item("__wbindgen_free", "(i32, i32) -> ()"),
                    item("__wbindgen_exn_store", "(i32) -> ()"), item("__wbindgen_export_2", ""),
                    item("__wbindgen_add_to_stack_pointer", "(i32) -> (i32)")},
        .wasm_bindgen = "0.2.80"};
}

TEST(GlueReader, FindsTheFormOfTheModule) {
    const Bindings bindings = read(old_module(), kOld);
    EXPECT_EQ(bindings.handles, HandleMode::kSlab);
    EXPECT_EQ(bindings.slab_reserved, 32U);
    EXPECT_EQ(bindings.returns, ReturnMode::kReturnArea);
    EXPECT_EQ(bindings.helpers.malloc, "__wbindgen_malloc");
    EXPECT_EQ(bindings.helpers.stack_pointer, "__wbindgen_add_to_stack_pointer");
    EXPECT_EQ(bindings.helpers.exn_store, "__wbindgen_exn_store");
    EXPECT_EQ(bindings.helpers.function_table, "__wbindgen_export_2");
    EXPECT_EQ(bindings.source.wasm_bindgen, "0.2.80");
    EXPECT_EQ(bindings.exported_constants.at("Size"), "Size");
    EXPECT_EQ(bindings.constants.at("Size"),
              json(R"({"Small": 0.0, "0": "Small", "Large": 7.0, "7": "Large"})"));
}

TEST(GlueReader, ReadsImports) {
    const Bindings bindings = read(old_module(), kOld);
    EXPECT_EQ(import_body(bindings, "__wbindgen_throw"),
              json(R"(["throw", ["new", ["global", "Error"],
                       ["text", ["local", 0], ["local", 1]], "Error"]])"));
    EXPECT_FALSE(bindings.find_import("__wbindgen_throw")->catches);
    EXPECT_TRUE(bindings.find_import("__wbg_get_1")->catches);
    EXPECT_EQ(import_body(bindings, "__wbg_get_1"), json(R"(["sequence",
                       ["set_local", 2, ["method", "get", ["global", "Reflect"],
                                         ["handle_get", ["local", 0]],
                                         ["handle_get", ["local", 1]], "Reflect.get"]],
                       ["return", ["handle_add", ["local", 2]]]])"));
    EXPECT_EQ(import_body(bindings, "__wbindgen_cb_drop"),
              json(R"(["return", ["release_closure", 0, ["handle_take", ["local", 0]]]])"));
    EXPECT_EQ(import_body(bindings, "__wbindgen_closure_wrapper5"),
              json(R"(["sequence", ["set_local", 3, ["closure", 0, ["local", 0], ["local", 1]]],
                       ["return", ["handle_add", ["local", 3]]]])"));
    ASSERT_EQ(bindings.closures.size(), 1U);
    EXPECT_EQ(bindings.closures[0].kind, ClosureKind::kExclusive);
    EXPECT_EQ(bindings.closures[0].destroy_index, 668U);
    EXPECT_EQ(body(bindings, bindings.closures[0].function),
              json(R"(["wasm_call", "closure_shim", ["local", 0], ["local", 1],
                       ["handle_add", ["local", 2]]])"));
    EXPECT_EQ(import_body(bindings, "__wbg_random_2").at(1).at(0), "call");
}

TEST(GlueReader, SaysWhatItCannotCarryOut) {
    const Bindings bindings = read(old_module(), kOld);
    EXPECT_EQ(bindings.find_import("__wbg_page_3")->unsupported, "a label");
    EXPECT_EQ(bindings.find_import("__wbg_none_4")->unsupported,
              "the glue does not say what it does");
}

TEST(GlueReader, ReadsExports) {
    const Bindings bindings =
        read(old_module(), kOld, "export function greet(name: string): string;");
    const Export& greet = export_named(bindings, "greet");
    EXPECT_EQ(greet.wasm_export, "greet");
    ASSERT_EQ(greet.parameters.size(), 1U);
    EXPECT_EQ(greet.parameters[0].name, "name");
    EXPECT_EQ(greet.parameters[0].type.kind, Kind::kString);
    EXPECT_EQ(greet.result.kind, Kind::kString);
    EXPECT_EQ(greet.result.declared, "string");
    const auto tree = body(bindings, greet.function);
    EXPECT_EQ(tree.at(0), "try_finally");
    EXPECT_EQ(tree.at(1).at(2).at(2), json(R"(["pass_text", ["local", 0]])"));
    // r0 and r1 are variables of the function, and their index counts words.
    EXPECT_EQ(tree.at(1).at(6).at(2),
              json(R"(["load", "i32", ["+", ["local", 3], ["number", 4]]])"));
    EXPECT_EQ(body(bindings, export_named(bindings, "keep").function), json(R"(["try_finally",
                       ["wasm_call", "keep", ["handle_borrow", ["local", 0]]],
                       ["handle_return"]])"));
}

TEST(GlueReader, ReadsClasses) {
    const Bindings bindings = read(old_module(), kOld);
    const Class* const counter = bindings.find_class("Counter");
    ASSERT_NE(counter, nullptr);
    EXPECT_EQ(counter->exported, "Counter");
    EXPECT_EQ(counter->pointer, "ptr");
    EXPECT_EQ(counter->free, "__wbg_counter_free");
    const Export& made = export_named(bindings, "Counter");
    EXPECT_EQ(made.kind, ExportKind::kConstructor);
    EXPECT_EQ(body(bindings, made.function).at(2).at(1).at(0), "call_function");
    const Export& count = export_named(bindings, "count");
    EXPECT_EQ(count.kind, ExportKind::kGetter);
    EXPECT_EQ(count.result.kind, Kind::kU32);
    const Export& wrap = export_named(bindings, "__wrap");
    EXPECT_EQ(body(bindings, wrap.function).at(1),
              json(R"(["set_local", 1, ["allocate", "Counter"]])"));
}

// References, several results, names that a minifier chose, one function around it all.
constexpr std::string_view kNew = R"js(
"use strict";var pkg=(()=>{let e;
function a(t){const n=e.__externref_table_alloc();return e.__wbindgen_externrefs.set(n,t),n}
function o(t){const n=e.__wbindgen_externrefs.get(t);return e.__externref_table_dealloc(n),n}
let s=null;function i(){return null!==s&&0!==s.byteLength||(s=new Uint8Array(e.memory.buffer)),s}
const c=new TextDecoder("utf-8",{ignoreBOM:!0,fatal:!0});
function r(t,n){return function(t,n){return c.decode(i().subarray(t,t+n))}(t>>>0,n)}
function u(t){return null==t}
function h(t,n){try{return t.apply(this,n)}catch(t){const n=a(t);e.__wbindgen_exn_store(n)}}
const d="undefined"==typeof FinalizationRegistry?{register:()=>{},unregister:()=>{}}
  :new FinalizationRegistry(t=>e.__wbindgen_destroy_closure(t.a,t.b));
function f(t,n,x){const l={a:t,b:n,cnt:1},g=(...y)=>{l.cnt++;const b=l.a;l.a=0;
  try{return x(b,l.b,...y)}finally{l.a=b,g._wbg_cb_unref()}};
  return g._wbg_cb_unref=()=>{0==--l.cnt&&(e.__wbindgen_destroy_closure(l.a,l.b),l.a=0,d.unregister(l))},
  d.register(g,l,l),g}
function p(t,n,x){const l=e.shim_1(t,n,x);if(l[1])throw o(l[0])}
function m(t){const n=e.parse(t);if(n[2])throw o(n[1]);return o(n[0])}
function w(){const t={__proto__:null,
  __wbg_now_1:function(){return Date.now()},
  __wbg_call_2:function(){return h((function(t,n){return t.call(n)}),arguments)},
  __wbg_unref_3:function(t){t._wbg_cb_unref()},
  __wbg_maybe_4:function(t){const n=t.next;return u(n)?0:a(n)},
  __wbindgen_cast_0000000000000001:function(t,n){return f(t,n,p)}};
  return{__proto__:null,"./x_bg.js":t}}
exports.parse=m;})();
)js";

ModuleShape new_module() {
    return {.imports = {item("__wbg_now_1", "() -> (f64)"),
                        item("__wbg_call_2", "(externref, externref) -> (externref)"),
                        item("__wbg_unref_3", "(externref) -> ()"),
                        item("__wbg_maybe_4", "(externref) -> (i32)"),
                        item("__wbindgen_cast_0000000000000001", "(i32, i32) -> (externref)")},
            .exports = {item("parse", "(externref) -> (i32, i32, i32)"),
                        item("shim_1", "(i32, i32, externref) -> (i32, i32)"),
                        item("__externref_table_alloc", "() -> (i32)"),
                        item("__externref_table_dealloc", "(i32) -> ()"),
                        item("__wbindgen_externrefs", ""),
                        item("__wbindgen_destroy_closure", "(i32, i32) -> ()"),
                        item("__wbindgen_exn_store", "(i32) -> ()")}};
}

TEST(GlueReader, KnowsHelpersByWhatTheyDo) {
    const Bindings bindings = read(new_module(), kNew);
    EXPECT_EQ(bindings.handles, HandleMode::kTable);
    EXPECT_EQ(bindings.returns, ReturnMode::kMultiValue);
    EXPECT_EQ(bindings.helpers.table, "__wbindgen_externrefs");
    EXPECT_EQ(bindings.helpers.table_alloc, "__externref_table_alloc");
    EXPECT_EQ(bindings.helpers.table_dealloc, "__externref_table_dealloc");
    EXPECT_TRUE(bindings.find_import("__wbg_call_2")->catches);
    EXPECT_EQ(import_body(bindings, "__wbg_unref_3"),
              json(R"(["release_closure", 1, ["local", 0]])"));
    EXPECT_EQ(import_body(bindings, "__wbg_maybe_4").at(2),
              json(R"(["return", ["?", ["is_none", ["local", 1]], ["number", 0],
                                  ["handle_add", ["local", 1]]]])"));
    ASSERT_EQ(bindings.closures.size(), 1U);
    EXPECT_EQ(bindings.closures[0].destroy, "__wbindgen_destroy_closure");
    EXPECT_EQ(bindings.closures[0].kind, ClosureKind::kExclusive);
    const Export& parse = export_named(bindings, "parse");
    EXPECT_TRUE(parse.fallible);
    EXPECT_EQ(parse.result.kind, Kind::kValue);
    EXPECT_EQ(parse.parameters.at(0).type.kind, Kind::kValue);
}

TEST(GlueReader, FunctionsTakeWhatIsAroundThem) {
    // The executor of a promise, as the glue of async functions has it.
    ModuleShape module = new_module();
    module.imports = {item("__wbg_new_5", "(i32, i32) -> (externref)")};
    const Bindings bindings = read(module, R"js(
let wasm;
function shim(arg0, arg1, arg2, arg3) { wasm.shim_1(arg0, arg1, arg2, arg3); }
export function __wbg_new_5(arg0, arg1) {
    try {
        var state0 = {a: arg0, b: arg1};
        var cb0 = (arg0, arg1) => {
            const a = state0.a;
            state0.a = 0;
            try {
                return shim(a, state0.b, arg0, arg1);
            } finally {
                state0.a = a;
            }
        };
        const ret = new Promise(cb0);
        return ret;
    } finally {
        state0.a = state0.b = 0;
    }
}
export function parse(x) { return wasm.parse(x); }
)js");
    const auto tree = import_body(bindings, "__wbg_new_5");
    EXPECT_EQ(tree.at(1).at(2).at(2).at(0), "function");
    EXPECT_EQ(tree.at(1).at(2).at(2).at(2), json(R"(["local", 2])"));
    const Function& executor = bindings.functions.at(tree.at(1).at(2).at(2).at(1));
    EXPECT_EQ(executor.captures, 1U);
    EXPECT_EQ(executor.parameters, 2U);
    EXPECT_EQ(to_json(executor.body).at(1),
              json(R"(["set_local", 3, ["property", "a", ["local", 0]]])"));
}

TEST(GlueReader, TheModuleIsNotWhatThePackageOffers) {
    const Bindings bindings =
        read({.exports = {item("add", "(i32, f64) -> (f64)")}},
             "let wasm; exports.add = function(a, b) { return wasm.add(a, b); };");
    const Export& add = export_named(bindings, "add");
    EXPECT_EQ(add.wasm_export, "add");
    EXPECT_EQ(add.parameters.at(0).type.kind, Kind::kI32);
    EXPECT_EQ(add.parameters.at(1).type.kind, Kind::kF64);
    EXPECT_EQ(add.result.kind, Kind::kF64);
}

// Wrappers written by hand beside the glue, of a module that exports parse and free.
Bindings wrapped(std::string_view wrappers) {
    return read(new_module(),
                "let wasm; export class Plain { constructor(a) { this.__wbg_ptr = wasm.parse(a); } "
                "twice(a) { return wasm.parse(wasm.parse(a)); } }\n" +
                    std::string(wrappers));
}

std::string refusal(const Bindings& bindings, std::string_view name) {
    return export_named(bindings, name).unsupported;
}

TEST(GlueReader, DerivedClassesAreMadeThroughSuper) {
    const Bindings bindings = wrapped(R"js(
        let ready = false;
        export async function start(x) { await WebAssembly.instantiate(x); ready = true; }
        const Derived = class extends Plain {
            kept = [1];
            static made = 7;
            #hidden = 2;
            constructor(a, options) {
                if (!ready) throw new Error("start it");
                super(JSON.stringify(options ?? a));
            }
            twice(a) { return super.twice(a) + this.#hidden; }
        };
        class Bare extends Derived {}
        class Failure extends Error {
            constructor(text) { super(text); if (!text) return; this.name = "Failure"; }
        }
        export { Derived, Bare, Failure };
    )js");
    EXPECT_EQ(bindings.find_class("Derived")->parent, "Plain");
    EXPECT_EQ(bindings.find_class("Derived")->pointer, "__wbg_ptr");
    EXPECT_EQ(bindings.find_class("Failure")->builtin_parent, "Error");
    const auto made = body(bindings, export_named(bindings, "Derived").function);
    EXPECT_EQ(made.at(2), json(R"(["return", ["this"]])"));
    EXPECT_EQ(made.at(1).at(2).at(1).at(0), "super");
    EXPECT_EQ(made.at(1).at(2).at(1).at(1), json(R"(["class", "Plain"])"));
    // The fields follow, those with # where nobody sees them.
    const auto& fields = made.at(1).at(2).at(2);
    EXPECT_EQ(fields.at(1), "call");
    const auto set = body(bindings, fields.at(2).at(1));
    EXPECT_EQ(set.at(1), json(R"(["set_property", "kept", ["this"], ["array", ["number", 1]]])"));
    EXPECT_EQ(set.at(2).at(1), "defineProperty");
    const auto failure = body(bindings, export_named(bindings, "Failure").function);
    EXPECT_EQ(failure.at(1).at(1).at(1).at(1), json(R"(["global", "Error"])"));
    EXPECT_EQ(failure.at(1).at(2).at(2), json(R"(["return", ["this"]])"));
    // What starting the module sets is set, and a static field is a variable.
    for (const Variable& variable : bindings.variables) {
        ASSERT_TRUE(variable.function) << variable.name;
        EXPECT_EQ(body(bindings, *variable.function), variable.name == "ready"
                                                          ? json(R"(["return", ["true"]])")
                                                          : json(R"(["return", ["number", 7]])"));
    }
    EXPECT_EQ(bindings.variables.size(), 2U);
    const auto again = parse_bindings(bindings_text(bindings));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, bindings);
}

TEST(GlueReader, NothingIsLeftOutWithoutAWord) {
    const Bindings bindings = wrapped(R"js(
        let list = []; list.push(1); let table = {}; table.x = 1;
        export async function later(a) { return wasm.parse(a); }
        export function* all(a) { yield wasm.parse(a); }
        export function labelled(a) { out: for (;;) { break out; } }
        export function tagged(a) { return String.raw`x`; }
        export function changed() { return wasm.parse(table); }
        export function named() { return [1].map(function f(x) { return x ? f(x - 1) : 0; }); }
        export function early() { const g = () => x; const x = 1; return g(); }
        export function looped(a) {
            let last; const all = [];
            for (const x of a) { last = x; all.push(() => last); }
            return all;
        }
        export function accessor(a) { return { get x() { return wasm.parse(a); } }; }
        export const bound = later.bind(null);
        export class Mixed extends mix(Plain) {}
        export class Blocked { static { Blocked.x = wasm.parse(1); } }
        export class Strange extends list { constructor() { super(); } }
    )js");
    EXPECT_EQ(refusal(bindings, "later"), "it is an async function");
    EXPECT_EQ(refusal(bindings, "all"), "it is a generator");
    EXPECT_EQ(refusal(bindings, "labelled"), "a label");
    EXPECT_EQ(refusal(bindings, "tagged"), "a tagged template");
    EXPECT_EQ(refusal(bindings, "changed"),
              "it needs 'table', which statements outside of functions change");
    EXPECT_EQ(refusal(bindings, "named"), "a function that refers to itself by its name");
    EXPECT_EQ(refusal(bindings, "early"), "it takes 'x' before its declaration");
    EXPECT_EQ(refusal(bindings, "looped"),
              "a function in it takes a variable that a loop around it changes");
    EXPECT_EQ(refusal(bindings, "accessor"), "an object with an accessor");
    EXPECT_EQ(refusal(bindings, "bound"), "its value is known only when the package runs");
    EXPECT_EQ(refusal(bindings, "Mixed"), "it extends what is no class by name");
    EXPECT_EQ(refusal(bindings, "Blocked"), "it has a static block");
    EXPECT_EQ(refusal(bindings, "Strange"),
              "'super' in a class that extends 'list', which is not understood");
}

TEST(GlueReader, FindsExportsInChains) {
    const Bindings bindings =
        read({.exports = {item("add", "(i32) -> (i32)")}},
             "exports.a = exports.b = void 0; let wasm; function plus(x) { return wasm.add(x); }\n"
             "exports.a = exports.b = plus; exports.c = plus.bind(null);");
    EXPECT_EQ(refusal(bindings, "a"), "");
    EXPECT_EQ(refusal(bindings, "b"), "");
    EXPECT_EQ(refusal(bindings, "c"), "its value is known only when the package runs");
    const Bindings bundled =
        read({.exports = {item("add", "(i32) -> (i32)")}},
             "var offered = {}; put(offered, {Sum: () => Sum2, plus: () => plus2});"
             "module.exports = finish(offered); let wasm; var plus2 = (x) => wasm.add(x);"
             "var Sum = class { constructor(x) { this.__wbg_ptr = wasm.add(x); } };"
             "var Sum2 = class extends Sum { constructor(x) { super(x + 1); } };");
    EXPECT_EQ(refusal(bundled, "plus"), "");
    EXPECT_EQ(bundled.find_class("Sum2")->exported, "Sum");
    EXPECT_EQ(bundled.find_class("Sum")->exported, "");
}

TEST(GlueReader, ReadsStatementsAsJavaScriptMeansThem) {
    const Bindings bindings = wrapped(R"js(
        export function chain(a) { return wasm.parse(a?.b.c(1)); }
        export function once(a) { do { if (a) continue; } while (wasm.parse(a)); }
        export function keys(a) { for (const k in a) wasm.parse(k); }
        export function choose(a) {
            switch (a) { case 1: if (wasm.parse(a)) break; return 1; default: { break; } }
            return 2;
        }
        export function next(a) { a++; return wasm.parse(a); }
        export function call_a(a) { return a.b[0].c(wasm).d(); }
        export function call_b(a, b) { return a[b](); }
        export function call_c(a) { return (0, a.b)(); }
        export function call_d(a) { return new (a || b).e(); }
        export function swap(a, b) { [a, b] = [b, a]; return wasm.parse(a); }
    )js");
    for (const std::string_view name : {"chain", "once", "keys", "choose", "next", "swap"}) {
        EXPECT_EQ(refusal(bindings, name), "");
    }
    // All of the chain is left out where its beginning is none.
    EXPECT_EQ(body(bindings, export_named(bindings, "chain").function).at(1).at(2), json(R"(
        ["?", ["is_none", ["set_local", 1, ["local", 0]]], ["undefined"],
         ["method", "c", ["property", "b", ["local", 1]], ["number", 1], "a?.b.c"]])"));
    // How V8 writes what is called.
    const auto callee = [&](std::string_view name) {
        return body(bindings, export_named(bindings, name).function).at(1).back();
    };
    EXPECT_EQ(callee("call_a"), "a.b[0].c(...).d");
    EXPECT_EQ(callee("call_b"), "a[b]");
    EXPECT_EQ(callee("call_c"), "(0 , a.b)");
    EXPECT_EQ(callee("call_d"), "(intermediate value).e");
    const auto choose = body(bindings, export_named(bindings, "choose").function);
    EXPECT_EQ(choose.at(1).at(2).at(0), "while");
    const auto next = body(bindings, export_named(bindings, "next").function);
    EXPECT_EQ(next.at(1).at(2).at(2), json(R"(["-", ["local", 1], ["number", -1]])"));
}

TEST(GlueReader, WhatIsGivenUpLeavesNothingBehind) {
    ModuleShape module = new_module();
    module.imports = {item("__wbg_x", "(externref) -> ()")};
    const Bindings bindings = read(module, R"js(
let wasm;
export function __wbg_x(arg0) { arg0.then(async (a, b) => { await a; }); }
export function parse(x) { return wasm.parse(x); }
)js");
    EXPECT_EQ(bindings.find_import("__wbg_x")->unsupported, "it is an async function");
    const auto again = parse_bindings(bindings_text(bindings));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, bindings);
}

TEST(GlueReader, RefusesWhatIsNoGlue) {
    const auto refusal = [](std::string_view javascript) {
        const auto bindings =
            read_glue(old_module(), {.path = "x.js", .javascript = std::string(javascript)});
        EXPECT_FALSE(bindings);
        EXPECT_EQ(bindings.error().type, ErrorType::kInvalidRequest);
        EXPECT_EQ(bindings.error().code, "invalid_glue");
        return bindings.error().message;
    };
    EXPECT_EQ(refusal(""), "the JavaScript 'x.js': it says nothing about this module");
    EXPECT_EQ(refusal("function f() { `${"),
              "the JavaScript 'x.js': line 1: brackets do not match");
    EXPECT_EQ(refusal(std::string(std::size_t{16 << 20} + 1, ' ')),
              "the JavaScript 'x.js': it has more than 16777216 bytes");
}

TEST(GlueReader, DeepNestingIsAnErrorAndNoCrash) {
    ModuleShape module = new_module();
    module.imports = {item("__wbg_x", "() -> ()")};
    for (const std::string_view open : {"(", "[", "{a:", "!", "x=>", "f(", "`${", "function(){"}) {
        std::string text =
            "let wasm; export function parse(x) { wasm.parse(x) }\n"
            "export function __wbg_x() { return ";
        for (int i = 0; i < 20'000; ++i) {
            text += open;
        }
        const auto bindings = read_glue(module, {.path = "x.js", .javascript = text});
        if (bindings) {
            EXPECT_NE(bindings->find_import("__wbg_x")->unsupported, "") << open;
        }
    }
}

}  // namespace
}  // namespace realm::glue
