// `realm program`: looks at modules here, and talks to a server about the programs it keeps.

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <utility>

#include "app/commands.h"
#include "app/module_package.h"
#include "app/stack.h"
#include "base/bytes.h"
#include "envelope/envelope.h"
#include "envelope/error_table.h"
#include "interfaces/run_host.h"
#include "registry/file_util.h"
#include "registry/http_request.h"
#include "registry/inspect.h"
#include "registry/upload_check.h"

namespace realm::app {
namespace {

using envelope::Json;

constexpr std::string_view kDefaultServer = "http://127.0.0.1:8080";

struct LocalFiles {
    std::string wasm;
    std::optional<std::string> manifest;
};

Result<LocalFiles> read_files(const ProgramCommandOptions& options, std::uint64_t module_bytes,
                              std::uint64_t manifest_bytes) {
    LocalFiles files;
    auto package = read_module_package(options.file, module_bytes);
    if (!package) {
        return std::unexpected(std::move(package.error()));
    }
    files.wasm = std::move(package->wasm);
    if (options.manifest) {
        auto manifest = registry::read_file(*options.manifest, manifest_bytes);
        if (!manifest) {
            return std::unexpected(std::move(manifest.error()));
        }
        files.manifest = std::move(*manifest);
    }
    return files;
}

// The error that a server answered with.
Error server_error(const registry::HttpAnswer& answer) {
    const Json json = Json::parse(answer.body, nullptr, false);
    Error error = fail(ErrorType::kInternal, "unexpected_answer",
                       fmt::format("the server answered with status {}", answer.status))
                      .error();
    // By status and code, which both the OpenAI shape and ours carry.
    for (const envelope::ErrorRow& row : envelope::error_table()) {
        if (row.http_status == answer.status) {
            error.type = row.type;
            break;
        }
    }
    if (json.is_object() && json.contains("error") && json["error"].is_object()) {
        error.code = json["error"].value("code", error.code);
        error.message = json["error"].value("message", error.message);
    }
    return error;
}

class ServerClient {
public:
    explicit ServerClient(const ProgramCommandOptions& options)
        : server_(options.server.value_or(std::string(kDefaultServer))) {
        const char* const key = std::getenv("REALM_KEY");
        key_ = options.key ? *options.key : key != nullptr ? key : "";
        while (server_.ends_with('/')) {
            server_.pop_back();
        }
    }

    Result<Json> ask(std::string method, const std::string& path,
                     std::vector<registry::HttpFormPart> form = {}) const {
        const auto answer = registry::send_request({.method = std::move(method),
                                                    .url = server_ + path,
                                                    .bearer_token = key_,
                                                    .accept = "application/json",
                                                    .form = std::move(form)});
        if (!answer) {
            return std::unexpected(answer.error());
        }
        if (answer->status < 200 || answer->status > 299) {
            return std::unexpected(server_error(*answer));
        }
        auto json = envelope::parse_json(answer->body);
        if (!json) {
            return fail(ErrorType::kInternal, "unexpected_answer",
                        fmt::format("{} answered with something that is no JSON", server_));
        }
        return json;
    }

private:
    std::string server_;
    std::string key_;
};

std::string path_of(const std::string& program) {
    return "/v1/programs/" + registry::url_part(program);
}

// A server's limits and imports without its model.
struct LocalSandbox {
    config::Settings settings;
    std::shared_ptr<sandbox::Runtime> runtime;
    std::unique_ptr<registry::ProgramLoader> loader;

    static Result<LocalSandbox> create(const CommonOptions& common) {
        auto settings = settings_from(common);
        if (!settings) {
            return std::unexpected(std::move(settings.error()));
        }
        auto runtime =
            sandbox::Runtime::create(runtime_options(*settings), interfaces::host_functions());
        if (!runtime) {
            return std::unexpected(std::move(runtime.error()));
        }
        auto loader = std::make_unique<registry::ProgramLoader>(
            *runtime, std::make_unique<registry::LocalCompiler>());
        return LocalSandbox{.settings = std::move(*settings),
                            .runtime = std::move(*runtime),
                            .loader = std::move(loader)};
    }

    [[nodiscard]] registry::UploadCheck checker() const {
        return registry::UploadCheck(*runtime, interface_list(), settings.limits.manifest_bytes);
    }

    [[nodiscard]] Result<LocalFiles> read(const ProgramCommandOptions& options) const {
        return read_files(options, settings.limits.module_bytes, settings.limits.manifest_bytes);
    }
};

}  // namespace

int program_check_command(const CommonOptions& common, const ProgramCommandOptions& options) {
    auto local = LocalSandbox::create(common);
    auto files = local ? local->read(options) : std::unexpected(local.error());
    if (!files) {
        return report(common, files.error());
    }
    const auto checked =
        local->checker().check("", files->wasm, files->manifest, local->settings.limits);
    if (!checked) {
        return report(common, checked.error());
    }
    const auto program = local->loader->load("module", base::as_bytes(checked->wasm));
    if (!program) {
        return report(common, program.error());
    }
    if (common.json) {
        std::cout << envelope::dump({{"accepted", true}, {"digest", (*program)->digest()}}) << '\n';
    } else {
        std::cout << fmt::format("{} is accepted; digest {}\n", options.file, (*program)->digest());
    }
    return 0;
}

int program_inspect_command(const CommonOptions& common, const ProgramCommandOptions& options) {
    auto local = LocalSandbox::create(common);
    auto files = local ? local->read(options) : std::unexpected(local.error());
    if (!files) {
        return report(common, files.error());
    }
    const auto looked =
        local->checker().look("", files->wasm, files->manifest, local->settings.limits);
    if (!looked) {
        return report(common, looked.error());
    }
    const std::string digest = registry::text_sha256(looked->wasm);
    const registry::Inspected inspected{.digest = digest,
                                        .bytes = looked->wasm.size(),
                                        .manifest = looked->manifest,
                                        .report = looked->report,
                                        .bindings = looked->bindings.get()};
    if (common.json) {
        std::cout << envelope::dump(registry::inspect_json(inspected)) << '\n';
    } else {
        std::cout << registry::inspect_text(inspected);
    }
    return 0;
}

int program_list_command(const CommonOptions& common, const ProgramCommandOptions& options) {
    const auto answer = ServerClient(options).ask("GET", "/v1/programs");
    if (!answer) {
        return report(common, answer.error());
    }
    const Json programs = answer->value("data", Json::array());
    if (common.json) {
        std::cout << envelope::dump(programs) << '\n';
        return 0;
    }
    if (programs.empty()) {
        std::cout << "No programs; push one with: realm program push NAME FILE\n";
    }
    for (const Json& program : programs) {
        for (const Json& version : program.value("versions", Json::array())) {
            std::cout << fmt::format("{:<32} {:>10} bytes  {}  {}\n",
                                     version.value("name", "") + "@" + version.value("version", ""),
                                     version.value("bytes", std::uint64_t{0}),
                                     version.value("created", ""),
                                     version.value("digest", "").substr(0, 16));
        }
    }
    return 0;
}

int program_push_command(const CommonOptions& common, const ProgramCommandOptions& options) {
    const auto settings = settings_from(common);
    auto files = settings ? read_files(options, settings->limits.module_bytes,
                                       settings->limits.manifest_bytes)
                          : std::unexpected(settings.error());
    if (!files) {
        return report(common, files.error());
    }
    std::vector<registry::HttpFormPart> form;
    form.push_back({.name = "module", .content = std::move(files->wasm)});
    if (files->manifest) {
        form.push_back({.name = "manifest", .content = std::move(*files->manifest)});
    }
    const auto answer = ServerClient(options).ask("PUT", path_of(options.name), std::move(form));
    if (!answer) {
        return report(common, answer.error());
    }
    if (common.json) {
        std::cout << envelope::dump(*answer) << '\n';
    } else {
        std::cout << fmt::format("{}@{} is there; digest {}\n", answer->value("name", ""),
                                 answer->value("version", ""), answer->value("digest", ""));
    }
    return 0;
}

int program_remove_command(const CommonOptions& common, const ProgramCommandOptions& options) {
    const auto answer = ServerClient(options).ask("DELETE", path_of(options.name));
    if (!answer) {
        return report(common, answer.error());
    }
    const Json removed = answer->value("removed", Json::array());
    if (common.json) {
        std::cout << envelope::dump(removed) << '\n';
        return 0;
    }
    for (const Json& program : removed) {
        for (const Json& version : program.value("versions", Json::array())) {
            std::cout << fmt::format("{}@{} is removed\n", version.value("name", ""),
                                     version.value("version", ""));
        }
    }
    return 0;
}

}  // namespace realm::app
