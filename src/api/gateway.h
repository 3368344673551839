// The HTTP interface: authentication, routes, and a request's way into a run and back.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "api/chat_reply.h"
#include "api/chat_shape.h"
#include "api/program_routes.h"
#include "api/router.h"
#include "interfaces/model_directory.h"
#include "net/http.h"
#include "registry/code_cache.h"
#include "sandbox/runtime.h"
#include "serving/run_service.h"
#include "telemetry/log.h"
#include "tenancy/tenant_store.h"

namespace realm::api {

// What the gateway works with; all of it outlives the gateway.
struct GatewayServices {
    boost::asio::io_context& io;
    const tenancy::TenantStore& tenants;
    const interfaces::ModelDirectory& models;
    serving::RunService& runs;
    std::shared_ptr<const sandbox::Program> chat_program;  // for tenants without one of their own
    registry::ProgramCatalog& programs;
    base::WorkerPool& program_workers;
    const config::Limits& limits;
    const registry::CodeCache* code_cache = nullptr;  // null where there is none
    bool show_faults = false;    // of the server's own programs: not to tenants
    bool show_counters = false;  // in /health/ready: not where tenants could watch each other
    telemetry::Logger logger;
};

// Handles requests on the io_context, in coroutines. Owned by the composition root.
class Gateway {
public:
    explicit Gateway(GatewayServices services);

    // For net::HttpServer::listen.
    boost::asio::awaitable<void> handle(net::HttpRequest request, net::ResponseWriter& writer);
    static net::HttpResponse error_body(int status, const Error& error);

    // For net::HttpServerOptions.
    [[nodiscard]] net::BodyLimit body_limit(const net::HttpRequest& head) const {
        return programs_.body_limit(head);
    }

    // From now on /health/ready says that the server is stopping.
    void set_stopping() { stopping_ = true; }

private:
    using Awaitable = boost::asio::awaitable<void>;

    Awaitable chat_completions(const net::HttpRequest& request, std::string rest,
                               net::ResponseWriter& writer);
    Awaitable envelope_request(const net::HttpRequest& request, std::string rest,
                               net::ResponseWriter& writer);
    Awaitable list_models(const net::HttpRequest& request, std::string rest,
                          net::ResponseWriter& writer);
    Awaitable get_model(const net::HttpRequest& request, std::string rest,
                        net::ResponseWriter& writer);
    Awaitable live(const net::HttpRequest& request, std::string rest, net::ResponseWriter& writer);
    Awaitable ready(const net::HttpRequest& request, std::string rest, net::ResponseWriter& writer);

    // The data of a request's envelope; `meta` is filled in even where the data are refused.
    [[nodiscard]] Result<envelope::Json> open_envelope(const net::HttpRequest& request,
                                                       envelope::Meta& meta) const;
    [[nodiscard]] Result<ChatRequest> checked_chat(envelope::Json body) const;
    // Runs the chat program for a checked request and answers through `reply`.
    Awaitable run_chat(envelope::Meta meta, ChatRequest chat, RunReply& reply,
                       net::ResponseWriter& writer);
    [[nodiscard]] Result<tenancy::Tenant> identify(const net::HttpRequest& request) const;
    [[nodiscard]] Result<const inference::Engine*> model_for(const std::string& name) const;
    [[nodiscard]] envelope::Json model_json(const inference::Engine& engine) const;

    GatewayServices services_;
    ProgramRoutes programs_;
    Router router_;
    std::int64_t started_;  // Unix seconds
    bool stopping_ = false;
};

}  // namespace realm::api
