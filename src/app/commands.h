// The subcommands of `realm`. Each returns the exit code; errors are printed by it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "config/settings.h"

namespace realm::app {

// Options that every command shares.
struct CommonOptions {
    std::optional<std::string> config_file;
    // Settings given by flags, in order: key, text, the flag's name.
    struct Override {
        std::string key;
        std::string text;
        std::string flag;
    };
    std::vector<Override> overrides;
    bool json = false;
};

struct RunOptions {
    std::string program;  // empty: the built-in chat program
    std::optional<std::string> prompt;
    std::optional<std::string> system;
    std::optional<std::string> input;  // a file, or "-" for standard input
    std::optional<std::uint32_t> max_tokens;
    double temperature = 0.0;
};

struct CallOptions {
    std::string path;                     // a .wasm file or the directory of a package
    std::optional<std::string> function;  // the short form: one call
    std::vector<std::string> arguments;
    std::optional<std::string> steps;  // a file of steps, or "-"
};

struct PullCommandOptions {
    std::string model;  // empty: the default model
    std::optional<std::string> name;
    std::optional<std::string> sha256;
    bool quiet = false;
};

struct ProgramCommandOptions {
    std::string name;  // of the program; NAME@VERSION where one version is meant
    std::string file;
    std::optional<std::string> manifest;  // a file
    std::optional<std::string> server;    // its URL
    std::optional<std::string> key;       // else REALM_KEY
};

int serve_command(const CommonOptions& common);
int run_command(const CommonOptions& common, const RunOptions& options);
int call_command(const CommonOptions& common, const CallOptions& options);
int pull_command(const CommonOptions& common, const PullCommandOptions& options);
// `path_of`: print only where the file of that model is.
int models_command(const CommonOptions& common, const std::optional<std::string>& path_of);
// Every setting with its default, range and variable.
int settings_command(const CommonOptions& common);
// The process that compiles for a server: for `serve` to start, not for people.
int compile_broker_command();
int doctor_command(const CommonOptions& common);
// On this machine: whether a server with these settings would take the module, and what it is.
int program_check_command(const CommonOptions& common, const ProgramCommandOptions& options);
int program_inspect_command(const CommonOptions& common, const ProgramCommandOptions& options);
// Through a running server.
int program_list_command(const CommonOptions& common, const ProgramCommandOptions& options);
int program_push_command(const CommonOptions& common, const ProgramCommandOptions& options);
int program_remove_command(const CommonOptions& common, const ProgramCommandOptions& options);
// `key` "-" reads one from standard input; without it a new key is made.
int key_hash_command(const CommonOptions& common, const std::optional<std::string>& key);

// `defaults`, file, environment, then the overrides.
Result<config::Settings> settings_from(const CommonOptions& common, config::Settings defaults = {});

// Prints "realm: message" (or the error as JSON) to standard error; returns its exit code.
int report(const CommonOptions& common, const Error& error);

}  // namespace realm::app
