#include "app/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "api/gateway.h"
#include "app/lockdown.h"
#include "app/stack.h"
#include "net/http.h"
#include "tenancy/tenant_store.h"

namespace realm::app {
namespace {

namespace asio = boost::asio;

// How long cancelled runs may take to send their last words before connections are closed.
constexpr std::chrono::seconds kLastWords{2};

net::HttpServerOptions http_options(const config::Settings& settings, const api::Gateway& gateway) {
    const config::Limits& limits = settings.limits;
    return {
        .address = settings.server.address,
        .port = settings.server.port,
        .max_body_bytes = limits.body_bytes,
        .body_limit = [&gateway](const net::HttpRequest& head) { return gateway.body_limit(head); },
        .max_header_bytes = limits.header_bytes,
        .max_connections = limits.connections,
        .header_timeout = limits.header_ms,
        .body_timeout = limits.body_ms,
        .idle_timeout = limits.idle_ms,
        .write_timeout = limits.write_ms};
}

// Ends the server in order: no new requests, running ones finish, then the rest is cancelled.
class Shutdown {
public:
    Shutdown(asio::io_context& io, std::chrono::milliseconds grace, api::Gateway& gateway,
             net::HttpServer& http, serving::RunService& runs, telemetry::Logger logger)
        : io_(io),
          grace_(grace),
          gateway_(gateway),
          http_(http),
          runs_(runs),
          logger_(std::move(logger)),
          signals_(io, SIGINT, SIGTERM),
          timer_(io) {}

    void watch() {
        signals_.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
            if (!error) {
                on_signal();
                watch();
            }
        });
    }

private:
    void on_signal() {
        if (std::exchange(stopping_, true)) {
            cancel_runs("a second signal");
            return;
        }
        logger_.info("stopping",
                     {{"running_requests", http_.active_requests()}, {"grace_ms", grace_.count()}});
        gateway_.set_stopping();
        http_.drain([this] { io_.stop(); });
        timer_.expires_after(grace_);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) {
                cancel_runs("the grace period is over");
            }
        });
    }

    void cancel_runs(std::string_view why) {
        logger_.warn("cancelling running requests", {{"reason", why}});
        runs_.stop_admission();
        runs_.cancel_all(
            fail(ErrorType::kUnavailable, "stopping", "The server is shutting down.").error());
        timer_.expires_after(kLastWords);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) {
                http_.close();
                io_.stop();
            }
        });
    }

    asio::io_context& io_;
    std::chrono::milliseconds grace_;
    api::Gateway& gateway_;
    net::HttpServer& http_;
    serving::RunService& runs_;
    telemetry::Logger logger_;
    asio::signal_set signals_;
    asio::steady_timer timer_;
    bool stopping_ = false;
};

std::string printable(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

// Everything behind the gateway.
struct Backend {
    std::unique_ptr<Stack> stack;
    registry::BrokerCompiler* broker = nullptr;  // in the stack
};

// Before the lockdown: what starts processes and makes directories. After it: threads.
Result<Backend> start_backend(const config::Settings& settings, Lockdown& lockdown,
                              const telemetry::Logger& logger) {
    auto compiler = start_compiler(settings.limits);
    if (!compiler) {
        return std::unexpected(std::move(compiler.error()));
    }
    auto store = open_program_store(settings, logger);
    if (!store) {
        return std::unexpected(std::move(store.error()));
    }
    if (auto confined = lockdown.confine_files(); !confined) {
        return std::unexpected(std::move(confined.error()));
    }
    Backend backend;
    backend.broker = compiler->get();
    auto stack = Stack::create(settings, Stack::Models::kRequired, std::move(*compiler), logger);
    if (!stack) {
        return std::unexpected(std::move(stack.error()));
    }
    backend.stack = std::move(*stack);
    backend.stack->keep_programs(std::move(*store), settings);
    return backend;
}

void log_ready(const Stack& stack, const sandbox::Program& program,
               const config::Settings& settings, const telemetry::Logger& logger) {
    const inference::ModelInfo& model = stack.models().at(0).model().info();
    logger.info("ready", {{"model", model.name},
                          {"description", model.description},
                          {"program", program.name()},
                          {"tenants", settings.tenants.size()}});
}

}  // namespace

Result<void> serve(const config::Settings& settings, const telemetry::Logger& logger) {
    if (auto safe = config::check_exposure(settings); !safe) {
        return safe;
    }
    auto tenants = tenancy::StaticTenantStore::create(settings.tenants, settings.limits);
    if (!tenants) {
        return std::unexpected(std::move(tenants.error()));
    }
    Lockdown lockdown(settings, logger);
    // Declared before the stack: runs hold channels on it until the last one has ended.
    asio::io_context io(1);
    auto backend = start_backend(settings, lockdown, logger);
    if (!backend) {
        return std::unexpected(std::move(backend.error()));
    }
    Stack* const stack = backend->stack.get();
    auto program = stack->load_program(settings.program.chat);
    if (!program) {
        return std::unexpected(std::move(program.error()));
    }
    api::Gateway gateway({.io = io,
                          .tenants = **tenants,
                          .models = stack->models(),
                          .runs = stack->runs(),
                          .chat_program = *program,
                          .programs = stack->catalog(),
                          .program_workers = stack->program_workers(),
                          .limits = settings.limits,
                          .code_cache = stack->code_cache(),
                          .show_faults = settings.tenants.empty(),
                          .show_counters = settings.tenants.empty(),
                          .logger = logger});
    auto http = net::HttpServer::listen(
        io, http_options(settings, gateway),
        [&gateway](net::HttpRequest request, net::ResponseWriter& writer) {
            return gateway.handle(std::move(request), writer);
        },
        &api::Gateway::error_body);
    if (!http) {
        return std::unexpected(std::move(http.error()));
    }
    Shutdown shutdown(io, settings.server.grace_ms, gateway, **http, stack->runs(), logger);
    shutdown.watch();
    if (lockdown.wanted()) {
        backend->broker->forbid_restart();
    }
    if (auto confined = lockdown.confine_calls(); !confined) {
        return confined;
    }

    log_ready(*stack, **program, settings, logger);
    std::cout << "listening on http://" << printable(settings.server.address) << ":"
              << (*http)->port() << std::endl;
    io.run();
    stack->runs().stop_admission();
    stack->runs().cancel_all(
        fail(ErrorType::kUnavailable, "stopping", "The server is shutting down.").error());
    logger.info("stopped");
    return {};
}

}  // namespace realm::app
