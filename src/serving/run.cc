#include "serving/run.h"

#include <realm/realm.h>

#include <utility>

#include "base/limit_error.h"

namespace realm::serving {
namespace {

telemetry::Level level_of(std::int32_t level) {
    switch (level) {
        case REALM_LOG_DEBUG:
            return telemetry::Level::kDebug;
        case REALM_LOG_WARN:
            return telemetry::Level::kWarn;
        case REALM_LOG_ERROR:
            return telemetry::Level::kError;
        default:
            return telemetry::Level::kInfo;
    }
}

// Failures of the program or the server, as against those of the request.
bool is_fault(ErrorType type) {
    return type == ErrorType::kProgramTrap || type == ErrorType::kProgramLimit ||
           type == ErrorType::kInternal || type == ErrorType::kUnavailable;
}

}  // namespace

RunLimits run_limits(const config::Limits& limits) {
    return {
        .bounds = {.output_bytes = limits.output_bytes,
                   .chunk_bytes = limits.chunk_bytes,
                   .wall = limits.wall_ms},
        .host = {.log = {.bytes = limits.log_bytes, .lines = limits.log_lines},
                 .contexts = {.contexts = limits.contexts,
                              .kv_tokens = limits.kv_tokens,
                              .operations = limits.operations,
                              .prefill_tokens = limits.prefill_tokens,
                              .stop_bytes = limits.stop_bytes},
                 .model = {.text_bytes = limits.text_bytes, .context_tokens = limits.kv_tokens}},
        .instance = {.memory_bytes = limits.memory_bytes,
                     .table_elements = limits.table_elements,
                     .cpu = limits.cpu_ms,
                     .wall = limits.wall_ms,
                     .idle = limits.session_idle_ms,
                     .bindgen = {.values = limits.host_values,
                                 .value_bytes = limits.host_value_bytes,
                                 .timers = limits.host_timers,
                                 .microtasks = limits.host_microtasks,
                                 .names = limits.named_results,
                                 .nesting = limits.nesting,
                                 .steps = limits.host_steps,
                                 .turn = limits.host_turn_ms}}};
}

Run::Run(RunRequest request, std::string program, const RunBounds& bounds,
         std::shared_ptr<RunSink> sink, telemetry::Logger logger)
    : request_(std::move(request)),
      program_(std::move(program)),
      meta_json_(envelope::dump(envelope::to_json(request_.meta))),
      bounds_(bounds),
      sink_(std::move(sink)),
      logger_(std::move(logger)) {}

void Run::cancel(Error reason) {
    std::shared_ptr<sandbox::Execution> execution;
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || cancel_reason_) {
            return;
        }
        cancel_reason_ = reason;
        execution = execution_;
    }
    cancelled_ = true;
    if (execution) {
        execution->cancel(std::move(reason));
    }
}

void Run::attach(std::shared_ptr<sandbox::Execution> execution, std::uint32_t attempt) {
    std::optional<Error> reason;
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || attempt != attempt_) {
            return;
        }
        execution_ = execution;
        reason = cancel_reason_;
    }
    if (reason) {
        execution->cancel(std::move(*reason));
    }
}

void Run::end(sandbox::RunOutcome outcome) {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        execution_.reset();
    }
    RunResult result{.reply = std::string("null"),
                     .usage = outcome.usage,
                     .duration = std::chrono::duration_cast<std::chrono::milliseconds>(
                         base::SteadyClock::now() - started_)};
    if (outcome.error) {
        add_context(*outcome.error);
        result.reply = std::unexpected(std::move(*outcome.error));
    } else if (answer_) {
        result.reply = std::move(*answer_);
    }
    log_end(result);
    if (!result.reply && !request_.show_faults) {
        hide_fault(result.reply.error());
    }
    sink_->on_end(std::move(result));
}

std::uint32_t Run::attempt() const {
    const std::lock_guard lock(mutex_);
    return attempt_;
}

std::uint32_t Run::begin_attempt() {
    answer_.reset();
    const std::lock_guard lock(mutex_);
    execution_.reset();
    return ++attempt_;
}

const Error* Run::failure(const Error* error) const {
    if (error != nullptr) {
        return error;
    }
    return answer_ && !*answer_ ? &answer_->error() : nullptr;
}

Result<void> Run::check_chunk(std::size_t bytes) const {
    const std::size_t most = bounds_.chunk_bytes;
    if (bytes <= most) {
        return {};
    }
    return std::unexpected(limit_error(
        {.limit = "chunk_bytes", .setting = "limits.chunk_bytes", .value = most, .asked = bytes},
        "A chunk may have " + std::to_string(most) + " bytes; this one has " +
            std::to_string(bytes)));
}

Result<void> Run::check_output(std::size_t bytes) const {
    const std::size_t most = bounds_.output_bytes;
    if (bytes <= most - output_bytes_) {
        return {};
    }
    return std::unexpected(limit_error({.limit = "output_bytes",
                                        .setting = "limits.output_bytes",
                                        .value = most,
                                        .asked = output_bytes_ + bytes},
                                       "A run may send " + std::to_string(most) +
                                           " bytes in all, chunks and reply; with this they were " +
                                           std::to_string(output_bytes_ + bytes)));
}

void Run::emit(std::string chunk, std::move_only_function<void(Result<void>)> done) {
    if (auto open = check_open(); !open) {
        done(std::move(open));
        return;
    }
    if (auto counted = account(chunk.size()); !counted) {
        done(std::move(counted));
        return;
    }
    had_effect_ = true;
    sink_->on_chunk(std::move(chunk), std::move(done));
}

Result<void> Run::reply(std::string json) {
    if (auto open = check_open(); !open) {
        return open;
    }
    if (auto counted = account(json.size()); !counted) {
        return counted;
    }
    had_effect_ = true;
    answer_ = std::move(json);
    return {};
}

Result<void> Run::fail(Error error) {
    if (auto open = check_open(); !open) {
        return open;
    }
    answer_ = std::unexpected(std::move(error));
    return {};
}

std::chrono::milliseconds Run::time_left() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(started_ + bounds_.wall -
                                                                 base::SteadyClock::now());
}

void Run::line(std::int32_t level, std::string_view text) {
    had_effect_ = true;
    logger_.log(
        level_of(level), "program log",
        {{"run", id()}, {"tenant", request_.meta.tenant}, {"program", program_}, {"text", text}});
}

Result<void> Run::account(std::size_t bytes) {
    auto within = check_output(bytes);
    if (within) {
        output_bytes_ += bytes;
    }
    return within;
}

Result<void> Run::check_open() const {
    if (cancelled_) {
        return realm::fail(ErrorType::kCancelled, "cancelled", "The request was cancelled.");
    }
    if (answer_) {
        return realm::fail(ErrorType::kConflict, "answered",
                           "The program has replied or failed already.");
    }
    return {};
}

// The outermost of what the sandbox noted.
void Run::add_context(Error& error) const {
    if (error.context.empty()) {
        return;
    }
    std::string around = "run " + id() + " of tenant '" + tenant() + "', operation '" +
                         request_.meta.operation + "'";
    if (!session().empty()) {
        around += ", session '" + session() + "'";
    }
    error.context.push_back(std::move(around));
}

void Run::hide_fault(Error& error) const {
    error.context.clear();
    if (error.type == ErrorType::kProgramTrap || error.type == ErrorType::kInternal) {
        error.message = "The server's program '" + program_ +
                        "' failed; the server's log has the cause, under run " + id() + ".";
        error.details.clear();
    }
}

void Run::log_end(const RunResult& result) const {
    const std::string_view code = result.reply ? std::string_view("ok") : result.reply.error().code;
    const auto level = request_.log_faults && !result.reply && is_fault(result.reply.error().type)
                           ? telemetry::Level::kWarn
                           : telemetry::Level::kInfo;
    const std::string_view message =
        level == telemetry::Level::kWarn ? std::string_view(result.reply.error().message) : "";
    std::string context;
    if (level == telemetry::Level::kWarn) {
        for (const std::string& around : result.reply.error().context) {
            context += (context.empty() ? "" : " < ") + around;
        }
    }
    logger_.log(level, "run ended",
                {{"run", id()},
                 {"tenant", request_.meta.tenant},
                 {"program", program_},
                 {"operation", request_.meta.operation},
                 {"status", code},
                 {"duration_ms", result.duration.count()},
                 {"cpu_us",
                  std::chrono::duration_cast<std::chrono::microseconds>(result.usage.cpu).count()},
                 {"reason", message},
                 {"context", context}});
}

}  // namespace realm::serving
