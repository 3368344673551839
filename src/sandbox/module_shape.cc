#include "sandbox/module_shape.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "glue/fallback.h"
#include "sandbox/custom_section.h"

namespace realm::sandbox {
namespace {

constexpr std::size_t kMaxVersion = 64;

// The section lists pairs of names and versions, each a length and its text; all are short.
std::string producer_version(std::span<const std::byte> wasm) {
    constexpr std::string_view kProducer = "wasm-bindgen";
    const auto section = find_custom_section(wasm, "producers");
    if (!section || !*section) {
        return "";
    }
    const std::string_view text = base::as_text(**section);
    const std::size_t at = text.find(kProducer);
    if (at == std::string_view::npos || at + kProducer.size() >= text.size()) {
        return "";
    }
    const std::string_view rest = text.substr(at + kProducer.size());
    const auto length = static_cast<unsigned char>(rest.front());
    if (length > kMaxVersion || length >= rest.size()) {
        return "";
    }
    const std::string_view version = rest.substr(1, length);
    return std::string(version.substr(0, version.find(' ')));
}

glue::ModuleItem item(std::string_view name, ExternKind kind, std::string_view type) {
    glue::ModuleItem made{.name = std::string(name), .function = kind == ExternKind::kFunction};
    if (made.function) {
        glue::read_signature(type, made);
    }
    return made;
}

}  // namespace

glue::ModuleShape module_shape(const ModuleInfo& info, std::span<const std::byte> wasm) {
    glue::ModuleShape shape;
    for (const ImportInfo& import : info.imports) {
        shape.imports.push_back(item(import.name, import.kind, import.type));
        shape.imports.back().module = import.module;
    }
    for (const ExportInfo& exported : info.exports) {
        shape.exports.push_back(item(exported.name, exported.kind, exported.type));
    }
    shape.wasm_bindgen = producer_version(wasm);
    return shape;
}

Result<glue::ModuleShape> module_shape(std::span<const std::byte> wasm) {
    auto info = read_module(wasm);
    if (!info) {
        return std::unexpected(std::move(info.error()));
    }
    return module_shape(*info, wasm);
}

Result<std::shared_ptr<const glue::Bindings>> module_bindings(const ModuleInfo& info,
                                                              std::span<const std::byte> wasm) {
    auto section = find_custom_section(wasm, glue::kBindingsSection);
    if (!section) {
        return std::unexpected(std::move(section.error()));
    }
    if (*section) {
        auto parsed = glue::parse_bindings(base::as_text(**section));
        if (!parsed) {
            return std::unexpected(std::move(parsed.error()));
        }
        return std::make_shared<const glue::Bindings>(std::move(*parsed));
    }
    const glue::ModuleShape shape = module_shape(info, wasm);
    if (!glue::is_bindgen_module(shape)) {
        return nullptr;
    }
    return std::make_shared<const glue::Bindings>(glue::bindings_without_glue(shape, ""));
}

}  // namespace realm::sandbox
