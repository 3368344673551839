// What lies in a package around a module: JavaScript, declarations, tarballs and sidecars.

#include <string>
#include <string_view>

#include "glue/bindings.h"
#include "glue/declarations.h"
#include "glue/fallback.h"
#include "glue/glue_reader.h"
#include "glue/package_files.h"
#include "tests/fuzz/fuzz.h"

using realm::fuzz::require;

namespace {

realm::glue::ModuleShape shape() {
    realm::glue::ModuleShape module;
    const auto item = [](std::string_view name, std::string_view type) {
        realm::glue::ModuleItem made{.module = "wbg", .name = std::string(name)};
        realm::glue::read_signature(type, made);
        return made;
    };
    module.imports = {item("__wbindgen_throw", "(i32, i32) -> ()"),
                      item("__wbg_a", "(i32) -> (i32)"),
                      item("__wbindgen_cb_drop", "(i32) -> (i32)"),
                      item("__wbg_b", "(externref) -> (externref)")};
    module.exports = {item("f", "(i32, i32) -> (i32)"), item("__wbg_c_free", "(i32, i32) -> ()"),
                      item("c_new", "(i32) -> ()"),
                      item("__wbindgen_malloc", "(i32, i32) -> (i32)"),
                      item("__wbindgen_add_to_stack_pointer", "(i32) -> (i32)")};
    return module;
}

void check(const realm::glue::Bindings& bindings) {
    const std::string text = realm::glue::bindings_text(bindings);
    const auto again = realm::glue::parse_bindings(text);
    require(again.has_value(), again ? "" : again.error().message.c_str());
    require(realm::glue::bindings_text(*again) == text, "and is written as it was");
}

}  // namespace

// The first byte chooses what the rest is.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view text = realm::fuzz::text_of(data + 1, size - 1);
    switch (data[0]) {
        case 'd':
            check(realm::glue::bindings_without_glue(shape(), text));
            break;
        case 't': {
            const auto files = realm::glue::PackageFiles::from_tarball(
                text, {.total_bytes = std::uint64_t{1} << 20, .files = 100});
            require(files || files.error().type == realm::ErrorType::kInvalidRequest,
                    "a reason is given");
            break;
        }
        case 'b':
            if (const auto bindings = realm::glue::parse_bindings(text)) {
                check(*bindings);
            }
            break;
        default: {
            const auto bindings = realm::glue::read_glue(shape(), {.path = "x.js",
                                                                   .javascript = std::string(text),
                                                                   .declarations = {},
                                                                   .snippets = {}});
            if (bindings) {
                check(*bindings);
            } else {
                require(bindings.error().type == realm::ErrorType::kInvalidRequest,
                        "a reason is given");
            }
        }
    }
    return 0;
}
