#include "bindgen_bench.h"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "glue/bindings.h"
#include "sandbox/custom_section.h"
#include "sandbox/executor.h"
#include "sandbox/module_text.h"
#include "sandbox/package_export.h"
#include "values/operations.h"

namespace realm::sandbox {
namespace {

constexpr int kCalls = 100'000;
constexpr std::size_t kTextBytes = 1024;

// With the glue's own trees: a return area for the string's address and length.
constexpr std::string_view kGuest = R"((module
    (memory (export "memory") 1)
    (global $stack (mut i32) (i32.const 8192))
    (func (export "__wbindgen_add_to_stack_pointer") (param i32) (result i32)
      (global.set $stack (i32.add (global.get $stack) (local.get 0))) (global.get $stack))
    (func (export "__wbindgen_malloc") (param i32 i32) (result i32) (i32.const 16384))
    (func (export "__wbindgen_free") (param i32 i32 i32))
    (func (export "next") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "echo") (param i32 i32 i32)
      (i32.store (local.get 0) (local.get 1))
      (i32.store offset=4 (local.get 0) (local.get 2)))))";

constexpr std::string_view kBindings = R"({
  "format": 1, "returns": "return_area", "handles": "slab", "slab_reserved": 128,
  "helpers": {"malloc": "__wbindgen_malloc", "free": "__wbindgen_free",
              "stack_pointer": "__wbindgen_add_to_stack_pointer"},
  "functions": [
    {"name": "next", "parameters": 1, "slots": 2,
     "body": ["sequence", ["set_local", 1, ["wasm_call", "next", ["local", 0]]],
              ["return", ["local", 1]]]},
    {"name": "echo", "parameters": 1, "slots": 6,
     "body": ["try_finally",
       ["sequence",
         ["set_local", 1, ["wasm_call", "__wbindgen_add_to_stack_pointer", ["number", -16]]],
         ["set_local", 2, ["pass_text", ["local", 0]]],
         ["set_local", 3, ["vector_length"]],
         ["wasm_call", "echo", ["local", 1], ["local", 2], ["local", 3]],
         ["set_local", 4, ["load", "i32", ["+", ["local", 1], ["number", 0]]]],
         ["set_local", 5, ["load", "i32", ["+", ["local", 1], ["number", 4]]]],
         ["return", ["text", ["local", 4], ["local", 5]]]],
       ["sequence",
         ["wasm_call", "__wbindgen_add_to_stack_pointer", ["number", 16]],
         ["wasm_call", "__wbindgen_free", ["local", 4], ["local", 5], ["number", 1]]]]}],
  "exports": [
    {"name": "next", "kind": "function", "parameters": [], "result": {"kind": "i32"},
     "function": 0},
    {"name": "echo", "kind": "function", "parameters": [], "result": {"kind": "string"},
     "function": 1}]})";

template <class T>
T or_throw(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message);
    }
    return std::move(*result);
}

base::Task<Result<void>> call_often(Guest& guest, std::string name, bool text, double& took_us) {
    const auto found = find_package_export(guest, name);
    if (!found) {
        co_return std::unexpected(found.error());
    }
    values::World& world = *found->world;
    const std::array arguments{text ? world.string(std::string(kTextBytes, 'x'))
                                    : values::Value(41)};
    const auto begin = base::SteadyClock::now();
    for (int i = 0; i < kCalls; ++i) {
        const auto result =
            co_await values::call(world, found->function, values::Value(), arguments);
        if (!result) {
            co_return std::unexpected(error_of_thrown(guest, result.error()));
        }
    }
    const std::chrono::duration<double, std::micro> took = base::SteadyClock::now() - begin;
    took_us = took.count() / kCalls;
    co_return Result<void>();
}

double measure(Executor& executor, const std::shared_ptr<const Program>& program,
               const std::string& name, bool text) {
    double took_us = 0;
    std::promise<RunOutcome> ended;
    const auto guest =
        executor.keep(program, std::make_shared<int>(), {}, [](const Error& /*reason*/) {});
    const auto submitted =
        guest->submit([&](Guest& at_rest) { return call_often(at_rest, name, text, took_us); }, {},
                      [&](RunOutcome outcome) { ended.set_value(std::move(outcome)); });
    if (!submitted) {
        throw std::runtime_error(submitted.error().message);
    }
    if (const auto outcome = ended.get_future().get(); outcome.error) {
        throw std::runtime_error(outcome.error->message);
    }
    return took_us;
}

}  // namespace

BindgenCosts measure_bindgen() {
    auto runtime = or_throw(Runtime::create({}, {}));
    const auto wasm = or_throw(binary_of_text(kGuest));
    const auto module =
        or_throw(with_custom_section(wasm, glue::kBindingsSection, base::as_bytes(kBindings)));
    const auto program = or_throw(runtime->compile("bindgen_bench", module));
    Executor executor(runtime, {.threads = 1, .background_threads = 0});
    return {.call_us = measure(executor, program, "next", false),
            .string_us = measure(executor, program, "echo", true)};
}

}  // namespace realm::sandbox
