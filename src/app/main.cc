// The `realm` command: reads the command line and hands over to a subcommand.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "app/commands.h"
#include "app/version.h"

namespace {

using realm::app::CommonOptions;

constexpr int kUsageError = 2;

// A flag that sets one of the settings, so that flags, variables and file accept the same.
void add_setting(CLI::App& command, CommonOptions& common, const std::string& flag,
                 const std::string& key, const std::string& help) {
    command
        .add_option_function<std::string>(
            flag,
            [&common, key, flag](const std::string& text) {
                common.overrides.push_back({.key = key, .text = text, .flag = flag});
            },
            help)
        ->type_name("VALUE");
}

void add_common(CLI::App& command, CommonOptions& common) {
    command.add_option("--config", common.config_file, "Read settings from this TOML file")
        ->type_name("FILE");
    command.add_flag("--json", common.json, "Print results and errors as JSON");
}

void add_settings(CLI::App& command, CommonOptions& common) {
    add_common(command, common);
    add_setting(command, common, "--model", "model.name",
                "Name of a pulled model, or a .gguf file");
    add_setting(command, common, "--context", "model.context",
                "Tokens of KV memory shared by all requests");
    add_setting(command, common, "--threads", "model.threads",
                "Threads that compute; 0: one per core");
    add_setting(command, common, "--log-level", "server.log_level", "debug, info, warn or error");
    command
        .add_option_function<std::vector<std::string>>(
            "--set",
            [&common](const std::vector<std::string>& pairs) {
                for (const std::string& pair : pairs) {
                    const std::size_t equals = pair.find('=');
                    if (equals == std::string::npos) {
                        throw CLI::ValidationError("--set", "'" + pair + "' is no KEY=VALUE");
                    }
                    common.overrides.push_back({.key = pair.substr(0, equals),
                                                .text = pair.substr(equals + 1),
                                                .flag = "--set"});
                }
            },
            "Change any setting: --set limits.cpu_ms=2000 (realm doctor --settings lists them)")
        ->type_name("KEY=VALUE")
        ->take_all();
}

// Everything the command line can say; lives as long as main.
struct CommandLine {
    CommonOptions common;
    realm::app::RunOptions run;
    realm::app::CallOptions call;
    realm::app::PullCommandOptions pull;
    realm::app::ProgramCommandOptions program;
    std::optional<std::string> path_of;
    std::optional<std::string> key;
    bool list_settings = false;
    int exit_code = 0;
};

void add_serve(CLI::App& app, CommandLine& line) {
    CLI::App* serve = app.add_subcommand("serve", "Serve models and programs over HTTP");
    add_settings(*serve, line.common);
    add_setting(*serve, line.common, "--port,-p", "server.port", "Port; 0: any free one");
    add_setting(*serve, line.common, "--address", "server.address",
                "Address to listen on; others than loopback need tenants");
    add_setting(*serve, line.common, "--program", "program.chat",
                "Module that answers chats instead of the built-in one");
    serve->callback([&line] { line.exit_code = realm::app::serve_command(line.common); });
}

void add_run(CLI::App& app, CommandLine& line) {
    CLI::App* run =
        app.add_subcommand("run", "Run a program once, in this process, and print what it answers");
    run->add_option("PROGRAM", line.run.program, "A .wasm file; without it the chat program");
    auto* prompt = run->add_option("--prompt", line.run.prompt, "What the user asks");
    run->add_option("--system", line.run.system, "System message that goes before the prompt")
        ->needs(prompt);
    run->add_option("--max-tokens", line.run.max_tokens, "Tokens to generate at most")
        ->needs(prompt);
    run->add_option("--temperature", line.run.temperature,
                    "0: the same answer each time (default); up to 2")
        ->needs(prompt);
    run->add_option("--input", line.run.input,
                    "File with the request's data as JSON; - reads standard input")
        ->excludes(prompt)
        ->type_name("FILE|-");
    add_settings(*run, line.common);
    run->callback([&line] { line.exit_code = realm::app::run_command(line.common, line.run); });
}

void add_call(CLI::App& app, CommandLine& line) {
    CLI::App* call = app.add_subcommand(
        "call", "Call exports of any WebAssembly module, in this process; one JSON line each");
    call->add_option("PATH", line.call.path,
                     "A .wasm file, or an npm package: its directory or its .tgz")
        ->required();
    call->add_option("FUNCTION", line.call.function, "The export to call");
    call->add_option("ARG", line.call.arguments, "Its arguments: JSON, or text");
    call->add_option("--steps", line.call.steps,
                     "File of steps, a JSON line each: {\"do\": \"export\" | \"new Class\" | "
                     "\"name.method\" | \"name.field\" | \"name.free\", \"args\": [...], "
                     "\"as\": \"name\"}; - reads standard input")
        ->type_name("FILE|-");
    add_settings(*call, line.common);
    call->callback([&line] { line.exit_code = realm::app::call_command(line.common, line.call); });
}

void add_models(CLI::App& app, CommandLine& line) {
    CLI::App* pull = app.add_subcommand("pull", "Fetch a model into the cache");
    pull->add_option("MODEL", line.pull.model,
                     "Known name, URL of a .gguf, or hf:OWNER/REPO/FILE.gguf; default: "
                     "smollm2-135m-instruct");
    pull->add_option("--name", line.pull.name, "Name to keep it under");
    pull->add_option("--sha256", line.pull.sha256, "Hash that the file must have");
    pull->add_flag("--quiet,-q", line.pull.quiet, "No progress");
    add_common(*pull, line.common);
    pull->callback([&line] { line.exit_code = realm::app::pull_command(line.common, line.pull); });

    CLI::App* models = app.add_subcommand("models", "List the models in the cache");
    models->add_option("--path", line.path_of, "Print only the path of this model's file")
        ->type_name("MODEL");
    add_common(*models, line.common);
    models->callback(
        [&line] { line.exit_code = realm::app::models_command(line.common, line.path_of); });
}

void add_tools(CLI::App& app, CommandLine& line) {
    CLI::App* doctor =
        app.add_subcommand("doctor", "Check this machine and say what to do about problems");
    doctor->add_flag("--settings", line.list_settings, "List every setting and its default");
    add_settings(*doctor, line.common);
    doctor->callback([&line] {
        line.exit_code = line.list_settings ? realm::app::settings_command(line.common)
                                            : realm::app::doctor_command(line.common);
    });

    CLI::App* key = app.add_subcommand("key", "Keys of tenants");
    key->require_subcommand(1);
    CLI::App* hash = key->add_subcommand(
        "hash", "Print the hash of a key for the configuration; without KEY make a new key");
    hash->add_option("KEY", line.key, "The key; - reads it from standard input");
    add_common(*hash, line.common);
    hash->callback(
        [&line] { line.exit_code = realm::app::key_hash_command(line.common, line.key); });
}

void add_internal(CLI::App& app, CommandLine& line) {
    // An empty group hides it.
    app.add_subcommand("compile-broker", "")->group("")->callback([&line] {
        line.exit_code = realm::app::compile_broker_command();
    });
}

// The options of a command that takes a module's file.
void add_module(CLI::App& command, CommandLine& line) {
    command
        .add_option("FILE", line.program.file,
                    "The module: a .wasm file, or an npm package, its directory or its .tgz")
        ->required();
    command.add_option("--manifest", line.program.manifest, "Its manifest, a JSON file")
        ->type_name("FILE");
}

void add_server(CLI::App& command, CommandLine& line) {
    command.add_option("--server", line.program.server, "URL of the server")
        ->default_str("http://127.0.0.1:8080");
    command.add_option("--key", line.program.key, "Key of the tenant; else $REALM_KEY");
}

void add_program(CLI::App& app, CommandLine& line) {
    using Command = int (*)(const CommonOptions&, const realm::app::ProgramCommandOptions&);
    CLI::App* program = app.add_subcommand("program", "Programs of your own: look, push, remove");
    program->require_subcommand(1);
    const auto add = [&](const std::string& name, const std::string& help, Command run) {
        CLI::App* command = program->add_subcommand(name, help);
        add_common(*command, line.common);
        command->callback([&line, run] { line.exit_code = run(line.common, line.program); });
        return command;
    };
    add_module(*add("check", "Say whether a server would take a module, and if not, why",
                    realm::app::program_check_command),
               line);
    add_module(*add("inspect", "Show what a module imports, exports and needs",
                    realm::app::program_inspect_command),
               line);
    add_server(*add("list", "List your programs on a server", realm::app::program_list_command),
               line);
    CLI::App* push = add("push", "Give a program to a server, as a new version",
                         realm::app::program_push_command);
    push->add_option("NAME", line.program.name, "Name of the program")->required();
    add_module(*push, line);
    add_server(*push, line);
    CLI::App* remove = add("remove", "Remove a program, or one version of it, from a server",
                           realm::app::program_remove_command);
    remove->add_option("NAME[@VERSION]", line.program.name, "What to remove")->required();
    add_server(*remove, line);
}

int run_main(int argc, char** argv) {
    CLI::App app("Realm: a programmable, multi-tenant LLM inference server", "realm");
    CommandLine line;
    app.set_version_flag("--version", std::string("realm ") + realm::app::kVersion);
    app.require_subcommand(0, 1);
    app.footer("Start with: realm pull && realm serve");
    add_serve(app, line);
    add_run(app, line);
    add_call(app, line);
    add_models(app, line);
    add_program(app, line);
    add_tools(app, line);
    add_internal(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kUsageError;
    }
    if (app.get_subcommands().empty()) {
        std::cerr << "realm: no command given\n" << app.help();
        return kUsageError;
    }
    return line.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    // Wasmtime reads it when its configuration is made; only then do traps carry source lines.
    setenv("WASMTIME_BACKTRACE_DETAILS", "1", 0);
    try {
        return run_main(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "realm: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
