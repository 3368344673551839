#include "registry/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "registry/bindgen_upload.h"

namespace realm::registry {
namespace {

using envelope::Json;
using sandbox::ExternKind;
using sandbox::ImportState;
using sandbox::ModuleInfo;

constexpr std::string_view kWasi = "wasi_snapshot_preview1";

const char* kind_name(ExternKind kind) {
    switch (kind) {
        case ExternKind::kFunction:
            return "function";
        case ExternKind::kTable:
            return "table";
        case ExternKind::kMemory:
            return "memory";
        case ExternKind::kGlobal:
            return "global";
        case ExternKind::kTag:
            return "tag";
    }
    return "item";
}

const char* state_name(ImportState state) {
    switch (state) {
        case ImportState::kProvided:
            return "provided";
        case ImportState::kStubbed:
            return "stubbed";
        case ImportState::kRefused:
            return "refused";
    }
    return "?";
}

bool exports(const ModuleInfo& info, std::string_view name) {
    return info.find_export(name) != nullptr;
}

bool exports_prefix(const ModuleInfo& info, std::string_view prefix) {
    return std::ranges::any_of(info.exports, [&](const sandbox::ExportInfo& found) {
        return found.name.starts_with(prefix);
    });
}

std::string wasm_bindgen_form(const ModuleInfo& info) {
    std::string form = exports(info, "__wbindgen_add_to_stack_pointer")
                           ? "several results through a return area"
                           : "several results as such";
    const bool externref =
        exports_prefix(info, "__externref_table_") ||
        std::ranges::any_of(info.exports, [](const sandbox::ExportInfo& found) {
            return found.kind == ExternKind::kTable && found.type.ends_with("externref");
        });
    form += externref ? "; objects in a table of externref" : "; objects as indices";
    if (exports(info, "__wbindgen_start")) {
        form += "; begins with __wbindgen_start";
    }
    return form;
}

std::string version_text(const ModuleInfo& info) {
    return info.abi ? fmt::format("{}.{}", info.abi->major, info.abi->minor) : "none";
}

Json maximum_json(const sandbox::SizeRange& range) {
    return range.maximum ? Json(*range.maximum) : Json(nullptr);
}

Json imports_json(const sandbox::ModuleReport& report) {
    Json list = Json::array();
    for (std::size_t i = 0; i < report.imports.size(); ++i) {
        const sandbox::ImportInfo& import = report.info.imports[i];
        Json entry = {{"module", import.module},
                      {"name", import.name},
                      {"kind", kind_name(import.kind)},
                      {"type", import.type},
                      {"state", state_name(report.imports[i].state)}};
        if (!report.imports[i].reason.empty()) {
            entry["reason"] = report.imports[i].reason;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

Json sizes_json(const ModuleInfo& info) {
    Json memories = Json::array();
    for (const sandbox::MemoryInfo& memory : info.memories) {
        memories.push_back({{"minimum_pages", memory.pages.minimum},
                            {"maximum_pages", maximum_json(memory.pages)},
                            {"page_bytes", memory.page_bytes},
                            {"shared", memory.shared},
                            {"64_bit", memory.is_64}});
    }
    Json tables = Json::array();
    for (const sandbox::TableInfo& table : info.tables) {
        tables.push_back({{"element", table.element},
                          {"minimum", table.elements.minimum},
                          {"maximum", maximum_json(table.elements)}});
    }
    return {{"memories", std::move(memories)}, {"tables", std::move(tables)}};
}

// A name that the module chose, on one line.
std::string on_one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return line;
}

class Lines {
public:
    template <class... Args>
    void add(fmt::format_string<Args...> format, Args&&... args) {
        text_ += on_one_line(fmt::format(format, std::forward<Args>(args)...)) + "\n";
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

void add_externs(Lines& lines, const sandbox::ModuleReport& report) {
    lines.add("imports      {}", report.info.imports.size());
    for (std::size_t i = 0; i < report.imports.size(); ++i) {
        const sandbox::ImportInfo& import = report.info.imports[i];
        const std::string& reason = report.imports[i].reason;
        lines.add("  {:<9} {}.{} {} {}{}", state_name(report.imports[i].state), import.module,
                  import.name, kind_name(import.kind), import.type,
                  reason.empty() ? "" : ": " + reason);
    }
    lines.add("exports      {}", report.info.exports.size());
    for (const sandbox::ExportInfo& found : report.info.exports) {
        lines.add("  {} {} {}", kind_name(found.kind), found.name, found.type);
    }
}

std::string range_text(const sandbox::SizeRange& range) {
    return range.maximum ? fmt::format("{} to {}", range.minimum, *range.maximum)
                         : fmt::format("{} or more", range.minimum);
}

}  // namespace

std::vector<Convention> conventions_of(const ModuleInfo& info) {
    std::vector<Convention> found;
    const auto add = [&](bool there, std::string name, std::string detail) {
        if (there) {
            found.push_back({.name = std::move(name), .detail = std::move(detail)});
        }
    };
    add(exports(info, "realm_run"), "realm", "a Realm program: realm_run answers a request");
    add(info.start.has_value(), "start", "a function that runs at instantiation");
    add(exports(info, "_initialize"), "reactor", "_initialize runs before the first call");
    add(exports(info, "_start"), "command", "_start is its main function");
    add(exports_prefix(info, "__wbindgen_"), "wasm-bindgen", wasm_bindgen_form(info));
    add(exports(info, "malloc"), "malloc",
        exports(info, "free") ? "malloc and free" : "malloc without free");
    add(std::ranges::find(info.imports, kWasi, &sandbox::ImportInfo::module) != info.imports.end(),
        "wasi", "imports WASI preview 1");
    return found;
}

Json inspect_json(const Inspected& inspected) {
    const ModuleInfo& info = inspected.report.info;
    Json json = sizes_json(info);
    json["digest"] = inspected.digest;
    json["bytes"] = inspected.bytes;
    json["abi"] = info.abi ? Json(version_text(info)) : Json(nullptr);
    json["imports"] = imports_json(inspected.report);
    json["exports"] = Json::array();
    for (const sandbox::ExportInfo& found : info.exports) {
        json["exports"].push_back(
            {{"name", found.name}, {"kind", kind_name(found.kind)}, {"type", found.type}});
    }
    json["start"] = info.start ? Json(*info.start) : Json(nullptr);
    json["functions"] = info.functions;
    json["globals"] = info.globals;
    json["code_bytes"] = info.code_bytes;
    json["data"] = {{"segments", info.data_segments}, {"bytes", info.data_bytes}};
    json["element_segments"] = info.element_segments;
    json["custom_sections"] = Json::array();
    for (const sandbox::CustomSection& section : info.custom) {
        json["custom_sections"].push_back({{"name", section.name}, {"bytes", section.bytes}});
    }
    json["conventions"] = Json::array();
    for (const Convention& convention : conventions_of(info)) {
        json["conventions"].push_back({{"name", convention.name}, {"detail", convention.detail}});
    }
    json["bindgen"] =
        inspected.bindings != nullptr ? glue::to_json(*inspected.bindings) : Json(nullptr);
    json["manifest"] = Json::parse(manifest_json(inspected.manifest));
    json["refusals"] = Json::array();
    for (const Error& refusal : inspected.report.refusals) {
        json["refusals"].push_back({{"code", refusal.code}, {"message", refusal.message}});
    }
    return json;
}

std::string inspect_text(const Inspected& inspected) {
    const ModuleInfo& info = inspected.report.info;
    Lines lines;
    lines.add("digest       {}", inspected.digest);
    lines.add("size         {} bytes: code {}, data {} in {} segments", inspected.bytes,
              info.code_bytes, info.data_bytes, info.data_segments);
    lines.add("interface    {}", version_text(info));
    for (const Convention& convention : conventions_of(info)) {
        lines.add("convention   {}: {}", convention.name, convention.detail);
    }
    for (const sandbox::MemoryInfo& memory : info.memories) {
        lines.add("memory       {} pages of {} bytes{}{}", range_text(memory.pages),
                  memory.page_bytes, memory.is_64 ? ", 64-bit" : "",
                  memory.shared ? ", shared" : "");
    }
    for (const sandbox::TableInfo& table : info.tables) {
        lines.add("table        {} of {}", range_text(table.elements), table.element);
    }
    lines.add("functions    {}, globals {}, element segments {}", info.functions, info.globals,
              info.element_segments);
    if (info.start) {
        lines.add("start        function {}", *info.start);
    }
    add_externs(lines, inspected.report);
    for (const sandbox::CustomSection& section : info.custom) {
        lines.add("section      {}, {} bytes", section.name, section.bytes);
    }
    for (const std::string& line : bindings_lines(inspected.bindings)) {
        lines.add("bindgen      {}", line);
    }
    lines.add("manifest     {}", manifest_json(inspected.manifest));
    if (inspected.report.refusals.empty()) {
        lines.add("verdict      accepted");
    }
    for (const Error& refusal : inspected.report.refusals) {
        lines.add("verdict      refused: {} ({})", refusal.message, refusal.code);
    }
    return lines.take();
}

}  // namespace realm::registry
