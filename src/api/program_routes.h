// Tenants' own programs over HTTP: push, list, look at, run, remove.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/router.h"
#include "base/error.h"
#include "base/worker_pool.h"
#include "config/limits.h"
#include "envelope/envelope.h"
#include "net/http.h"
#include "registry/program_catalog.h"
#include "serving/run_service.h"
#include "tenancy/tenant_store.h"

namespace realm::api {

// What the routes work with; all of it outlives them. The workers compile and read files: they are
// destroyed after the last request and before the catalogue.
struct ProgramServices {
    boost::asio::io_context& io;
    const tenancy::TenantStore& tenants;
    serving::RunService& runs;
    registry::ProgramCatalog& programs;
    base::WorkerPool& workers;
    const config::Limits& limits;
};

// Handles requests on the io_context, in coroutines. Owned by the gateway.
class ProgramRoutes {
public:
    static constexpr std::string_view kOperation = "program.run";
    static constexpr std::string_view kEndSession = "session.end";

    using Loaded = std::shared_ptr<const registry::LoadedProgram>;
    using Awaitable = boost::asio::awaitable<void>;

    explicit ProgramRoutes(const ProgramServices& services) : services_(services) {}

    void add_to(Router& router);

    // How large a request's body may be: a module for whoever may push one.
    [[nodiscard]] net::BodyLimit body_limit(const net::HttpRequest& head) const;

    // An envelope's data {"program", "input", "operation", "steps"}; tenant and id are in `meta`.
    // `body` is the text that it was read from.
    Awaitable run_envelope(envelope::Meta meta, envelope::Json data, std::string_view body,
                           net::ResponseWriter& writer);

    // Ends meta.session; an envelope's data {"program"} says of which program.
    Awaitable end_session(envelope::Meta meta, envelope::Json data, net::ResponseWriter& writer);

    // The tenant's own program of that name; null where it has none.
    boost::asio::awaitable<Result<Loaded>> find_own(std::string tenant, std::string_view name);

    // Fills in what the program's manifest says of a run: the entry and the limits.
    Result<void> prepare(const registry::LoadedProgram& program,
                         const std::optional<std::string>& operation,
                         serving::RunRequest& request) const;

private:
    struct RunInput {
        registry::ProgramRef program;
        std::optional<std::string> operation;
        bool stream = false;
        std::string input;                              // JSON
        std::optional<std::vector<std::string>> steps;  // JSON
        std::string session;
    };
    // Who asks, and for which program.
    struct Asked {
        tenancy::Tenant tenant;
        registry::ProgramRef program;
    };
    struct ReadyRun {
        Loaded program;
        serving::RunRequest request;
    };

    Awaitable list(const net::HttpRequest& request, net::ResponseWriter& writer);
    Awaitable get(const net::HttpRequest& request, std::string rest, net::ResponseWriter& writer);
    Awaitable get_module(std::string tenant, registry::ProgramRef ref, net::ResponseWriter& writer);
    Awaitable put(const net::HttpRequest& request, std::string rest, net::ResponseWriter& writer);
    Awaitable remove(const net::HttpRequest& request, std::string rest,
                     net::ResponseWriter& writer);
    Awaitable post(const net::HttpRequest& request, std::string rest, net::ResponseWriter& writer);

    // Fills in the steps that `run` has by their place in the body.
    static void read_steps(std::string_view body, const char* place, RunInput& run);
    static Result<RunInput> read_run(const envelope::Json& body, bool in_envelope);
    boost::asio::awaitable<Result<Loaded>> load(std::string tenant, registry::ProgramRef ref);
    boost::asio::awaitable<Result<ReadyRun>> ready(RunInput input, envelope::Meta meta);
    [[nodiscard]] Result<tenancy::Tenant> identify(const net::HttpRequest& request) const;
    [[nodiscard]] Result<Asked> read_asked(const net::HttpRequest& request,
                                           std::string_view rest) const;

    const ProgramServices services_;
};

}  // namespace realm::api
