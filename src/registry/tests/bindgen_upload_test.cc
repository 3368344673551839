#include "registry/bindgen_upload.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "glue/tests/tarball_maker.h"
#include "registry/inspect.h"
#include "registry/upload_check.h"
#include "sandbox/custom_section.h"
#include "sandbox/module_shape.h"
#include "sandbox/module_text.h"

namespace realm::registry {
namespace {

std::string module_bytes() {
    const auto made = sandbox::binary_of_text(R"((module
        (import "wbg" "__wbindgen_throw" (func (param i32 i32)))
        (memory (export "memory") 1)
        (func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
        (func (export "__wbindgen_malloc") (param i32 i32) (result i32) i32.const 0)))");
    EXPECT_TRUE(made) << made.error().message;
    return std::string(base::as_text(*made));
}

std::string tarball() {
    return glue::tests::gzip(glue::tests::tar_of(
        {{"package/package.json", R"({"name": "twice", "version": "1.0.0", "main": "x.js"})"},
         {"package/x_bg.wasm", module_bytes()},
         {"package/x.js",
          "let wasm; exports.twice = function(x) { const ret = wasm.twice(x); return ret >>> 0; "
          "};\n"
          "module.exports.__wbindgen_throw = function(arg0, arg1) { throw new Error('x'); };"}}));
}

TEST(BindgenUpload, AModuleCarriesWhatItsPackageSays) {
    EXPECT_TRUE(is_tarball(tarball()));
    EXPECT_FALSE(is_tarball(module_bytes()));
    const auto module = module_of_tarball(tarball(), 1 << 20);
    ASSERT_TRUE(module) << module.error().message;
    EXPECT_EQ(module->path, "x_bg.wasm");
    const auto section =
        sandbox::find_custom_section(base::as_bytes(module->wasm), glue::kBindingsSection);
    ASSERT_TRUE(section && *section);
    const auto bindings = glue::parse_bindings(base::as_text(**section));
    ASSERT_TRUE(bindings);
    EXPECT_EQ(bindings->exports.at(0).name, "twice");
    EXPECT_EQ(
        bindings_lines(&*bindings),
        (std::vector<std::string>{"x.js of twice@1.0.0; no objects cross; several results as such",
                                  "function twice(x: i32) -> u32"}));
    EXPECT_EQ(bindings_lines(nullptr), std::vector<std::string>());
}

TEST(BindgenUpload, RefusesWhatIsTooLargeOrDamaged) {
    EXPECT_EQ(module_of_tarball(tarball(), 10).error().code, "file_too_large");
    EXPECT_EQ(module_of_tarball(tarball().substr(0, 60), 1 << 20).error().code, "invalid_tarball");
    const auto broken = glue::tests::gzip(
        glue::tests::tar_of({{"package/x.wasm", std::string("\0asm\1\0\0\0\1\x7f", 10)}}));
    EXPECT_EQ(module_of_tarball(broken, 1 << 20).error().code, "invalid_module");
}

class BindgenCheck : public ::testing::Test {
protected:
    void SetUp() override {
        auto runtime = sandbox::Runtime::create({}, {});
        ASSERT_TRUE(runtime) << runtime.error().message;
        runtime_ = std::move(*runtime);
    }
    [[nodiscard]] Result<CheckedUpload> look(std::string_view bytes) const {
        return UploadCheck(*runtime_, {}, std::size_t{64} << 10).look("p", bytes, {}, {});
    }

    std::shared_ptr<sandbox::Runtime> runtime_;
};

TEST_F(BindgenCheck, TakesPackages) {
    const auto looked = look(tarball());
    ASSERT_TRUE(looked) << looked.error().message;
    ASSERT_NE(looked->bindings, nullptr);
    EXPECT_EQ(looked->bindings->source.package, "twice");
    EXPECT_TRUE(looked->report.refusals.empty());
    const Inspected inspected{.digest = "d",
                              .bytes = looked->wasm.size(),
                              .manifest = looked->manifest,
                              .report = looked->report,
                              .bindings = looked->bindings.get()};
    EXPECT_EQ(inspect_json(inspected)["bindgen"], glue::to_json(*looked->bindings));
    EXPECT_NE(inspect_text(inspected).find("bindgen      function twice(x: i32) -> u32\n"),
              std::string::npos);
}

TEST_F(BindgenCheck, GuessesForModulesAlone) {
    const auto looked = look(module_bytes());
    ASSERT_TRUE(looked);
    ASSERT_NE(looked->bindings, nullptr);
    EXPECT_FALSE(looked->bindings->exports.at(0).certain);
}

TEST_F(BindgenCheck, RefusesBindingsThatCannotBeRead) {
    const auto forged = sandbox::with_custom_section(
        base::as_bytes(module_bytes()), glue::kBindingsSection, base::as_bytes(std::string("{}")));
    const auto looked = look(base::as_text(*forged));
    ASSERT_FALSE(looked);
    EXPECT_EQ(looked.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(looked.error().code, "invalid_bindings");
}

}  // namespace
}  // namespace realm::registry
