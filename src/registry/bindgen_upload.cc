#include "registry/bindgen_upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "glue/package.h"
#include "sandbox/custom_section.h"
#include "sandbox/module_shape.h"

namespace realm::registry {
namespace {

std::string type_text(const glue::Type& type) {
    std::string text(glue::name_of(type.kind));
    if (type.kind == glue::Kind::kSlice) {
        text = fmt::format("{}[]", glue::element_name(type.element));
    } else if (type.kind == glue::Kind::kObject && !type.class_name.empty()) {
        text = type.class_name;
    }
    text += type.optional ? "?" : "";
    text += type.written ? " (written back)" : "";
    return text + (type.consumed ? " (consumed)" : "");
}

std::string export_text(const glue::Bindings& bindings, const glue::Export& item) {
    const glue::Class* const owner = bindings.find_class(item.class_name);
    std::string name = item.name;
    if (item.kind == glue::ExportKind::kConstructor) {
        name = "new " + name;
    } else if (owner != nullptr) {
        name = (owner->exported.empty() ? owner->name : owner->exported) + "." + name;
    }
    std::vector<std::string> parameters;
    for (const glue::Parameter& parameter : item.parameters) {
        parameters.push_back(fmt::format("{}: {}", parameter.name, type_text(parameter.type)));
    }
    return fmt::format("{} {}({}) -> {}{}{}", glue::name_of(item.kind), name,
                       fmt::join(parameters, ", "), type_text(item.result),
                       item.fallible ? ", may throw" : "", item.certain ? "" : ", guessed");
}

std::string_view form_text(const glue::Bindings& bindings) {
    switch (bindings.handles) {
        case glue::HandleMode::kNone:
            return "no objects cross";
        case glue::HandleMode::kSlab:
            return "objects as indices of a slab";
        case glue::HandleMode::kTable:
            return "objects as externref";
    }
    return "";
}

}  // namespace

bool is_tarball(std::string_view bytes) {
    return bytes.starts_with("\x1f\x8b");
}

Result<PackagedModule> module_of_files(const glue::PackageFiles& files, std::string_view named) {
    auto opened = glue::open_package(files, named, [](std::string_view wasm) {
        return sandbox::module_shape(base::as_bytes(wasm));
    });
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    PackagedModule module{.path = std::move(opened->module), .wasm = std::move(opened->wasm)};
    if (opened->bindings) {
        const auto bound =
            sandbox::with_custom_section(base::as_bytes(module.wasm), glue::kBindingsSection,
                                         base::as_bytes(glue::bindings_text(*opened->bindings)));
        if (!bound) {
            return std::unexpected(bound.error());
        }
        module.wasm = base::as_text(*bound);
    }
    return module;
}

Result<PackagedModule> module_of_tarball(std::string_view bytes, std::uint64_t module_bytes) {
    const auto files = glue::PackageFiles::from_tarball(bytes, {.module_bytes = module_bytes});
    if (!files) {
        return std::unexpected(files.error());
    }
    return module_of_files(*files, "");
}

std::vector<std::string> bindings_lines(const glue::Bindings* bindings) {
    std::vector<std::string> lines;
    if (bindings == nullptr) {
        return lines;
    }
    const glue::Source& source = bindings->source;
    lines.push_back(fmt::format(
        "{}{}; {}; {}", source.glue.empty() ? std::string("no JavaScript") : source.glue,
        source.package.empty() ? std::string()
                               : fmt::format(" of {}@{}", source.package, source.package_version),
        form_text(*bindings),
        bindings->returns == glue::ReturnMode::kMultiValue ? "several results as such"
                                                           : "several results through memory"));
    for (const std::string& note : bindings->notes) {
        lines.push_back("note: " + note);
    }
    for (const glue::Export& item : bindings->exports) {
        if (!item.name.starts_with("__")) {
            lines.push_back(export_text(*bindings, item) +
                            (item.unsupported.empty() ? "" : "; fails: " + item.unsupported));
        }
    }
    for (const glue::Import& import : bindings->imports) {
        if (!import.unsupported.empty()) {
            lines.push_back(fmt::format("import {} traps: {}", import.name, import.unsupported));
        }
    }
    return lines;
}

}  // namespace realm::registry
