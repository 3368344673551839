#include "glue/fallback.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "glue/declarations.h"
#include "glue/fallback_text.h"

namespace realm::glue {
namespace {

bool begins_bindgen(std::string_view name) {
    return name.starts_with("__wbindgen_") || name.starts_with("__wbg_");
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// "__wbg___wbindgen_throw_0123456789abcdef", "__wbindgen_throw" and "__wbg_wbindgenthrow_..." are
// all "throw".
std::string meaning_of(std::string_view name) {
    std::string text(name);
    constexpr std::size_t kHash = 16;
    if (text.size() > kHash + 1 && text[text.size() - kHash - 1] == '_' &&
        std::all_of(text.end() - static_cast<std::ptrdiff_t>(kHash), text.end(),
                    [](unsigned char c) { return std::isxdigit(c) != 0; })) {
        text.resize(text.size() - kHash - 1);
    }
    for (const std::string_view prefix : {"__wbg_", "__wbindgen_", "wbindgen"}) {
        if (text.starts_with(prefix)) {
            text.erase(0, prefix.size());
        }
    }
    return text;
}

// Writes the JavaScript that wasm-bindgen would have, as far as names and signatures tell it, for
// the reader that reads such JavaScript.
class Writer {
public:
    Writer(const ModuleShape& module, std::string_view declarations)
        : module_(module), declared_(read_declarations(declarations)) {
        for (const ModuleItem& item : module.exports) {
            learn(malloc_, item, "__wbindgen_malloc");
            learn(realloc_, item, "__wbindgen_realloc");
            learn(free_, item, "__wbindgen_free");
            learn(stack_, item, "__wbindgen_add_to_stack_pointer");
            learn(table_, item, "__wbindgen_externrefs");
            learn(store_, item, "__wbindgen_exn_store");
        }
        const auto refers = [](const ModuleItem& item) {
            return item.name.starts_with("__wbindgen_init_externref_table") ||
                   std::ranges::find(item.parameters, "externref") != item.parameters.end() ||
                   std::ranges::find(item.results, "externref") != item.results.end();
        };
        refers_ = std::ranges::any_of(module.imports, refers) ||
                  std::ranges::any_of(module.exports, refers);
    }

    [[nodiscard]] std::uint32_t slab() const {
        const auto exported = module_.find_export(malloc_);
        if (!module_.wasm_bindgen.empty()) {
            const std::size_t dot = module_.wasm_bindgen.rfind('.');
            const int patch = std::atoi(module_.wasm_bindgen.substr(dot + 1).c_str());
            return patch <= 83 ? 32 : patch <= 108 ? 128 : 1024;
        }
        if (exported != nullptr && exported->parameters.size() == 1) {
            return 32;
        }
        const bool newest = std::ranges::any_of(module_.imports, [](const ModuleItem& item) {
            return item.name.starts_with("__wbindgen_cast_00000000") ||
                   item.name.starts_with("__wbindgen_generic_");
        });
        return newest ? 1024 : 128;
    }

    std::string text() {
        std::string out = helpers();
        for (const ModuleItem& item : module_.imports) {
            if (item.function) {
                out += import_text(item);
            }
        }
        find_classes();
        for (const ModuleItem& item : module_.exports) {
            if (item.function && !begins_bindgen(item.name) &&
                !item.name.starts_with("__externref") && !is_of_class(item.name)) {
                out += fmt::format("export function {}(...values) {{ {} }}\n",
                                   identifier(item.name), call_text(item, {}, item.name));
            }
        }
        for (const auto& [prefix, name] : classes_) {
            out += class_text(prefix, name);
        }
        return out;
    }

private:
    static void learn(std::string& helper, const ModuleItem& item, std::string_view prefix) {
        if (helper.empty() && item.name.starts_with(prefix)) {
            helper = item.name;
        }
    }

    // What cannot be a name in JavaScript gets none.
    static std::string identifier(std::string_view name) {
        std::string out(name);
        for (char& c : out) {
            const bool good =
                std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
            c = good ? c : '_';
        }
        return out.empty() || std::isdigit(static_cast<unsigned char>(out.front())) != 0 ? "_" + out
                                                                                         : out;
    }

    [[nodiscard]] std::string helpers() const {
        std::string out(refers_ ? kTableHelpers : kSlabHelpers);
        const auto replace = [&](std::string_view from, std::string_view to) {
            for (std::size_t at = out.find(from); at != std::string::npos;
                 at = out.find(from, at + to.size())) {
                out.replace(at, from.size(), to);
            }
        };
        out += kCommonHelpers;
        replace("SLAB", std::to_string(slab()));
        replace("TABLE", table_.empty() ? "__wbindgen_externrefs" : table_);
        replace("MALLOC", malloc_.empty() ? "__wbindgen_malloc" : malloc_);
        replace("REALLOC", realloc_.empty() ? "__wbindgen_realloc" : realloc_);
        replace("STORE", store_.empty() ? "__wbindgen_exn_store" : store_);
        return out;
    }

    [[nodiscard]] std::string import_text(const ModuleItem& item) const {
        const std::string meaning = meaning_of(item.name);
        for (const KnownImport& known : kKnownImports) {
            if (known.meaning != meaning || known.parameters != item.parameters.size()) {
                continue;
            }
            std::string body(known.body);
            const auto replace = [&](std::string_view from, std::string_view to) {
                for (std::size_t at = body.find(from); at != std::string::npos;
                     at = body.find(from, at + to.size())) {
                    body.replace(at, from.size(), to);
                }
            };
            replace("GET(", refers_ ? "(" : "getObject(");
            replace("TAKE(", refers_ ? "(" : "takeObject(");
            replace("ADD(", refers_ ? "(" : "addHeapObject(");
            std::string parameters;
            for (std::size_t i = 0; i < item.parameters.size(); ++i) {
                parameters += fmt::format("{}arg{}", i == 0 ? "" : ", ", i);
            }
            return known.catches ? fmt::format(
                                       "export function {}() {{ return handleError(function({}) {{ "
                                       "{} }}, arguments); }}\n",
                                       identifier(item.name), parameters, body)
                                 : fmt::format("export function {}({}) {{ {} }}\n",
                                               identifier(item.name), parameters, body);
        }
        return {};
    }

    // A class for each __wbg_<class>_free.
    void find_classes() {
        constexpr std::string_view kBefore = "__wbg_";
        constexpr std::string_view kAfter = "_free";
        for (const ModuleItem& item : module_.exports) {
            if (item.name.starts_with(kBefore) && item.name.ends_with(kAfter) &&
                item.name.size() > kBefore.size() + kAfter.size()) {
                const std::string prefix = item.name.substr(
                    kBefore.size(), item.name.size() - kBefore.size() - kAfter.size());
                classes_.emplace(prefix, class_name(prefix));
            }
        }
    }

    [[nodiscard]] std::string class_name(const std::string& prefix) const {
        for (const auto& [key, value] : declared_) {
            const std::string name = key.substr(0, key.find('.'));
            if (key.contains('.') && lower(name) == prefix) {
                return name;
            }
        }
        std::string name = identifier(prefix);
        name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
        return name;
    }

    [[nodiscard]] bool is_of_class(std::string_view name) const {
        return std::ranges::any_of(
            classes_, [&](const auto& one) { return name.starts_with(one.first + "_"); });
    }

    [[nodiscard]] std::string class_text(const std::string& prefix, const std::string& name) const {
        std::string out = fmt::format(
            "export class {0} {{\n__destroy_into_raw() {{ const ptr = this.__wbg_ptr; "
            "this.__wbg_ptr = 0; return ptr; }}\n"
            "static __wrap(ptr) {{ const obj = Object.create({0}.prototype); obj.__wbg_ptr = ptr; "
            "return obj; }}\n",
            name);
        for (const ModuleItem& item : module_.exports) {
            const std::string method = prefix + "_";
            const std::string get = "__wbg_get_" + prefix + "_";
            const std::string set = "__wbg_set_" + prefix + "_";
            if (item.name == "__wbg_" + prefix + "_free") {
                out +=
                    fmt::format("free() {{ wasm.{}(this.__destroy_into_raw(), 0); }}\n", item.name);
            } else if (item.name == method + "new") {
                out += fmt::format(
                    "constructor(...values) {{ const ret = (() => {{ {} }})(); "
                    "this.__wbg_ptr = ret >>> 0; return this; }}\n",
                    call_text(item, {}, name + ".constructor"));
            } else if (item.name.starts_with(method)) {
                const std::string own = item.name.substr(method.size());
                out +=
                    fmt::format("{}(...values) {{ {} }}\n", identifier(own),
                                call_text(item, "this.__wbg_ptr", fmt::format("{}.{}", name, own)));
            } else if (item.name.starts_with(get)) {
                const std::string own = item.name.substr(get.size());
                out +=
                    fmt::format("get {}() {{ const values = []; {} }}\n", identifier(own),
                                call_text(item, "this.__wbg_ptr", fmt::format("{}.{}", name, own)));
            } else if (item.name.starts_with(set)) {
                out += fmt::format("set {}(value) {{ const values = [value]; {} }}\n",
                                   identifier(item.name.substr(set.size())),
                                   call_text(item, "this.__wbg_ptr", ""));
            }
        }
        return out + "}\n";
    }

    // Arguments become words by what they are; the results by how many the module wrote.
    [[nodiscard]] std::string call_text(const ModuleItem& item, std::string_view self,
                                        const std::string& key) const {
        const std::size_t count = item.parameters.size();
        const auto call = [&](std::string_view first) {
            std::string out = fmt::format("wasm.{}({}", item.name, first);
            const std::size_t from = first.empty() ? 0 : 1;
            for (std::size_t i = from; i < count; ++i) {
                out += fmt::format("{}words[{}]", i == 0 ? "" : ", ", i - from);
            }
            return out + ")";
        };
        std::string out = fmt::format("const words = toWords([{}], values);\n", self);
        const auto found = declared_.find(key);
        const std::string kind = found == declared_.end() ? "" : result_kind(found->second.result);
        const bool area = item.results.empty() && !stack_.empty() && count > 0;
        out += fmt::format(
            "if (words.length !== {0}{1}) throw new TypeError(`'{2}' takes {0} words "
            "of WebAssembly and was given ${{words.length}}`);\n",
            count, area ? fmt::format(" && words.length !== {}", count - 1) : std::string(),
            identifier(item.name));
        if (area) {
            out += fmt::format(
                "if (words.length === {1}) {{ let done; try {{ const retptr = wasm.{0}(-32); "
                "markWords(retptr); {2}; done = readWords(retptr); }} finally {{ wasm.{0}(32); }} "
                "return fromWords(done, '{3}'); }}\n",
                stack_, count - 1, call("retptr"), kind);
        }
        if (item.results.empty()) {
            return out + call("") + ";";
        }
        if (item.results.size() > 1) {
            return out + fmt::format("return fromWords({}, '{}');", call(""), kind);
        }
        const std::string_view result = item.results.front();
        if (kind == "boolean") {
            return out + fmt::format("return {} !== 0;", call(""));
        }
        const bool handle = result == "i32" && (kind == "any" || kind == "class");
        return out + (handle ? fmt::format("return takeObject({});", call(""))
                             : fmt::format("return {};", call("")));
    }

    static std::string result_kind(std::string_view declared) {
        for (const std::string_view word : {"string", "boolean", "number", "Uint8Array"}) {
            if (declared.starts_with(word)) {
                return std::string(word);
            }
        }
        return declared.empty() || declared == "void" ? "" : "any";
    }

    const ModuleShape& module_;
    std::map<std::string, Declared> declared_;
    std::map<std::string, std::string> classes_;
    std::string malloc_;
    std::string realloc_;
    std::string free_;
    std::string stack_;
    std::string table_;
    std::string store_;
    bool refers_ = false;
};

}  // namespace

bool is_bindgen_module(const ModuleShape& module) {
    const auto named = [](const ModuleItem& item) { return begins_bindgen(item.name); };
    return std::ranges::any_of(module.imports, named) || std::ranges::any_of(module.exports, named);
}

Bindings bindings_without_glue(const ModuleShape& module, std::string_view declarations) {
    Writer writer(module, declarations);
    auto read = read_glue(
        module,
        {.path = "", .javascript = writer.text(), .declarations = std::string(declarations)});
    Bindings bindings = read ? std::move(*read) : Bindings{};
    bindings.source.wasm_bindgen = module.wasm_bindgen;
    for (Import& import : bindings.imports) {
        import.certain = false;
        if (!import.unsupported.empty()) {
            import.unsupported = "its name does not say what it does, and there is no glue";
        }
    }
    for (Export& item : bindings.exports) {
        item.certain = false;
    }
    bindings.notes.emplace_back(
        "There is no generated JavaScript beside the module: conversions are guessed from names, "
        "signatures and what the module writes. Strings and bytes that it returns cannot be told "
        "apart unless they are no UTF-8, nor numbers from handles.");
    if (bindings.handles == HandleMode::kSlab) {
        bindings.notes.push_back(fmt::format(
            "The slab is taken to reserve {} handles{}.", bindings.slab_reserved,
            module.wasm_bindgen.empty() ? ", as the module does not name its version" : ""));
    }
    return bindings;
}

}  // namespace realm::glue
