#include "glue/package.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "glue/declarations.h"
#include "glue/fallback.h"
#include "glue/tarball.h"
#include "glue/tests/tarball_maker.h"

namespace realm::glue {
namespace {

using tests::Entries;
using tests::gzip;
using tests::tar_of;

ModuleItem item(std::string_view name, std::string_view type) {
    ModuleItem made{.module = "wbg", .name = std::string(name)};
    read_signature(type, made);
    return made;
}

// A module is its name here: "bindgen" is one of wasm-bindgen's.
Result<ModuleShape> shape_of(std::string_view wasm) {
    if (wasm == "broken") {
        return fail(ErrorType::kInvalidRequest, "invalid_module", "broken");
    }
    if (!wasm.starts_with("bindgen")) {
        return ModuleShape{};
    }
    ModuleItem memory{.module = "wbg", .name = "memory", .function = false};
    ModuleShape shape{.imports = {item("__wbindgen_throw", "(i32, i32) -> ()")},
                      .exports = {item("one", "() -> (i32)"), item("__wbindgen_x", "() -> ()")}};
    if (wasm == "bindgen threads") {
        shape.imports.push_back(std::move(memory));
    }
    return shape;
}

constexpr const char* kGlue =
    "let wasm;\nexport function one() { return wasm.one(); }\n"
    "export function __wbindgen_throw(a, b) { throw new Error(a + b); }\n";

Result<Package> open(const Entries& entries, std::string_view named = "",
                     const PackageLimits& limits = {}) {
    const auto files = PackageFiles::from_tarball(gzip(tar_of(entries)), limits);
    if (!files) {
        return std::unexpected(files.error());
    }
    return open_package(*files, named, shape_of);
}

std::string refusal(const Result<Package>& package) {
    EXPECT_FALSE(package);
    EXPECT_EQ(package.error().type, ErrorType::kInvalidRequest);
    return package ? "" : package.error().code + ": " + package.error().message;
}

TEST(Package, OpensTheModuleAndItsGlue) {
    const auto package = open({{"package/package.json", R"({"name": "p", "version": "1.2.3"})"},
                               {"package/x_bg.wasm", "bindgen"},
                               {"package/x_bg.js", kGlue},
                               {"package/x.d.ts", "export function one(): number;"}});
    ASSERT_TRUE(package) << package.error().message;
    EXPECT_EQ(package->module, "x_bg.wasm");
    EXPECT_EQ(package->wasm, "bindgen");
    ASSERT_TRUE(package->bindings);
    EXPECT_EQ(package->bindings->source.package, "p");
    EXPECT_EQ(package->bindings->source.package_version, "1.2.3");
    EXPECT_EQ(package->bindings->source.glue, "x_bg.js");
    EXPECT_EQ(package->bindings->exports.at(0).result.declared, "number");
}

TEST(Package, FollowsPackageJsonToOneOfSeveral) {
    const Entries builds{{"package/web/x_bg.wasm", "bindgen web"},
                         {"package/web/x.js", kGlue},
                         {"package/nodejs/x_bg.wasm", "bindgen node"},
                         {"package/nodejs/x.js", kGlue},
                         {"package/lib/start.js", "module.exports = require('../web/x.js');"}};
    const auto with = [&](std::string json) {
        Entries entries = builds;
        entries.emplace_back("package/package.json", std::move(json));
        const auto package = open(entries);
        return package ? package->module : package.error().message;
    };
    EXPECT_EQ(with(R"({"main": "web/x.js"})"), "web/x_bg.wasm");
    EXPECT_EQ(with(R"({"main": "./lib/start"})"), "web/x_bg.wasm");
    EXPECT_EQ(with(R"({"module": "web/x.js",
                       "exports": {".": {"browser": "./web/x.js", "node": "./nodejs/x.js"}}})"),
              "nodejs/x_bg.wasm");
    EXPECT_EQ(with("{}"), "nodejs/x_bg.wasm");
    EXPECT_EQ(open(builds, "web/x_bg.wasm")->wasm, "bindgen web");
}

TEST(Package, PrefersTheModuleWithoutThreads) {
    const auto package =
        open({{"package/package.json", R"({"main": "index.js"})"},
              {"package/index.js", "/* */ import('./mt/x.js'); import('./st/x.js')"},
              {"package/mt/x.js", kGlue},
              {"package/mt/x_bg.wasm", "bindgen threads"},
              {"package/st/x.js", kGlue},
              {"package/st/x_bg.wasm", "bindgen"}});
    ASSERT_TRUE(package) << package.error().message;
    EXPECT_EQ(package->module, "st/x_bg.wasm");
}

TEST(Package, FollowsSnippets) {
    const auto package = open(
        {{"package/x_bg.wasm", "bindgen"},
         {"package/x.js",
          "const { __wbindgen_throw } = require(String.raw`./snippets/a/inline0.js`);\n"
          "let wasm; imports.wbg.__wbindgen_throw = __wbindgen_throw;\n"
          "module.exports.one = function() { return wasm.one(); };"},
         {"package/snippets/a/inline0.js", "exports.__wbindgen_throw = function(a) { throw a; }"}});
    ASSERT_TRUE(package);
    const Bindings& bindings = *package->bindings;
    EXPECT_EQ(bindings.source.glue, "x.js");
    EXPECT_EQ(bindings.imports.at(0).unsupported, "");
    EXPECT_EQ(to_json(bindings.functions.back().body),
              nlohmann::json::parse(R"(["throw", ["local", 0]])"));
}

TEST(Package, TakesTheGlueThatSaysMost) {
    const auto package = open({{"package/x_bg.wasm", "bindgen"},
                               {"package/x.js", "import * as m from './x_bg.wasm'; __wbindgen_x"},
                               {"package/other.mjs", kGlue}});
    ASSERT_TRUE(package);
    EXPECT_EQ(package->bindings->source.glue, "other.mjs");
}

TEST(Package, TakesItsEntryWithWrappersOverTextWithout) {
    const auto package =
        open({{"package/package.json", R"({"main": "index.js"})"},
              {"package/x.wasm", "bindgen"},
              {"package/index.js", std::string(kGlue) + "export async function two() { }"},
              {"package/index.min.js", kGlue}});
    ASSERT_TRUE(package);
    EXPECT_EQ(package->bindings->source.glue, "index.js");
    EXPECT_EQ(package->bindings->exports.at(1).unsupported, "it is an async function");
}

TEST(Package, PassesOverTextAboutAnotherModule) {
    const auto package = open({{"package/x.wasm", "bindgen"},
                               {"package/y.js",
                                "let wasm; export function one() { wasm.one(); "
                                "wasm.__wbindgen_x(); }"}});
    ASSERT_TRUE(package);
    EXPECT_EQ(package->bindings->source.glue, "");
}

TEST(Package, GuessesWithoutGlue) {
    const auto package = open({{"package/x.wasm", "bindgen"}});
    ASSERT_TRUE(package);
    ASSERT_TRUE(package->bindings);
    EXPECT_EQ(package->bindings->source.glue, "");
    EXPECT_FALSE(package->bindings->exports.at(0).certain);
    EXPECT_FALSE(package->bindings->imports.at(0).certain);
    EXPECT_EQ(package->bindings->imports.at(0).unsupported, "");
    EXPECT_TRUE(package->bindings->notes.at(0).starts_with("There is no generated JavaScript"));
    EXPECT_FALSE(open({{"package/x.wasm", "other"}})->bindings);
}

TEST(Package, SaysWhatIsMissing) {
    EXPECT_EQ(refusal(open({{"package/index.js", "1"}})),
              "invalid_package: the package holds no .wasm file");
    EXPECT_TRUE(refusal(open({{"package/a.js", "x = 'AGFzbQEAAAABBA'"}}))
                    .starts_with("invalid_package: the package holds no .wasm file: its module is "
                                 "text within 'a.js'."));
    EXPECT_EQ(refusal(open({{"package/a.wasm", "1"}, {"package/b.wasm", "2"}})),
              "invalid_package: the package holds several modules; name one of them: a.wasm, "
              "b.wasm");
    EXPECT_EQ(refusal(open({{"package/a.wasm", "broken"}})), "invalid_module: broken");
    EXPECT_EQ(open({{"package/a.wasm", "1"}}, "b.wasm").error().code, "file_not_found");
}

TEST(Package, KeepsToItsLimits) {
    const Entries two{{"package/a.wasm", "12345678"}, {"package/b.js", "1"}};
    EXPECT_TRUE(open(two, "", {.files = 2}));
    EXPECT_EQ(refusal(open(two, "", {.files = 1})),
              "package_too_large: the package holds more than 1 files");
    EXPECT_TRUE(open(two, "", {.module_bytes = 8}));
    EXPECT_TRUE(refusal(open(two, "", {.module_bytes = 7})).starts_with("file_too_large"));
    const std::string text(20, ' ');
    const Entries large{{"package/a.js", text}};
    EXPECT_EQ(refusal(open(large, "", {.text_bytes = 20})),
              "invalid_package: the package holds no .wasm file");
    EXPECT_EQ(refusal(open(large, "", {.text_bytes = 19})),
              "invalid_package: the package holds no .wasm file, and a script that may hold its "
              "module is too large: 'a.js' of the package has 20 bytes; at most 19 are read");
    const Entries beside{{"package/a.wasm", "bindgen"}, {"package/a.js", text + kGlue}};
    const auto guessed = open(beside, "", {.text_bytes = 30});
    ASSERT_TRUE(guessed);
    EXPECT_TRUE(guessed->bindings->notes.back().contains("at most 30 are read"));
    const std::size_t size = tar_of(two).size();
    EXPECT_TRUE(open(two, "", {.total_bytes = size}));
    EXPECT_EQ(refusal(open(two, "", {.total_bytes = size - 1})),
              "package_too_large: the package unpacks to more than " + std::to_string(size - 1) +
                  " bytes");
}

TEST(Package, LeavesOutWhatIsNotItsOwn) {
    const auto files =
        PackageFiles::from_tarball(gzip(tar_of({{"package/../../etc/x.js", "1"},
                                                {"package/node_modules/y/y.wasm", "2"},
                                                {"package/picture.png", "3"},
                                                {"package/a/z.wasm", "4"}})),
                                   {});
    ASSERT_TRUE(files);
    ASSERT_EQ(files->files().size(), 1U);
    EXPECT_EQ(files->read("a/z.wasm"), "4");
    const auto links = PackageFiles::from_tarball(gzip(tar_of({{"p/a.wasm", ""}}, '2')), {});
    ASSERT_TRUE(links);
    EXPECT_TRUE(links->files().empty());
}

TEST(Package, RefusesWhatIsNoTarball) {
    const auto code = [](std::string_view bytes) {
        const auto files = PackageFiles::from_tarball(bytes, {});
        return files ? std::string("accepted") : files.error().code;
    };
    const std::string good = gzip(tar_of({{"package/a.wasm", "1"}}));
    EXPECT_EQ(code(good), "accepted");
    EXPECT_EQ(code(""), "invalid_tarball");
    EXPECT_EQ(code("\x1f\x8b"), "invalid_tarball");
    for (std::size_t cut = 1; cut < 40; ++cut) {
        EXPECT_EQ(code(std::string_view(good).substr(0, good.size() - cut)), "invalid_tarball");
    }
    std::string tar = tar_of({{"package/a.wasm", "1"}});
    tar[0] = 'q';
    EXPECT_EQ(code(gzip(tar)), "invalid_tarball");
    tar = tar_of({{"package/a.wasm", "1"}});
    EXPECT_EQ(code(gzip(tar.substr(0, 512))), "invalid_tarball");
}

TEST(Package, ReadsDirectories) {
    const auto root =
        std::filesystem::temp_directory_path() / ("realm_package_" + std::to_string(::getpid()));
    std::filesystem::create_directories(root / "sub");
    std::filesystem::create_directories(root / "node_modules");
    std::ofstream(root / "x_bg.wasm") << "bindgen";
    std::ofstream(root / "x.js") << kGlue;
    std::ofstream(root / "sub" / "y.wasm") << "other";
    std::ofstream(root / "node_modules" / "z.wasm") << "other";
    const auto all = PackageFiles::from_directory(root, {});
    const auto beside = PackageFiles::from_directory(root, {}, Depth::kBeside);
    ASSERT_TRUE(all);
    ASSERT_TRUE(beside);
    EXPECT_EQ(all->files().size(), 3U);
    EXPECT_EQ(beside->files().size(), 2U);
    const auto package = open_package(*beside, "", shape_of);
    EXPECT_TRUE(package && package->bindings->source.glue == "x.js");
    std::filesystem::remove_all(root);
    EXPECT_EQ(PackageFiles::from_directory(root, {}).error().code, "file_not_found");
}

TEST(Package, JoinsPaths) {
    EXPECT_EQ(joined_path("a/b.js", "../c.js"), "c.js");
    EXPECT_EQ(joined_path("b.js", "./x/./y.js"), "x/y.js");
    EXPECT_EQ(joined_path("a/b.js", "../../c.js"), "");
}

TEST(Declarations, AreRead) {
    const auto declared = read_declarations(
        "/* tslint:disable */\n"
        "export function f(a: string, b?: Map<string, number> | null): Promise<void>;\n"
        "export class C {\n  private constructor();\n  free(): void;\n"
        "  static of(x: {a: number; b: string}): C;\n  readonly size: number;\n"
        "  [Symbol.dispose](): void;\n  name?: string;\n}\n"
        "export type T = { g(a: number): void };\n");
    EXPECT_EQ(declared.at("f").result, "Promise<void>");
    EXPECT_EQ(declared.at("f").parameters,
              (std::vector<DeclaredParameter>{
                  {.name = "a", .type = "string", .optional = false},
                  {.name = "b", .type = "Map<string, number> | null", .optional = true}}));
    EXPECT_EQ(declared.at("C.of").parameters.at(0).type, "{a: number; b: string}");
    EXPECT_EQ(declared.at("C.size").result, "number");
    EXPECT_EQ(declared.at("C.name").result, "string");
}

TEST(Fallback, KnowsImportsByName) {
    const ModuleShape module{
        .imports = {item("__wbg___wbindgen_throw_0123456789abcdef", "(i32, i32) -> ()"),
                    item("__wbindgen_object_drop_ref", "(i32) -> ()"),
                    item("__wbg_new_0123456789abcdef", "(i32) -> (i32)")},
        .exports = {item("__wbindgen_malloc", "(i32, i32) -> (i32)"),
                    item("twice", "(i32) -> (i32)"), item("__wbg_point_free", "(i32, i32) -> ()"),
                    item("point_new", "(i32, i32) -> (i32)"),
                    item("point_length", "(i32) -> (f64)")},
        .wasm_bindgen = "0.2.120"};
    const Bindings bindings = bindings_without_glue(module, "");
    EXPECT_EQ(bindings.handles, HandleMode::kSlab);
    EXPECT_EQ(bindings.slab_reserved, 1024U);
    EXPECT_EQ(bindings.imports.at(0).unsupported, "");
    EXPECT_EQ(to_json(bindings.functions.at(bindings.imports.at(0).function).body),
              nlohmann::json::parse(R"(["throw", ["new", ["global", "Error"],
                                        ["text", ["local", 0], ["local", 1]], "Error"]])"));
    EXPECT_EQ(to_json(bindings.functions.at(bindings.imports.at(1).function).body),
              nlohmann::json::parse(R"(["handle_take", ["local", 0]])"));
    EXPECT_EQ(bindings.imports.at(2).unsupported,
              "its name does not say what it does, and there is no glue");
    EXPECT_NE(bindings.find_class("Point"), nullptr);
    EXPECT_TRUE(std::ranges::all_of(bindings.exports, [](const Export& one) {
        return one.unsupported.empty() && !one.certain;
    }));
    EXPECT_EQ(
        bindings_without_glue(
            {.exports = {item("__wbindgen_malloc", "(i32) -> (i32)"), item("f", "() -> ()")}}, "")
            .notes.at(1),
        "The slab is taken to reserve 32 handles, as the module does not name its version.");
}

}  // namespace
}  // namespace realm::glue
