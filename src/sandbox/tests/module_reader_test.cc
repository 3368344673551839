// The reader against well-formed, truncated, damaged and random modules.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "harness.h"
#include "sandbox/module_info.h"
#include "sandbox/module_text.h"

namespace realm::sandbox::testing {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> numbers, std::string_view tail = {}) {
    std::vector<std::byte> bytes;
    for (const int number : numbers) {
        bytes.push_back(static_cast<std::byte>(number));
    }
    for (const char c : tail) {
        bytes.push_back(static_cast<std::byte>(c));
    }
    return bytes;
}

void append(std::vector<std::byte>& to, const std::vector<std::byte>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

void append_section(std::vector<std::byte>& to, int id, std::initializer_list<int> content) {
    append(to, bytes_of({id, static_cast<int>(content.size())}));
    append(to, bytes_of(content));
}

const std::vector<std::byte> kHeader = bytes_of({0, 'a', 's', 'm', 1, 0, 0, 0});

// A module with only the marker, whose last section is its code.
std::vector<std::byte> smallest_module() {
    std::vector<std::byte> wasm = kHeader;
    append(wasm, bytes_of({1, 5, 1, 0x60, 0, 1, 0x7f}));                  // type () -> i32
    append(wasm, bytes_of({3, 2, 1, 0}));                                 // one function of it
    append(wasm, bytes_of({7, 21, 1, 17}, "realm_abi_version"));          // its export
    append(wasm, bytes_of({0, 0}));                                       // function 0
    append(wasm, bytes_of({10, 8, 1, 6, 0, 0x41, 0x80, 0x80, 4, 0x0b}));  // i32.const 65536
    return wasm;
}

std::string error_of(const std::vector<std::byte>& wasm) {
    const auto info = read_module(wasm);
    return info ? "" : info.error().message;
}

TEST(ModuleReader, ReadsTheSmallestModule) {
    const auto info = read_module(smallest_module());
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->abi, (AbiVersion{.major = 1, .minor = 0}));
    ASSERT_EQ(info->exports.size(), 1U);
    EXPECT_EQ(info->exports[0].name, "realm_abi_version");
    EXPECT_EQ(info->exports[0].signature,
              (Signature{.parameters = {}, .results = {ValueType::kI32}}));
    EXPECT_EQ(info->find_export("realm_abi_version"), &info->exports[0]);
    EXPECT_EQ(info->find_export("other"), nullptr);
    EXPECT_TRUE(info->imports.empty());
}

TEST(ModuleReader, EveryTruncationIsRefused) {
    Harness harness;
    const auto wasm = smallest_module();
    ASSERT_TRUE(harness.runtime().compile("p", wasm));
    for (std::size_t length = 0; length < wasm.size(); ++length) {
        if (length == 8 || length == 15) {
            continue;  // the header alone, and with the types: modules, too
        }
        const auto program = harness.runtime().compile("p", std::span(wasm).first(length));
        ASSERT_FALSE(program) << length;
        EXPECT_EQ(program.error().type, ErrorType::kInvalidRequest);
        EXPECT_TRUE(program.error().message.starts_with("program 'p': "));
    }
}

TEST(ModuleReader, DamagedModulesGiveErrorsOrModulesNeverMore) {
    Harness harness;
    const auto good = smallest_module();
    std::size_t refused = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const int value : {0x00, 0x01, 0x0b, 0x41, 0x60, 0x7f, 0x80, 0xff}) {
            auto wasm = good;
            wasm[at] = static_cast<std::byte>(value);
            const auto program = harness.runtime().compile("p", wasm);
            if (!program) {
                ++refused;
                EXPECT_EQ(program.error().type, ErrorType::kInvalidRequest);
            }
        }
    }
    EXPECT_GT(refused, good.size());
}

TEST(ModuleReader, RandomBytesAreRefused) {
    std::mt19937 random(12345);
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::byte> wasm = round % 2 == 0 ? kHeader : std::vector<std::byte>{};
        const std::size_t length = 1 + random() % 300;
        for (std::size_t i = 0; i < length; ++i) {
            // Small numbers look like sections and get further.
            wasm.push_back(static_cast<std::byte>(random() % (round % 3 == 0 ? 16 : 256)));
        }
        const auto info = read_module(wasm);
        if (round % 2 == 1) {
            EXPECT_FALSE(info);
        } else if (info) {
            EXPECT_EQ(info->abi, std::nullopt);
        }
    }
}

TEST(ModuleReader, SaysWhatIsWrongAndWhere) {
    EXPECT_EQ(error_of({}), "the module is too short to be WebAssembly (at byte 0)");
    EXPECT_EQ(error_of(bytes_of({}, "GET / HTTP/1.1")),
              "the module does not begin with the header of WebAssembly, version 1 (at byte 8)");
    EXPECT_EQ(error_of(bytes_of({0, 'a', 's', 'm', 0x0d, 0, 1, 0})),
              "the module is a component; this server runs core modules (at byte 8)");

    const auto with = [](std::initializer_list<int> rest) {
        auto wasm = kHeader;
        append(wasm, bytes_of(rest));
        return error_of(wasm);
    };
    EXPECT_EQ(with({99, 0}), "the module has a section of unknown kind 99 (at byte 10)");
    EXPECT_EQ(with({1, 5, 1}), "the module ends within a section (at byte 10)");
    EXPECT_EQ(with({1, 0xff, 0xff, 0xff, 0xff, 0xff, 0}),
              "the module has a number that is too long in a section's size (at byte 14)");
    EXPECT_EQ(with({1, 0xff, 0xff, 0xff, 0xff, 0x1f}),
              "the module has a number above 32 bits in a section's size (at byte 14)");
    EXPECT_EQ(with({1, 2, 1, 0x33}), "the module has a type of unknown form 0x33 (at byte 12)");
    EXPECT_EQ(with({3, 1, 0xff}), "the module ends within the functions (at byte 11)");
    EXPECT_EQ(with({3, 2, 1, 0}),
              "the module declares 1 functions and has the code of 0 (at byte "
              "12)");
    EXPECT_EQ(with({2, 4, 1, 1, 0xff, 1}),
              "the module has a name that is not UTF-8 in an import (at byte 13)");
    EXPECT_EQ(with({7, 4, 1, 0, 0, 0}),
              "the module names a function or a type that does not exist (at byte 14)");
}

TEST(ModuleReader, SectionsStandOnceAndInOrder) {
    const auto with = [](std::initializer_list<int> ids) {
        auto wasm = kHeader;
        for (const int id : ids) {
            append_section(wasm, id, {0});  // none of what it lists, or a custom one without a name
        }
        return error_of(wasm);
    };
    // Tags stand before globals and the count of data before code, whatever their numbers.
    EXPECT_EQ(with({1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11}), "");
    EXPECT_EQ(with({0, 1, 0, 0, 11, 0}), "");
    EXPECT_EQ(with({7, 7}), "the module has section 7 twice (at byte 13)");
    EXPECT_EQ(with({5, 0, 5}), "the module has section 5 twice (at byte 16)");
    EXPECT_EQ(with({5, 4}), "the module has section 4 behind section 5 (at byte 13)");
    EXPECT_EQ(with({6, 13}), "the module has section 13 behind section 6 (at byte 13)");
    EXPECT_EQ(with({10, 12}), "the module has section 12 behind section 10 (at byte 13)");
    EXPECT_EQ(with({14}), "the module has a section of unknown kind 14 (at byte 10)");
}

TEST(ModuleReader, SizesThatNoModuleCanHaveAreNotLimitsReached) {
    const auto memory = [](std::initializer_list<int> type) {
        auto wasm = kHeader;
        append(wasm, bytes_of({5, static_cast<int>(type.size()) + 1, 1}));
        append(wasm, bytes_of(type));
        return error_of(wasm);
    };
    EXPECT_EQ(memory({0x00, 0x80, 0x80, 0x04}), "");
    EXPECT_EQ(memory({0x00, 0x81, 0x80, 0x04}),
              "the module has pages of memory up to 65537; 32 bits address 65536 (at byte 15)");
    EXPECT_EQ(memory({0x01, 0x01, 0x81, 0x80, 0x04}),
              "the module has pages of memory up to 65537; 32 bits address 65536 (at byte 16)");
    EXPECT_EQ(memory({0x04, 0x81, 0x80, 0x04}), "");  // 64 bits address more
    EXPECT_EQ(memory({0x01, 2, 2}), "");
    EXPECT_EQ(memory({0x01, 2, 1}),
              "the module has pages of memory that begin with 2 and have at most 1 (at byte 14)");
    EXPECT_EQ(memory({0x10, 1}), "the module has a memory with unknown flags 0x10 (at byte 12)");

    const auto table = [](std::initializer_list<int> limits) {
        auto wasm = kHeader;
        append(wasm, bytes_of({4, static_cast<int>(limits.size()) + 2, 1, 0x70}));
        append(wasm, bytes_of(limits));
        return error_of(wasm);
    };
    EXPECT_EQ(table({0x00, 0xff, 0xff, 0xff, 0xff, 0x0f}), "");
    EXPECT_EQ(table({0x00, 0x80, 0x80, 0x80, 0x80, 0x10}),
              "the module has elements of a table up to 4294967296; 32 bits address 4294967295 "
              "(at byte 18)");
    EXPECT_EQ(table({0x01, 1, 0}),
              "the module has elements of a table that begin with 1 and have at most 0 (at byte "
              "15)");
    EXPECT_EQ(table({0x08, 1}), "the module has a table with unknown flags 0x08 (at byte 13)");
}

// What the fuzzer found: unknown flags, a size beyond 32 bits and the section twice were taken for
// a memory limit that was reached.
TEST(ModuleReader, AModuleThatCannotBeIsNotToldToRaiseALimit) {
    Harness harness;
    auto wasm = kHeader;
    append(wasm, bytes_of({5, 8, 2, 0x70, 0xff, 0xff, 0xff, 0, 2, 0x60, 5, 4, 1, 1, 1, 2}));
    const auto program = harness.runtime().compile("p", wasm);
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(program.error().code, "invalid_module");
    EXPECT_EQ(program.error().message,
              "program 'p': the module has a memory with unknown flags 0x70 (at byte 12)");
}

TEST(ModuleReader, CountsThatLieDoNotCostMemory) {
    // 2^32 - 1 types, imports, functions or exports in a section of six bytes.
    for (const int section : {1, 2, 3, 7}) {
        auto wasm = kHeader;
        append(wasm, bytes_of({section, 5, 0xff, 0xff, 0xff, 0xff, 0x0f}));
        EXPECT_NE(error_of(wasm), "");
    }
}

TEST(ModuleReader, ListsImportsOfAllKinds) {
    auto wasm = kHeader;
    append_section(wasm, 1, {2, 0x60, 2, 0x7f, 0x7e, 1, 0x7c, 0x60, 1, 0x6f, 0});
    append_section(wasm, 2, {5,                              //
                             1, 'a', 1, 'f', 0, 0,           // function of type 0
                             1, 'a', 1, 'g', 0, 1,           // function with a reference
                             1, 'a', 1, 't', 1, 0x70, 0, 1,  // table
                             1, 'a', 1, 'm', 2, 1,    1, 2,  // memory
                             1, 'a', 1, 'x', 3, 0x7d, 1});   // mutable f32
    const auto info = read_module(wasm);
    ASSERT_TRUE(info) << info.error().message;
    ASSERT_EQ(info->imports.size(), 5U);
    EXPECT_EQ(info->imports[0].signature,
              (Signature{.parameters = {ValueType::kI32, ValueType::kI64},
                         .results = {ValueType::kF64}}));
    EXPECT_EQ(info->imports[1].signature, std::nullopt);
    const std::vector<ExternKind> kinds = {ExternKind::kFunction, ExternKind::kFunction,
                                           ExternKind::kTable, ExternKind::kMemory,
                                           ExternKind::kGlobal};
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        EXPECT_EQ(info->imports[i].module, "a");
        EXPECT_EQ(info->imports[i].kind, kinds[i]);
    }
    EXPECT_EQ(info->imports[4].name, "x");
    const std::vector<std::string> types = {"(i32, i64) -> f64", "(externref) -> ()", "1.. funcref",
                                            "1..2 pages", "mut f32"};
    for (std::size_t i = 0; i < types.size(); ++i) {
        EXPECT_EQ(info->imports[i].type, types[i]);
    }
}

TEST(ModuleReader, TellsWhatAModuleHolds) {
    const auto module = binary_of_text(R"((module
        (import "a" "f" (func (param v128 funcref)))
        (memory (export "m") 2 5) (memory i64 1)
        (table (export "t") 3 externref) (table 0 9 funcref)
        (global (export "g") (mut i64) (i64.const 1)) (global $h f32 (f32.const 0))
        (export "h" (global $h)) (export "f" (func 0))
        (func $s) (start $s) (func (export "e") (param f64) (result i32 externref)
            i32.const 1 ref.null extern)
        (elem (i32.const 0) externref (ref.null extern))
        (data (i32.const 0) "hello") (data "x")))");
    ASSERT_TRUE(module) << module.error().message;
    const auto info = read_module(*module);
    ASSERT_TRUE(info) << info.error().message;
    std::vector<std::string> exports;
    for (const ExportInfo& found : info->exports) {
        exports.push_back(found.name + " " + found.type);
    }
    EXPECT_EQ(exports,
              (std::vector<std::string>{"m 2..5 pages", "t 3.. externref", "g mut i64", "h f32",
                                        "f (v128, funcref) -> ()", "e (f64) -> (i32, externref)"}));
    EXPECT_EQ(info->memories,
              (std::vector<MemoryInfo>{{.pages = {.minimum = 2, .maximum = 5}},
                                       {.pages = {.minimum = 1, .maximum = {}}, .is_64 = true}}));
    EXPECT_EQ(info->tables, (std::vector<TableInfo>{
                                {.element = "externref", .elements = {.minimum = 3, .maximum = {}}},
                                {.element = "funcref", .elements = {.minimum = 0, .maximum = 9}}}));
    EXPECT_EQ(info->functions, 2U);
    EXPECT_EQ(info->globals, 2U);
    EXPECT_EQ(info->data_segments, 2U);
    EXPECT_EQ(info->element_segments, 1U);
    EXPECT_EQ(info->start, 1U);
    EXPECT_GT(info->code_bytes, 0U);
    EXPECT_GT(info->data_bytes, 6U);
    EXPECT_FALSE(info->is_realm_program());
}

TEST(ModuleReader, WhatItKeepsIsBounded) {
    const auto function_of = [](std::size_t parameters) {
        auto wasm = kHeader;
        const int low = static_cast<int>(parameters % 128) | 0x80;
        const int high = static_cast<int>(parameters / 128);
        const std::size_t size = 5 + parameters;
        append(wasm, bytes_of({1, static_cast<int>(size % 128) | 0x80, static_cast<int>(size / 128),
                               1, 0x60, low, high}));
        wasm.resize(wasm.size() + parameters, std::byte{0x7f});
        append(wasm, bytes_of({0}));
        return error_of(wasm);
    };
    EXPECT_EQ(function_of(1000), "");
    EXPECT_EQ(function_of(1001),
              "the module has a function with 1001 parameters or results; 1000 are allowed (at "
              "byte 15)");
    auto wasm = kHeader;
    append(wasm, bytes_of({7, 3, 0xa1, 0x8d, 6}));
    EXPECT_EQ(error_of(wasm),
              "the module has 100001 of the exports; 100000 are allowed (at byte 13)");
    wasm = kHeader;
    append(wasm, bytes_of({2, 3, 0xa0, 0x8d, 6}));
    EXPECT_EQ(error_of(wasm), "the module ends within an import (at byte 13)");
}

}  // namespace
}  // namespace realm::sandbox::testing
