#include "registry/program_catalog.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "base/bytes.h"
#include "registry/file_util.h"
#include "registry/inspect.h"
#include "registry/tests/test_server.h"
#include "sandbox/custom_section.h"
#include "sandbox/module_text.h"

namespace realm::registry {
namespace {

constexpr std::array<std::string_view, 2> kInterfaces{"log", "model"};

struct Host {
    struct Calls {
        void log() {}
        void model() {}
        void common() {}
    };
    Calls calls;
};

std::vector<sandbox::HostFunction> host_functions() {
    using sandbox::bind;
    return {bind<&Host::calls, &Host::Calls::log>("realm_log"),
            bind<&Host::calls, &Host::Calls::model>("realm_model"),
            bind<&Host::calls, &Host::Calls::common>("realm_common")};
}

std::string binary(std::string_view text) {
    const auto made = sandbox::binary_of_text(text);
    EXPECT_TRUE(made) << made.error().message;
    return std::string(base::as_text(*made));
}

std::string module_with(std::string_view parts) {
    return binary(R"((module )" + std::string(parts) +
                  R"( (func (export "realm_abi_version") (result i32) i32.const 65536)
                      (func (export "realm_run"))))");
}

// Counts what it compiles.
class CountingCompiler final : public Compiler {
public:
    explicit CountingCompiler(std::atomic<int>& count) : count_(count) {}
    Result<base::SealedMemory> compile(const sandbox::CodeSettings& settings,
                                       std::span<const std::byte> wasm) override {
        ++count_;
        return local_.compile(settings, wasm);
    }

private:
    std::atomic<int>& count_;
    LocalCompiler local_;
};

class Catalog : public ::testing::Test {
protected:
    void SetUp() override {
        sandbox::RuntimeOptions options;
        options.max_instances = 4;
        options.max_module_bytes = 4096;
        auto runtime = sandbox::Runtime::create(options, host_functions());
        ASSERT_TRUE(runtime) << runtime.error().message;
        loader_.emplace(*runtime, std::make_unique<CountingCompiler>(compiled_));
        open();
    }

    void open() {
        auto store = ProgramStore::open({.directory = directory_.path(), .max_versions = 3});
        ASSERT_TRUE(store) << store.error().message;
        store_ = std::move(*store);
        catalog_.emplace(
            *store_, *loader_,
            InterfaceList{.names = kInterfaces,
                          .of = [](const sandbox::HostFunction& function) -> std::string_view {
                              return function.name == "realm_common"
                                         ? ""
                                         : std::string_view(function.name).substr(6);
                          }},
            ProgramCatalogOptions{.manifest_bytes = 1000, .loaded_programs = 2});
    }

    // The version, or code and message of the error.
    std::string push(std::string_view wasm, std::optional<std::string_view> manifest = {},
                     std::string_view name = "p") {
        const auto pushed = catalog_->push("a", name, wasm, manifest, limits_);
        if (!pushed) {
            EXPECT_TRUE(store_->list("a").empty() || pushed.error().type == ErrorType::kConflict);
            return pushed.error().code + ": " + pushed.error().message;
        }
        return pushed->version.version + (pushed->is_new ? " new" : " there");
    }

    test::TemporaryDirectory directory_;
    std::atomic<int> compiled_ = 0;
    config::Limits limits_;
    std::optional<ProgramLoader> loader_;
    std::unique_ptr<ProgramStore> store_;
    std::optional<ProgramCatalog> catalog_;
};

TEST_F(Catalog, APushedProgramIsLoadedOnce) {
    EXPECT_EQ(push(module_with("")), "1 new");
    EXPECT_EQ(compiled_, 1);
    const auto loaded = catalog_->loaded("a", {.name = "p", .version = {}});
    ASSERT_NE(loaded, nullptr);
    EXPECT_EQ(loaded->program->name(), "p");
    EXPECT_EQ(loaded->program->digest(), loaded->version.digest);
    EXPECT_EQ(loaded->manifest, Manifest{});
    EXPECT_EQ(*catalog_->load("a", {.name = "p", .version = "1"}, limits_), loaded);
    EXPECT_EQ(push(module_with("")), "1 there");
    EXPECT_EQ(compiled_, 1);
    EXPECT_EQ(catalog_->loaded("b", {.name = "p", .version = {}}), nullptr);
    EXPECT_EQ(catalog_->load("b", {.name = "p", .version = {}}, limits_).error().code,
              "program_not_found");
}

TEST_F(Catalog, AfterARestartItIsLoadedWhenItIsWanted) {
    ASSERT_EQ(push(module_with(""), R"({"limits": {"cpu_ms": 7}})"), "1 new");
    open();
    EXPECT_EQ(catalog_->loaded("a", {.name = "p", .version = {}}), nullptr);
    const auto loaded = catalog_->load("a", {.name = "p", .version = {}}, limits_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ((*loaded)->manifest.limits, (config::LimitValues{{"cpu_ms", 7}}));
    EXPECT_EQ(catalog_->loaded("a", {.name = "p", .version = {}}), *loaded);
    EXPECT_EQ(compiled_, 2);
}

TEST_F(Catalog, KeepsTheLastOnesInMemory) {
    ASSERT_EQ(push(module_with("(global i32 (i32.const 1))")), "1 new");
    ASSERT_EQ(push(module_with("(global i32 (i32.const 2))")), "2 new");
    const auto is_loaded = [&](const char* version) {
        return catalog_->loaded("a", {.name = "p", .version = version}) != nullptr;
    };
    EXPECT_TRUE(is_loaded("2"));
    EXPECT_TRUE(is_loaded("1"));
    ASSERT_EQ(push(module_with("(global i32 (i32.const 3))")), "3 new");
    EXPECT_TRUE(is_loaded("1"));  // used after 2 was
    EXPECT_FALSE(is_loaded("2"));
    EXPECT_TRUE(is_loaded("3"));
}

TEST_F(Catalog, AReplacedVersionIsNotServedFromMemory) {
    ASSERT_EQ(push(module_with(""), R"({"version": "1"})"), "1 new");
    ASSERT_TRUE(store_->remove("a", {.name = "p", .version = {}}));
    EXPECT_EQ(catalog_->loaded("a", {.name = "p", .version = {}}), nullptr);
    ASSERT_TRUE(store_->put("a", "p", "1", module_with("(memory 1)")));
    EXPECT_EQ(catalog_->loaded("a", {.name = "p", .version = {}}), nullptr);
}

TEST_F(Catalog, TheManifestTravelsInTheModule) {
    ASSERT_EQ(push(module_with(""), R"({"version": "1.0", "description": "x"})"), "1.0 new");
    const auto version = *store_->find("a", {.name = "p", .version = {}});
    const std::string kept = *store_->read(version);
    EXPECT_EQ(text_sha256(kept), version.digest);
    const auto section = sandbox::find_custom_section(base::as_bytes(kept), kManifestSection);
    ASSERT_TRUE(section && *section);
    EXPECT_EQ(base::as_text(**section), R"({"description":"x","version":"1.0"})");
    // It keeps the one that it has, and another one replaces that.
    EXPECT_EQ(push(kept), "1.0 there");
    EXPECT_EQ(push(kept, R"({"version": "2.0"})"), "2.0 new");
    const auto described = catalog_->describe("a", {.name = "p", .version = {}}, limits_);
    ASSERT_TRUE(described);
    EXPECT_EQ(manifest_json(described->manifest), R"({"version":"2.0"})");
    EXPECT_TRUE(described->report.refusals.empty());
}

TEST_F(Catalog, OtherManifestsAreOtherContents) {
    ASSERT_EQ(push(module_with(""), R"({"version": "1"})"), "1 new");
    EXPECT_TRUE(push(module_with(""), R"({"version": "1", "strict": true})")
                    .starts_with("version_exists: program 'p' has a version '1' with another"));
}

TEST_F(Catalog, WrongManifestsAreRefused) {
    EXPECT_EQ(push(module_with(""), R"({"name": "q"})"),
              "invalid_manifest: manifest: 'name' is 'q', but the program is pushed as 'p'");
    EXPECT_EQ(push(module_with(""), R"({"operations": ["x"]})"),
              "invalid_manifest: manifest: 'operations.x.export' is 'x', and the module exports no "
              "function of that name");
    EXPECT_EQ(push(module_with(""), R"({"limits": {"cpu_ms": 10001}})"),
              "invalid_manifest: manifest: limits.cpu_ms is 10001, above the tenant's limit of "
              "10000");
    EXPECT_EQ(push(module_with(""), R"({"operations": ["realm_run"]})"), "1 new");
}

TEST_F(Catalog, InterfacesAndStrictnessAreChecked) {
    const std::string wasm = module_with(R"((import "env" "realm_log" (func))
        (import "env" "realm_common" (func)) (import "wbg" "x" (func)))");
    EXPECT_EQ(push(wasm, R"({"interfaces": ["model"]})"),
              "import_not_granted: program 'p': it imports 'env.realm_log', whose interface is not "
              "among those that its manifest names");
    EXPECT_EQ(push(wasm, R"({"strict": true})"),
              "unknown_import: program 'p': it imports 'wbg.x', which this server does not have, "
              "and its manifest says strict");
    EXPECT_EQ(push(wasm, R"({"interfaces": ["log"]})"), "1 new");
}

TEST_F(Catalog, AMemoryMustFitTheProgramsLimit) {
    EXPECT_EQ(push(module_with("(memory 2)"), R"({"limits": {"memory_bytes": 131071}})"),
              "memory: program 'p': it has a memory that begins with 2 pages of 65536 bytes; its "
              "limit is 131071 bytes (limits.memory_bytes in the configuration raises it)");
    EXPECT_EQ(push(module_with("(memory 1) (memory 2)"), R"({"limits": {"memory_bytes": 262143}})"),
              "memory: program 'p': it has a memory that begins with 2 pages of 65536 bytes; its "
              "limit is 131071 bytes for each of its memories (limits.memory_bytes in the "
              "configuration raises it)");
    EXPECT_EQ(push(module_with("(memory 2)"), R"({"limits": {"memory_bytes": 131072}})"), "1 new");
}

TEST_F(Catalog, WhatDoesNotCompileIsNotKept) {
    EXPECT_TRUE(push("nothing!").starts_with("invalid_module: program 'p': "));
    std::string wasm = module_with("");
    wasm[wasm.size() - 1] = 0;  // a function without its end
    EXPECT_TRUE(push(wasm).starts_with("invalid_module: program 'p': "));
    EXPECT_EQ(push(module_with("(memory (data \"" + std::string(5000, 'x') + "\"))")).substr(0, 13),
              "module_bytes:");
    EXPECT_EQ(push(module_with(""), {}, "No").substr(0, 21), "invalid_program_name:");
    EXPECT_TRUE(store_->list("a").empty());
}

TEST_F(Catalog, TheReportTellsEverything) {
    const std::string wasm = binary(R"((module
        (import "env" "realm_log" (func)) (import "wasi_snapshot_preview1" "fd_write"
          (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1 3) (table (export "t") 2 externref)
        (func (export "malloc") (param i32) (result i32) i32.const 0)
        (func (export "__wbindgen_malloc") (param i32 i32) (result i32) i32.const 0)
        (func (export "_initialize"))
        (func (export "realm_abi_version") (result i32) i32.const 65536)))");
    ASSERT_EQ(push(wasm), "1 new");
    const auto described = catalog_->describe("a", {.name = "p", .version = {}}, limits_);
    ASSERT_TRUE(described);
    const Inspected inspected{.digest = described->version.digest,
                              .bytes = wasm.size(),
                              .manifest = described->manifest,
                              .report = described->report};
    const auto json = inspect_json(inspected);
    EXPECT_EQ(json["imports"][0]["state"], "provided");
    EXPECT_EQ(json["imports"][1]["state"], "stubbed");
    EXPECT_EQ(json["imports"][1]["type"], "(i32, i32, i32, i32) -> i32");
    EXPECT_EQ(json["exports"][0]["type"], "1..3 pages");
    EXPECT_EQ(json["memories"][0]["maximum_pages"], 3);
    EXPECT_EQ(json["tables"][0]["maximum"], nullptr);
    EXPECT_EQ(json["abi"], "1.0");
    EXPECT_EQ(json["start"], nullptr);
    EXPECT_EQ(json["refusals"], envelope::Json::array());
    EXPECT_EQ(conventions_of(described->report.info),
              (std::vector<Convention>{
                  {.name = "reactor", .detail = "_initialize runs before the first call"},
                  {.name = "wasm-bindgen",
                   .detail = "several results as such; objects in a table of externref"},
                  {.name = "malloc", .detail = "malloc without free"},
                  {.name = "wasi", .detail = "imports WASI preview 1"}}));
    const std::string text = inspect_text(inspected);
    EXPECT_NE(text.find("  stubbed   wasi_snapshot_preview1.fd_write function (i32, i32, i32, i32) "
                        "-> i32\n"),
              std::string::npos)
        << text;
    EXPECT_TRUE(text.ends_with("verdict      accepted\n")) << text;
}

}  // namespace
}  // namespace realm::registry
