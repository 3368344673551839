#include "registry/program_catalog.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "registry/file_util.h"

namespace realm::registry {
namespace {

std::string key_of(std::string_view tenant, const ProgramVersion& version) {
    return fmt::format("{}/{}@{}", tenant, version.name, version.version);
}

}  // namespace

Result<PushedProgram> ProgramCatalog::push(std::string_view tenant, std::string_view name,
                                           std::string_view wasm,
                                           std::optional<std::string_view> manifest,
                                           const config::Limits& limits) {
    auto upload = upload_check_.check(name, wasm, manifest, limits);
    if (!upload) {
        return std::unexpected(std::move(upload.error()));
    }
    const std::string& version = upload->manifest.version;
    // Before it costs a compilation.
    auto there = store_.check(tenant, name, version, text_sha256(upload->wasm));
    if (!there) {
        return std::unexpected(std::move(there.error()));
    }
    if (*there) {
        return PushedProgram{.version = std::move(**there), .is_new = false};
    }
    auto program = loader_.load(std::string(name), base::as_bytes(upload->wasm));
    if (!program) {
        return std::unexpected(std::move(program.error()));
    }
    auto pushed = store_.put(tenant, name, version, upload->wasm);
    if (pushed && pushed->is_new) {
        keep(tenant, std::make_shared<const LoadedProgram>(
                         LoadedProgram{.version = pushed->version,
                                       .manifest = std::move(upload->manifest),
                                       .program = std::move(*program)}));
    }
    return pushed;
}

std::shared_ptr<const LoadedProgram> ProgramCatalog::loaded(std::string_view tenant,
                                                            const ProgramRef& ref) {
    const auto version = store_.find(tenant, ref);
    if (!version) {
        return nullptr;
    }
    return cache_.with([&](Cache& cache) -> Loaded {
        const auto found = cache.by_key.find(key_of(tenant, *version));
        // A version that was removed and pushed again may have another content.
        if (found == cache.by_key.end() || found->second.first->version != *version) {
            return nullptr;
        }
        cache.recent.splice(cache.recent.begin(), cache.recent, found->second.second);
        return found->second.first;
    });
}

Result<std::shared_ptr<const LoadedProgram>> ProgramCatalog::load(std::string_view tenant,
                                                                  const ProgramRef& ref,
                                                                  const config::Limits& limits) {
    if (Loaded there = loaded(tenant, ref)) {
        return there;
    }
    auto stored = store_.load(tenant, ref);
    if (!stored) {
        return std::unexpected(std::move(stored.error()));
    }
    auto manifest = upload_check_.manifest_of(stored->wasm, limits);
    if (!manifest) {
        return std::unexpected(std::move(manifest.error()));
    }
    auto program = loader_.load(stored->version.name, base::as_bytes(stored->wasm));
    if (!program) {
        return std::unexpected(std::move(program.error()));
    }
    auto loaded =
        std::make_shared<const LoadedProgram>(LoadedProgram{.version = std::move(stored->version),
                                                            .manifest = std::move(*manifest),
                                                            .program = std::move(*program)});
    keep(tenant, loaded);
    return loaded;
}

Result<ProgramDescription> ProgramCatalog::describe(std::string_view tenant, const ProgramRef& ref,
                                                    const config::Limits& limits) const {
    auto stored = store_.load(tenant, ref);
    if (!stored) {
        return std::unexpected(std::move(stored.error()));
    }
    auto looked = upload_check_.look(stored->version.name, stored->wasm, std::nullopt, limits);
    if (!looked) {
        return std::unexpected(std::move(looked.error()));
    }
    return ProgramDescription{.version = std::move(stored->version),
                              .manifest = std::move(looked->manifest),
                              .report = std::move(looked->report),
                              .bindings = std::move(looked->bindings)};
}

void ProgramCatalog::keep(std::string_view tenant, Loaded program) {
    std::string key = key_of(tenant, program->version);
    cache_.with([&](Cache& cache) {
        if (const auto old = cache.by_key.find(key); old != cache.by_key.end()) {
            cache.recent.erase(old->second.second);
            cache.by_key.erase(old);
        }
        cache.recent.push_front(key);
        cache.by_key.emplace(std::move(key), std::pair(std::move(program), cache.recent.begin()));
        while (cache.by_key.size() > options_.loaded_programs) {
            cache.by_key.erase(cache.recent.back());
            cache.recent.pop_back();
        }
    });
}

}  // namespace realm::registry
