// `realm call`: calls of a module's exports, in this process, one JSON line each.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "app/commands.h"
#include "app/module_package.h"
#include "app/stack.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "envelope/envelope.h"
#include "envelope/error_table.h"
#include "sandbox/conventions.h"

namespace realm::app {
namespace {

using envelope::Json;
using envelope::OrderedJson;

// Waits for the reply of one run; what the module emits goes to nobody.
class ReplySink final : public serving::RunSink {
public:
    void on_chunk(std::string /*chunk*/,
                  std::move_only_function<void(Result<void>)> taken) override {
        taken({});
    }
    void on_end(serving::RunResult result) override {
        const std::lock_guard lock(mutex_);
        reply_ = std::move(result.reply);
        ended_.notify_all();
    }
    Result<std::string> wait() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return reply_.has_value(); });
        return std::move(*reply_);
    }

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    std::optional<Result<std::string>> reply_;
};

// One module and the session in which its steps run. A step that ends the session (by using up its
// CPU time, say) leaves the next one a fresh instance.
class Caller {
public:
    Caller(serving::RunService& runs, std::shared_ptr<const sandbox::Program> program,
           sandbox::Conventions conventions)
        : runs_(runs), program_(std::move(program)), conventions_(std::move(conventions)) {}

    // Prints the step's lines; gives the last, {"ok": value} or {"error": {...}}.
    std::string run(const std::string& step) {
        const auto lines = std::make_shared<Lines>();
        auto reply = reply_to(step, lines);
        if (!reply) {
            lines->add(serving::step_line(std::unexpected(std::move(reply.error()))));
        }
        return lines->last();
    }

private:
    // What steps print, from whichever thread.
    class Lines {
    public:
        void add(std::string_view line) {
            const std::lock_guard lock(mutex_);
            std::cout << line << std::endl;
            last_ = line;
        }
        std::string last() {
            const std::lock_guard lock(mutex_);
            return last_;
        }

    private:
        std::mutex mutex_;
        std::string last_;
    };

    Result<std::string> reply_to(const std::string& step, const std::shared_ptr<Lines>& lines) {
        serving::RunRequest request;
        request.meta.request_id = base::Uuid::generate().to_string();
        request.meta.timestamp = base::rfc3339_now();
        request.meta.operation = "program.run";
        request.meta.tenant = "local";
        request.meta.session = "call";
        request.data = "null";
        request.steps = {.steps = std::vector<std::string>(1, step),
                         .conventions = conventions_,
                         .on_line = [lines](std::string_view line) { lines->add(line); }};
        auto sink = std::make_shared<ReplySink>();
        auto run = runs_.start(program_, std::move(request), sink);
        return run ? sink->wait() : std::unexpected(std::move(run.error()));
    }

    serving::RunService& runs_;
    std::shared_ptr<const sandbox::Program> program_;
    sandbox::Conventions conventions_;
};

// Arguments of the short form: JSON where it is JSON, else text.
OrderedJson argument(const std::string& text) {
    OrderedJson json = OrderedJson::parse(text, nullptr, false);
    return json.is_discarded() ? OrderedJson(text) : json;
}

int exit_code_of(const std::string& line) {
    const Json answer = Json::parse(line);
    if (answer.contains("ok")) {
        return 0;
    }
    const auto type =
        envelope::error_type_from_name(answer.at("error").at("type").get<std::string>());
    return envelope::error_row(type.value_or(ErrorType::kInternal)).exit_code;
}

void run_lines(Caller& caller, std::istream& lines) {
    std::string line;
    while (std::getline(lines, line)) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) {
            continue;
        }
        if (const auto step = envelope::parse_json(line)) {
            caller.run(line);
        } else {
            std::cout << serving::step_line(std::unexpected(step.error())) << std::endl;
        }
    }
}

Result<sandbox::Conventions> conventions_of(const sandbox::Program& program,
                                            const Json& described) {
    return sandbox::with_description(sandbox::detect_conventions(program.info()), described);
}

int run_steps(const CommonOptions& common, const CallOptions& options, Caller& caller) {
    if (options.function) {
        OrderedJson step = {{"do", *options.function}, {"args", OrderedJson::array()}};
        for (const std::string& text : options.arguments) {
            step["args"].push_back(argument(text));
        }
        return exit_code_of(caller.run(step.dump()));
    }
    if (options.steps == "-") {
        run_lines(caller, std::cin);
        return 0;
    }
    std::ifstream file(*options.steps);
    if (!file) {
        return report(common, fail(ErrorType::kNotFound, "input_not_readable",
                                   "cannot read the steps in '" + *options.steps + "'")
                                  .error());
    }
    run_lines(caller, file);
    return 0;
}

// The machine is the caller's own, so a module has more room than a tenant's on a server.
config::Settings roomy_defaults() {
    config::Settings settings;
    settings.limits.memory_bytes = std::uint64_t{1} << 30;
    settings.limits.table_elements = 100'000;
    settings.limits.cpu_ms = std::chrono::minutes(1);
    return settings;
}

}  // namespace

int call_command(const CommonOptions& common, const CallOptions& options) {
    if (options.function.has_value() == options.steps.has_value()) {
        return report(common, fail(ErrorType::kInvalidRequest, "no_steps",
                                   "say what to call: FUNCTION ARG..., or --steps FILE (- for "
                                   "standard input)")
                                  .error());
    }
    auto settings = settings_from(common, roomy_defaults());
    if (!settings) {
        return report(common, settings.error());
    }
    auto package = read_module_package(options.path, settings->limits.module_bytes);
    if (!package) {
        return report(common, package.error());
    }
    const auto logger =
        telemetry::Logger::to_stderr(telemetry::Level::kError, telemetry::LogFormat::kText);
    const auto info = sandbox::read_module(base::as_bytes(package->wasm));
    const bool uses_models = info && info->is_realm_program();
    auto stack =
        Stack::create(*settings, uses_models ? Stack::Models::kOptional : Stack::Models::kNone,
                      std::make_unique<registry::LocalCompiler>(), logger);
    if (!stack) {
        return report(common, stack.error());
    }
    auto program = (*stack)->load_module(package->module.string(), package->wasm);
    if (!program) {
        return report(common, program.error());
    }
    auto conventions = conventions_of(**program, package->conventions);
    if (!conventions) {
        return report(common, conventions.error());
    }
    Caller caller((*stack)->runs(), *program, std::move(*conventions));
    return run_steps(common, options, caller);
}

}  // namespace realm::app
