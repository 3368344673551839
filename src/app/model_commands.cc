// `realm pull` and `realm models`.

#include <unistd.h>

#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <stop_token>
#include <utility>

#include "app/commands.h"
#include "app/stack.h"
#include "envelope/envelope.h"
#include "registry/model_fetcher.h"
#include "registry/progress.h"

namespace realm::app {
namespace {

using envelope::Json;

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

int print_path(const CommonOptions& common, const std::string& name) {
    auto choice = choose_model(name);
    if (!choice) {
        return report(common, choice.error());
    }
    std::cout << choice->path.string() << '\n';
    return 0;
}

}  // namespace

int pull_command(const CommonOptions& common, const PullCommandOptions& options) {
    auto store = open_model_store();
    if (!store) {
        return report(common, store.error());
    }
    const std::string spec =
        options.model.empty() ? std::string(registry::kDefaultModel) : options.model;
    registry::PullOptions pull = registry::pull_options_from(config::process_environment());
    pull.name = options.name;
    pull.sha256 = options.sha256;
    const auto style = registry::progress_style(STDERR_FILENO, options.quiet || common.json);
    if (style == registry::ProgressStyle::kBar) {
        pull.pip_output = registry::ChildOutput::kToStderr;
    }
    registry::TerminalProgress progress(std::cerr, style, spec);
    auto pulled = registry::pull_model(*store, spec, pull, progress);
    progress.finish();
    if (!pulled) {
        return report(common, pulled.error());
    }
    if (common.json) {
        const Json json = {
            {"name", pulled->name},
            {"path", pulled->path.string()},
            {"bytes", pulled->bytes},
            {"sha256", pulled->sha256},
            {"source", pulled->source},
            {"already_there", pulled->outcome == registry::PullOutcome::kAlreadyThere}};
        std::cout << envelope::dump(json) << '\n';
    } else if (!options.quiet) {
        std::cout << fmt::format(
            "{} {} ({}, {})\n", pulled->name,
            pulled->outcome == registry::PullOutcome::kAlreadyThere ? "is there already" : "pulled",
            megabytes(pulled->bytes), pulled->path.string());
    }
    return 0;
}

int models_command(const CommonOptions& common, const std::optional<std::string>& path_of) {
    if (path_of) {
        return print_path(common, *path_of);
    }
    auto store = open_model_store();
    auto models = store ? store->list() : std::unexpected(store.error());
    if (!models) {
        return report(common, models.error());
    }
    if (common.json) {
        Json list = Json::array();
        for (const registry::ModelEntry& model : *models) {
            list.push_back({{"name", model.name},
                            {"path", model.path.string()},
                            {"bytes", model.bytes},
                            {"sha256", model.sha256},
                            {"source", model.source},
                            {"default", model.name == registry::kDefaultModel}});
        }
        std::cout << envelope::dump(list) << '\n';
        return 0;
    }
    if (models->empty()) {
        std::cout << "No models in " << store->root().string() << "; fetch one with: realm pull\n";
    }
    for (const registry::ModelEntry& model : *models) {
        std::cout << fmt::format("{:<32} {:>10}  {}{}\n", model.name, megabytes(model.bytes),
                                 model.path.string(),
                                 model.name == registry::kDefaultModel ? "  (default)" : "");
    }
    return 0;
}

}  // namespace realm::app
