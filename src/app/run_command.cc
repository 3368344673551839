// `realm run`: one run of a program in this process.

#include <condition_variable>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "app/commands.h"
#include "app/stack.h"
#include "base/clock.h"
#include "base/ids.h"
#include "envelope/envelope.h"

namespace realm::app {
namespace {

using envelope::Json;

// Prints chunks as they come and keeps the result for the main thread.
class PrintingSink final : public serving::RunSink {
public:
    explicit PrintingSink(bool json) : json_(json) {}

    void on_chunk(std::string chunk, std::move_only_function<void(Result<void>)> taken) override {
        print_chunk(chunk);
        taken({});
    }

    void on_end(serving::RunResult result) override {
        const std::lock_guard lock(mutex_);
        result_ = std::move(result);
        ended_.notify_all();
    }

    serving::RunResult wait() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return result_.has_value(); });
        return std::move(*result_);
    }

    [[nodiscard]] bool printed() const { return printed_; }

private:
    void print_chunk(const std::string& chunk) {
        if (json_) {
            std::cout << R"({"chunk":)" << chunk << "}\n" << std::flush;
            return;
        }
        const Json parsed = Json::parse(chunk, nullptr, false);
        if (parsed.is_string()) {
            std::cout << parsed.get<std::string>();
        } else if (parsed.is_object() && parsed.contains("content") &&
                   parsed["content"].is_string()) {
            std::cout << parsed["content"].get<std::string>();
        } else {
            std::cout << chunk << '\n';
        }
        std::cout << std::flush;
        printed_ = true;
    }

    const bool json_;
    bool printed_ = false;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::optional<serving::RunResult> result_;
};

// Turns SIGINT and SIGTERM into the cancellation of a run: they are blocked in every thread and
// waited for by one of ours.
class SignalWatch {
public:
    SignalWatch() {
        sigemptyset(&set_);
        sigaddset(&set_, SIGINT);
        sigaddset(&set_, SIGTERM);
        sigaddset(&set_, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    }
    ~SignalWatch() {
        if (thread_.joinable()) {
            // Wakes our own thread alone; it ends on this signal.
            pthread_kill(thread_.native_handle(), SIGUSR1);
            thread_.join();
        }
    }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    void watch(std::shared_ptr<serving::Run> run) {
        thread_ = std::thread([this, run = std::move(run)] {
            int signal = 0;
            while (sigwait(&set_, &signal) == 0 && signal != SIGUSR1) {
                run->cancel(
                    fail(ErrorType::kCancelled, "interrupted", "Interrupted by a signal.").error());
            }
        });
    }

private:
    sigset_t set_{};
    std::thread thread_;
};

Json chat_data(const RunOptions& options, std::uint32_t default_max_tokens) {
    Json messages = Json::array();
    if (options.system) {
        messages.push_back({{"role", "system"}, {"content", *options.system}});
    }
    messages.push_back({{"role", "user"}, {"content", *options.prompt}});
    Json data = {{"messages", std::move(messages)},
                 {"temperature", options.temperature},
                 {"max_tokens", options.max_tokens.value_or(default_max_tokens)}};
    return data;
}

Result<std::string> read_input(const std::string& name) {
    std::string text;
    if (name == "-") {
        text.assign(std::istreambuf_iterator<char>(std::cin), {});
    } else {
        std::ifstream file(name, std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(file), {});
        if (!file) {
            return fail(ErrorType::kNotFound, "input_not_readable",
                        "cannot read the input file '" + name + "'");
        }
    }
    if (auto json = envelope::parse_json(text); !json) {
        json.error().message = "the input '" + name + "': " + json.error().message;
        return std::unexpected(std::move(json.error()));
    }
    return text;
}

Result<std::string> request_data(const RunOptions& options, std::uint32_t default_max_tokens) {
    if (options.input) {
        return read_input(*options.input);
    }
    if (options.prompt) {
        return envelope::dump(chat_data(options, default_max_tokens));
    }
    if (!options.program.empty()) {
        return std::string("null");
    }
    return fail(ErrorType::kInvalidRequest, "no_input",
                "nothing to ask: give --prompt TEXT or --input FILE (- for standard input)");
}

envelope::Meta local_meta() {
    envelope::Meta meta;
    meta.request_id = base::Uuid::generate().to_string();
    meta.timestamp = base::rfc3339_now();
    meta.operation = "run";
    meta.tenant = "local";
    return meta;
}

void print_reply(const PrintingSink& sink, const std::string& reply, bool json) {
    if (json) {
        std::cout << R"({"reply":)" << reply << "}" << std::endl;
    } else if (sink.printed()) {
        const Json parsed = Json::parse(reply, nullptr, false);
        const bool tail =
            parsed.is_object() && parsed.contains("tail") && parsed["tail"].is_string();
        std::cout << (tail ? parsed["tail"].get<std::string>() : std::string()) << std::endl;
    } else {
        const Json parsed = Json::parse(reply, nullptr, false);
        std::cout << (parsed.is_string() ? parsed.get<std::string>() : reply) << std::endl;
    }
}

}  // namespace

int run_command(const CommonOptions& common, const RunOptions& options) {
    auto settings = settings_from(common);
    if (!settings) {
        return report(common, settings.error());
    }
    auto data = request_data(options, settings->limits.max_tokens);
    if (!data) {
        return report(common, data.error());
    }
    SignalWatch signals;
    const auto logger =
        telemetry::Logger::to_stderr(telemetry::Level::kWarn, telemetry::LogFormat::kText);
    auto stack = Stack::create(
        *settings, options.program.empty() ? Stack::Models::kRequired : Stack::Models::kOptional,
        std::make_unique<registry::LocalCompiler>(), logger);
    if (!stack) {
        return report(common, stack.error());
    }
    auto program = (*stack)->load_program(options.program);
    if (!program) {
        return report(common, program.error());
    }
    auto sink = std::make_shared<PrintingSink>(common.json);
    auto run = (*stack)->runs().start(
        *program, {.meta = local_meta(), .data = std::move(*data), .log_faults = false}, sink);
    if (!run) {
        return report(common, run.error());
    }
    signals.watch(*run);
    const serving::RunResult result = sink->wait();
    if (!result.reply) {
        if (sink->printed()) {
            std::cout << std::endl;
        }
        return report(common, result.reply.error());
    }
    print_reply(*sink, *result.reply, common.json);
    return 0;
}

}  // namespace realm::app
