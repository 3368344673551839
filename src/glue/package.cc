#include "glue/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "glue/fallback.h"

namespace realm::glue {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> invalid(std::string what) {
    return fail(ErrorType::kInvalidRequest, "invalid_package", std::move(what));
}

bool is_script(std::string_view path) {
    return path.ends_with(".js") || path.ends_with(".mjs") || path.ends_with(".cjs");
}

// "dist/x_bg.wasm" and "dist/x.mjs" are both "x".
std::string_view stem_of(std::string_view path) {
    path = file_name_of(path);
    path = path.substr(0, path.rfind('.'));
    return path.ends_with("_bg") ? path.substr(0, path.size() - 3) : path;
}

class Opener {
public:
    Opener(const PackageFiles& files, const ShapeReader& shape_of)
        : files_(files), shape_of_(shape_of), manifest_(read_manifest("package.json")) {}

    Result<Package> open(std::string_view named) {
        auto module = named.empty() ? choose_module() : Result<std::string>(std::string(named));
        if (!module) {
            return std::unexpected(std::move(module.error()));
        }
        auto wasm = files_.read(*module);
        if (!wasm) {
            return std::unexpected(std::move(wasm.error()));
        }
        const auto shape = shape_of_(*wasm);
        if (!shape) {
            return std::unexpected(shape.error());
        }
        Package package{.module = std::move(*module), .wasm = std::move(*wasm)};
        if (is_bindgen_module(*shape)) {
            package.bindings = bind(package.module, *shape);
        }
        return package;
    }

private:
    [[nodiscard]] Json read_manifest(std::string_view path) const {
        const auto text = files_.read(path);
        const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < 64; };
        Json json = text ? Json::parse(*text, shallow, false) : Json();
        return json.is_object() ? std::move(json) : Json::object();
    }

    [[nodiscard]] std::string word(std::string_view key) const {
        const auto found = manifest_.find(key);
        return found != manifest_.end() && found->is_string() ? found->get<std::string>()
                                                              : std::string();
    }

    // The files that the package begins with, that for Node first.
    [[nodiscard]] std::vector<std::string> entries() const {
        std::vector<std::string> found;
        const auto add = [&](const std::string& path) {
            std::string joined = path.empty() ? std::string() : joined_path("", path);
            if (!joined.empty() && std::ranges::find(found, joined) == found.end()) {
                found.push_back(std::move(joined));
            }
        };
        add(word("main"));
        if (const auto exports = manifest_.find("exports"); exports != manifest_.end()) {
            const auto top = exports->is_object() ? exports->find(".") : exports->end();
            add_conditions(exports->is_object() && top != exports->end() ? *top : *exports, add, 0);
        }
        add(word("module"));
        add(word("browser"));
        add("index.js");
        return found;
    }

    template <class Add>
    static void add_conditions(const Json& value, const Add& add, int depth) {
        constexpr int kMostConditions = 8;
        if (value.is_string()) {
            add(value.get<std::string>());
        }
        if (!value.is_object() || depth > kMostConditions) {
            return;
        }
        for (const std::string_view condition :
             {"node", "require", "import", "default", "module", "browser"}) {
            if (const auto found = value.find(condition); found != value.end()) {
                add_conditions(*found, add, depth + 1);
            }
        }
    }

    [[nodiscard]] Result<std::string> choose_module() const {
        std::vector<std::string> modules;
        for (const PackageFile& file : files_.files()) {
            if (file.path.ends_with(".wasm")) {
                modules.push_back(file.path);
            }
        }
        if (modules.empty()) {
            return invalid(without_modules());
        }
        if (modules.size() == 1) {
            return modules.front();
        }
        leave_out_threads(modules);
        if (modules.size() == 1) {
            return modules.front();
        }
        for (const std::string& entry : entries()) {
            if (auto found = module_of_entry(modules, entry)) {
                return std::move(*found);
            }
        }
        return prefer(modules);
    }

    // Where others do without, those that import a memory are built for threads.
    void leave_out_threads(std::vector<std::string>& modules) const {
        constexpr std::size_t kMostRead = 10;
        const auto alone = [&](const std::string& path) {
            const auto wasm = files_.read(path);
            const auto shape = wasm ? shape_of_(*wasm) : std::unexpected(wasm.error());
            return shape && std::ranges::none_of(shape->imports, [](const ModuleItem& item) {
                       return !item.function && item.name == "memory";
                   });
        };
        if (modules.size() > kMostRead) {
            return;
        }
        std::vector<std::string> kept;
        std::ranges::copy_if(modules, std::back_inserter(kept), alone);
        if (!kept.empty()) {
            modules = std::move(kept);
        }
    }

    // Beside the entry, or named by it or by a file that it loads.
    [[nodiscard]] std::optional<std::string> module_of_entry(
        const std::vector<std::string>& modules, const std::string& entry) const {
        std::vector<std::string> scripts{entry};
        constexpr std::size_t kMostScripts = 20;
        for (std::size_t i = 0; i < scripts.size() && scripts.size() < kMostScripts; ++i) {
            const std::string path = script_named(scripts[i]);
            const auto text = files_.read(path);
            if (!text) {
                continue;
            }
            std::vector<std::string> named;
            for (const std::string& module : modules) {
                if (folder_of(module) == folder_of(path) && text->contains(file_name_of(module))) {
                    named.push_back(module);
                }
                if (text->contains(relative_to(path, module))) {
                    return module;
                }
            }
            if (named.size() == 1) {
                return named.front();
            }
            std::vector<std::string> beside;
            std::ranges::copy_if(modules, std::back_inserter(beside), [&](const std::string& one) {
                return folder_of(one) == folder_of(path) && !folder_of(path).empty();
            });
            if (beside.size() == 1) {
                return beside.front();
            }
            add_loaded(path, *text, scripts);
        }
        return std::nullopt;
    }

    // "./x.wasm" as a script would name it; something that occurs nowhere where it is above it.
    static std::string relative_to(std::string_view script, std::string_view module) {
        const std::string_view folder = folder_of(script);
        if (folder.empty()) {
            return fmt::format("./{}", module);
        }
        return module.starts_with(folder) && module.substr(folder.size()).starts_with('/')
                   ? fmt::format("./{}", module.substr(folder.size() + 1))
                   : std::string("\n\0", 2);
    }

    [[nodiscard]] std::string script_named(const std::string& path) const {
        for (const std::string_view ending : {"", ".js", ".cjs", ".mjs", "/index.js"}) {
            if (files_.find(path + std::string(ending)) != nullptr) {
                return path + std::string(ending);
            }
        }
        return path;
    }

    // The files of the package that a text names in quotes: "./x.js", '../y'.
    static void add_loaded(std::string_view path, std::string_view text,
                           std::vector<std::string>& scripts) {
        constexpr std::size_t kMostScripts = 20;
        constexpr std::size_t kLongest = 200;
        for (std::size_t at = text.find('/'); at != std::string_view::npos;
             at = text.find('/', at + 1)) {
            std::size_t begin = at;
            while (begin > 0 && text[begin - 1] == '.') {
                --begin;
            }
            const char quote = begin > 0 ? text[begin - 1] : ' ';
            if (begin == at || (quote != '"' && quote != '\'' && quote != '`')) {
                continue;
            }
            const std::size_t end = text.find(quote, at);
            if (end == std::string_view::npos || end - begin > kLongest) {
                continue;
            }
            std::string joined = joined_path(path, text.substr(begin, end - begin));
            if (!joined.empty() && std::ranges::find(scripts, joined) == scripts.end() &&
                scripts.size() < kMostScripts) {
                scripts.push_back(std::move(joined));
            }
        }
    }

    // Of the same module built for several targets the one for Node.
    [[nodiscard]] static Result<std::string> prefer(const std::vector<std::string>& modules) {
        const bool same = std::ranges::all_of(modules, [&](const std::string& one) {
            return stem_of(one) == stem_of(modules.front());
        });
        if (same) {
            for (const std::string_view target : {"node", "bundler", "web"}) {
                for (const std::string& one : modules) {
                    if (folder_of(one).contains(target)) {
                        return one;
                    }
                }
            }
        }
        return invalid(fmt::format("the package holds several modules; name one of them: {}",
                                   fmt::join(modules, ", ")));
    }

    // A module in base64 begins with these letters.
    [[nodiscard]] std::string without_modules() const {
        std::string unread;
        for (const PackageFile& file : files_.files()) {
            if (!is_script(file.path)) {
                continue;
            }
            const auto text = files_.read(file.path);
            if (!text && unread.empty()) {
                unread = text.error().message;
            }
            if (text && text->contains("AGFzbQEAAAA")) {
                return fmt::format(
                    "the package holds no .wasm file: its module is text within "
                    "'{}'. Decode it (base64) into a .wasm file beside it and "
                    "name that",
                    file.path);
            }
        }
        return unread.empty() ? "the package holds no .wasm file"
                              : fmt::format(
                                    "the package holds no .wasm file, and a script that "
                                    "may hold its module is too large: {}",
                                    unread);
    }

    [[nodiscard]] std::vector<std::string> glue_candidates(std::string_view module) const {
        struct Candidate {
            std::string path;
            int rank;
        };
        const auto begun = entries();
        std::vector<Candidate> found;
        for (const PackageFile& file : files_.files()) {
            if (!is_script(file.path) || file.path.contains("snippets/")) {
                continue;
            }
            const bool beside = folder_of(file.path) == folder_of(module);
            const bool named = stem_of(file.path) == stem_of(module);
            const bool entry = std::ranges::find(begun, file.path) != begun.end();
            const bool bundled = beside && named && file.path.contains("_bg.");
            found.push_back({.path = file.path,
                             .rank = bundled           ? 0
                                     : beside && named ? 1
                                     : beside && entry ? 2
                                     : beside          ? 3
                                     : named           ? 4
                                                       : 5});
        }
        std::ranges::stable_sort(found, {}, &Candidate::rank);
        std::vector<std::string> paths;
        for (Candidate& one : found) {
            paths.push_back(std::move(one.path));
        }
        return paths;
    }

    [[nodiscard]] std::map<std::string, std::string> snippets_of(std::string_view glue) const {
        const std::string_view folder = folder_of(glue);
        const std::string below =
            folder.empty() ? std::string("snippets/") : fmt::format("{}/snippets/", folder);
        constexpr std::size_t kMostSnippets = 100;
        std::map<std::string, std::string> snippets;
        for (const PackageFile& file : files_.files()) {
            if (file.path.starts_with(below) && is_script(file.path) &&
                snippets.size() < kMostSnippets) {
                if (auto text = files_.read(file.path)) {
                    const std::size_t from = folder.empty() ? 0 : folder.size() + 1;
                    snippets.emplace(fmt::format("./{}", file.path.substr(from)), std::move(*text));
                }
            }
        }
        return snippets;
    }

    [[nodiscard]] std::string declarations_of(std::string_view path) const {
        const std::string folder(folder_of(path));
        const std::string before = folder.empty() ? "" : folder + "/";
        const std::string_view name = file_name_of(path);
        const std::string own(name.substr(0, name.rfind('.')));
        for (const std::string& file :
             {own + ".d.ts", own + ".d.cts", std::string(stem_of(path)) + ".d.ts"}) {
            if (auto text = files_.read(before + file)) {
                return std::move(*text);
            }
        }
        return {};
    }

    // Text that is about another module.
    static bool fills_nothing(const Bindings& bindings) {
        return !bindings.imports.empty() &&
               std::ranges::all_of(bindings.imports,
                                   [](const Import& one) { return !one.unsupported.empty(); });
    }

    // What the module cannot do with these. Wrappers that are not understood do not count: beside a
    // script without them they are still what the package offers.
    static std::size_t gaps_of(const Bindings& bindings) {
        const auto good = [](const auto& item) { return item.unsupported.empty(); };
        const auto filled = std::ranges::count_if(bindings.imports, good);
        return bindings.imports.size() - static_cast<std::size_t>(filled) +
               (std::ranges::any_of(bindings.exports, good) ? 0 : 1);
    }

    [[nodiscard]] Bindings bind(std::string_view module, const ModuleShape& shape) const {
        constexpr int kMostTried = 6;
        std::optional<Bindings> best;
        std::vector<std::string> notes;
        int tried = 0;
        for (const std::string& path : glue_candidates(module)) {
            auto text = files_.read(path);
            if (!text) {
                notes.push_back(text.error().message);
                continue;
            }
            if (!looks_like_glue(*text, shape)) {
                continue;
            }
            auto read = read_glue(shape, {.path = path,
                                          .javascript = std::move(*text),
                                          .declarations = declarations_of(path),
                                          .snippets = snippets_of(path)});
            if (!read) {
                notes.push_back(read.error().message);
            } else if (!best || gaps_of(*read) < gaps_of(*best)) {
                best = std::move(*read);
            }
            if (++tried == kMostTried || (best && gaps_of(*best) == 0)) {
                break;
            }
        }
        if (best && fills_nothing(*best)) {
            best.reset();
        }
        if (!best) {
            best = bindings_without_glue(shape, declarations_of(module));
            std::ranges::copy(notes, std::back_inserter(best->notes));
        }
        best->source.module = module;
        best->source.package = word("name");
        best->source.package_version = word("version");
        return std::move(*best);
    }

    const PackageFiles& files_;
    const ShapeReader& shape_of_;
    Json manifest_;
};

}  // namespace

Result<Package> open_package(const PackageFiles& files, std::string_view named,
                             const ShapeReader& shape_of) {
    return Opener(files, shape_of).open(named);
}

}  // namespace realm::glue
