#include "api/program_routes.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "api/program_reply.h"
#include "api/responses.h"
#include "api/worker_call.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/limit_error.h"
#include "config/run_limits.h"
#include "net/multipart.h"
#include "registry/inspect.h"
#include "sandbox/conventions.h"

namespace realm::api {
namespace {

using envelope::Json;
using registry::ProgramRef;
using registry::ProgramVersion;

constexpr std::string_view kPrefix = "/v1/programs/";
constexpr std::string_view kRuns = "/runs";
constexpr std::string_view kWasmType = "application/wasm";
constexpr std::size_t kFormOverhead = std::size_t{16} << 10;  // boundaries and headers of parts

std::unexpected<Error> invalid(std::string_view param, std::string_view wanted) {
    auto error = fail(ErrorType::kInvalidRequest, "invalid_value",
                      "'" + std::string(param) + "' must be " + std::string(wanted) + ".");
    error.error().details = envelope::dump({{"param", param}});
    return error;
}

Json version_json(const ProgramVersion& version) {
    return {{"name", version.name},
            {"version", version.version},
            {"digest", version.digest},
            {"bytes", version.bytes},
            {"created", version.created}};
}

// [{"name", "newest", "versions": [...]}], the versions from the newest to the oldest.
Json listing(const std::vector<ProgramVersion>& versions) {
    Json list = Json::array();
    for (const ProgramVersion& version : versions) {
        if (list.empty() || list.back()["name"] != version.name) {
            list.push_back({{"object", "program"}, {"name", version.name}});
            list.back()["versions"] = Json::array();
        }
        Json& versions_of = list.back()["versions"];
        versions_of.insert(versions_of.begin(), version_json(version));
        list.back()["newest"] = version.version;
    }
    return list;
}

// What a push carries. Borrows the request's body.
struct Upload {
    std::string_view module;
    std::optional<std::string_view> manifest;
};

Result<Upload> read_upload(const net::HttpRequest& request) {
    const std::string_view type = request.header("content-type");
    if (!net::is_multipart_form(type)) {
        return Upload{.module = request.body, .manifest = std::nullopt};
    }
    const auto parts = net::parse_multipart_form(type, request.body);
    if (!parts) {
        return std::unexpected(parts.error());
    }
    Upload upload;
    bool has_module = false;
    for (const net::FormPart& part : *parts) {
        if (part.name == "module" && !std::exchange(has_module, true)) {
            upload.module = part.content;
        } else if (part.name == "manifest" && !upload.manifest) {
            upload.manifest = part.content;
        } else {
            return fail(ErrorType::kInvalidRequest, "invalid_form",
                        "A form has one part 'module' and at most one part 'manifest'.");
        }
    }
    if (!has_module) {
        return fail(ErrorType::kInvalidRequest, "invalid_form", "The form has no part 'module'.");
    }
    return upload;
}

bool wants_module(const net::HttpRequest& request) {
    return request.header("accept").find(kWasmType) != std::string_view::npos;
}

std::string full_name(const ProgramVersion& version) {
    return version.name + "@" + version.version;
}

net::HttpResponse description_response(const registry::ProgramDescription& description) {
    Json json = version_json(description.version);
    json["object"] = "program";
    json["inspect"] = registry::inspect_json({.digest = description.version.digest,
                                              .bytes = description.version.bytes,
                                              .manifest = description.manifest,
                                              .report = description.report,
                                              .bindings = description.bindings.get()});
    return json_response(200, json);
}

}  // namespace

void ProgramRoutes::add_to(Router& router) {
    const auto route = [this](auto method) {
        return [this, method](const net::HttpRequest& request, std::string rest,
                              net::ResponseWriter& writer) {
            return (this->*method)(request, std::move(rest), writer);
        };
    };
    router.add("GET", "/v1/programs",
               [this](const net::HttpRequest& request, const std::string& /*rest*/,
                      net::ResponseWriter& writer) { return list(request, writer); });
    router.add("GET", std::string(kPrefix), route(&ProgramRoutes::get));
    router.add("PUT", std::string(kPrefix), route(&ProgramRoutes::put));
    router.add("DELETE", std::string(kPrefix), route(&ProgramRoutes::remove));
    router.add("POST", std::string(kPrefix), route(&ProgramRoutes::post));
}

net::BodyLimit ProgramRoutes::body_limit(const net::HttpRequest& head) const {
    const config::Limits& limits = services_.limits;
    if (head.method == "PUT" && head.path.starts_with(kPrefix) && identify(head)) {
        return {.bytes = limits.module_bytes + limits.manifest_bytes + kFormOverhead,
                .setting = "limits.module_bytes"};
    }
    return {.bytes = limits.body_bytes};
}

Result<tenancy::Tenant> ProgramRoutes::identify(const net::HttpRequest& request) const {
    return services_.tenants.authenticate(tenancy::bearer_key(request.header("authorization")));
}

Result<ProgramRoutes::Asked> ProgramRoutes::read_asked(const net::HttpRequest& request,
                                                       std::string_view rest) const {
    auto tenant = identify(request);
    if (!tenant) {
        return std::unexpected(std::move(tenant.error()));
    }
    auto program = ProgramRef::parse(rest);
    if (!program) {
        return std::unexpected(std::move(program.error()));
    }
    return Asked{.tenant = std::move(*tenant), .program = std::move(*program)};
}

ProgramRoutes::Awaitable ProgramRoutes::list(const net::HttpRequest& request,
                                             net::ResponseWriter& writer) {
    net::HttpResponse response;
    if (const auto tenant = identify(request); !tenant) {
        response = error_response(tenant.error());
    } else {
        response = json_response(
            200,
            {{"object", "list"}, {"data", listing(services_.programs.store().list(tenant->name))}});
    }
    co_await writer.send(std::move(response));
}

// Workers may outlive the gateway for the length of their task: they are given the services, not
// `this`.
ProgramRoutes::Awaitable ProgramRoutes::get(const net::HttpRequest& request, std::string rest,
                                            net::ResponseWriter& writer) {
    auto asked = read_asked(request, rest);
    if (!asked) {
        net::HttpResponse response = error_response(asked.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    if (wants_module(request)) {
        co_await get_module(std::move(asked->tenant.name), std::move(asked->program), writer);
        co_return;
    }
    std::move_only_function<Result<registry::ProgramDescription>()> describe = [services =
                                                                                    services_,
                                                                                asked = *asked] {
        return services.programs.describe(asked.tenant.name, asked.program, asked.tenant.limits);
    };
    const auto described =
        co_await call_worker(services_.workers, asked->tenant.name, std::move(describe));
    net::HttpResponse response =
        described ? description_response(*described) : error_response(described.error());
    co_await writer.send(std::move(response));
}

ProgramRoutes::Awaitable ProgramRoutes::get_module(std::string tenant, ProgramRef ref,
                                                   net::ResponseWriter& writer) {
    std::move_only_function<Result<registry::StoredProgram>()> load = [services = services_, tenant,
                                                                       ref = std::move(ref)] {
        return services.programs.store().load(tenant, ref);
    };
    auto stored = co_await call_worker(services_.workers, tenant, std::move(load));
    net::HttpResponse response;
    if (stored) {
        response.headers = {{"Content-Type", std::string(kWasmType)}};
        response.body = std::move(stored->wasm);
    } else {
        response = error_response(stored.error());
    }
    co_await writer.send(std::move(response));
}

ProgramRoutes::Awaitable ProgramRoutes::put(const net::HttpRequest& request, std::string rest,
                                            net::ResponseWriter& writer) {
    const auto tenant = identify(request);
    auto upload = tenant ? read_upload(request) : Result<Upload>(std::unexpected(tenant.error()));
    if (!upload) {
        net::HttpResponse response = error_response(upload.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    // The body outlives the call: the request waits in this coroutine for it.
    std::move_only_function<Result<registry::PushedProgram>()> push =
        [services = services_, owner = *tenant, program = std::move(rest), upload = *upload] {
            return services.programs.push(owner.name, program, upload.module, upload.manifest,
                                          owner.limits);
        };
    const auto pushed = co_await call_worker(services_.workers, tenant->name, std::move(push));
    net::HttpResponse response =
        pushed ? json_response(pushed->is_new ? 201 : 200, version_json(pushed->version))
               : error_response(pushed.error());
    co_await writer.send(std::move(response));
}

ProgramRoutes::Awaitable ProgramRoutes::remove(const net::HttpRequest& request, std::string rest,
                                               net::ResponseWriter& writer) {
    auto asked = read_asked(request, rest);
    if (!asked) {
        net::HttpResponse response = error_response(asked.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    std::move_only_function<Result<std::vector<ProgramVersion>>()> take_away =
        [services = services_, name = asked->tenant.name, program = asked->program] {
            return services.programs.store().remove(name, program);
        };
    const auto removed =
        co_await call_worker(services_.workers, asked->tenant.name, std::move(take_away));
    net::HttpResponse response =
        removed ? json_response(200, {{"object", "list"}, {"removed", listing(*removed)}})
                : error_response(removed.error());
    co_await writer.send(std::move(response));
}

boost::asio::awaitable<Result<ProgramRoutes::Loaded>> ProgramRoutes::load(std::string tenant,
                                                                          ProgramRef ref) {
    if (Loaded there = services_.programs.loaded(tenant, ref)) {
        co_return there;
    }
    if (auto exists = services_.programs.store().find(tenant, ref); !exists) {
        co_return std::unexpected(std::move(exists.error()));
    }
    std::move_only_function<Result<Loaded>()> load = [services = services_, tenant,
                                                      ref = std::move(ref)] {
        return services.programs.load(tenant, ref, services.tenants.named(tenant).limits);
    };
    co_return co_await call_worker(services_.workers, std::move(tenant), std::move(load));
}

boost::asio::awaitable<Result<ProgramRoutes::Loaded>> ProgramRoutes::find_own(
    std::string tenant, std::string_view name) {
    ProgramRef ref{.name = std::string(name), .version = std::nullopt};
    if (!services_.programs.store().find(tenant, ref)) {
        co_return nullptr;
    }
    co_return co_await load(std::move(tenant), std::move(ref));
}

// As the body has them: a module may ask for the members of its arguments in order.
void ProgramRoutes::read_steps(std::string_view body, const char* place, RunInput& run) {
    if (!run.steps) {
        return;
    }
    if (const auto json = envelope::parse_ordered_json(body)) {
        for (const auto& step : json->at(envelope::OrderedJson::json_pointer(place))) {
            run.steps->push_back(envelope::dump_ordered(step));
        }
    }
}

Result<ProgramRoutes::RunInput> ProgramRoutes::read_run(const Json& body, bool in_envelope) {
    const std::array<std::string_view, 5> known = {"input", "operation", "steps",
                                                   in_envelope ? "program" : "stream",
                                                   in_envelope ? "program" : "session"};
    if (!body.is_object()) {
        return fail(ErrorType::kInvalidRequest, "invalid_value",
                    R"(The request must be a JSON object such as {"input": ...}.)");
    }
    RunInput run;
    for (const auto& [key, value] : body.items()) {
        if (std::ranges::find(known, key) == known.end()) {
            return fail(ErrorType::kInvalidRequest, "unknown_parameter",
                        "'" + key.substr(0, 64) +
                            "' is no parameter of a run; there is: input, operation, steps, " +
                            (in_envelope ? "program." : "stream, session."));
        }
    }
    if (const auto operation = body.find("operation"); operation != body.end()) {
        if (!operation->is_string()) {
            return invalid("operation", "the name of an operation of the program's manifest");
        }
        run.operation = operation->get<std::string>();
    }
    if (const auto stream = body.find("stream"); stream != body.end()) {
        if (!stream->is_boolean()) {
            return invalid("stream", "true or false");
        }
        run.stream = stream->get<bool>();
    }
    if (const auto steps = body.find("steps"); steps != body.end()) {
        if (!steps->is_array() || run.operation || body.contains("input")) {
            return invalid("steps", "an array, without input and operation beside it");
        }
        run.steps.emplace();
    }
    if (const auto session = body.find("session"); session != body.end()) {
        if (!session->is_string() || !envelope::is_session_name(session->get<std::string>())) {
            return invalid("session", "1 to 64 letters, digits, '.', '_' or '-'");
        }
        run.session = session->get<std::string>();
    }
    if (in_envelope) {
        const auto program = body.find("program");
        if (program == body.end() || !program->is_string()) {
            return invalid("program", "a program's name, or NAME@VERSION");
        }
        auto ref = ProgramRef::parse(program->get<std::string>());
        if (!ref) {
            return std::unexpected(std::move(ref.error()));
        }
        run.program = std::move(*ref);
    }
    run.input = body.contains("input") ? envelope::dump(body["input"]) : "null";
    return run;
}

Result<void> ProgramRoutes::prepare(const registry::LoadedProgram& program,
                                    const std::optional<std::string>& operation,
                                    serving::RunRequest& request) const {
    if (operation) {
        const auto& operations = program.manifest.operations;
        const auto found = operations.find(*operation);
        if (found == operations.end()) {
            std::string known;
            for (const auto& [name, function] : operations) {
                known += (known.empty() ? "" : ", ") + name;
            }
            return fail(ErrorType::kNotFound, "operation_not_found",
                        "The manifest of program '" + program.version.name +
                            "' names no operation '" + operation->substr(0, 64) +
                            "'; it names: " + (known.empty() ? "none" : known) + ".");
        }
        request.entry = found->second;
    }
    const tenancy::Tenant tenant = services_.tenants.named(request.meta.tenant);
    auto limits = config::narrowed(tenant.limits, program.manifest.limits);
    if (!limits) {
        return std::unexpected(std::move(limits.error()));
    }
    request.weight = tenant.weight;
    request.limits = serving::run_limits(*limits);
    const registry::WasiGrant& wasi = program.manifest.wasi;
    if (wasi.scratch_bytes > limits->scratch_bytes) {
        return std::unexpected(limit_error(
            {.limit = "scratch_bytes",
             .setting = "limits.scratch_bytes",
             .value = limits->scratch_bytes,
             .asked = wasi.scratch_bytes},
            "The manifest of program '" + program.version.name +
                "' asks for a scratch directory of " + std::to_string(wasi.scratch_bytes) +
                " bytes; at most " + std::to_string(limits->scratch_bytes) + " are allowed"));
    }
    request.wasi.arguments = wasi.args;
    for (const auto& [name, value] : wasi.env) {
        std::string& entry = request.wasi.environment.emplace_back(name);
        entry.append("=").append(value);
    }
    request.wasi.scratch = {.bytes = wasi.scratch_bytes, .entries = limits->scratch_entries};
    return {};
}

boost::asio::awaitable<Result<ProgramRoutes::ReadyRun>> ProgramRoutes::ready(RunInput input,
                                                                             envelope::Meta meta) {
    ReadyRun run;
    Result<Loaded> loaded = co_await load(meta.tenant, std::move(input.program));
    if (!loaded) {
        co_return std::unexpected(std::move(loaded.error()));
    }
    run.program = std::move(*loaded);
    run.request.meta = std::move(meta);
    run.request.data = std::move(input.input);
    if (input.steps) {
        const std::string& described = run.program->manifest.conventions;
        auto conventions = sandbox::with_description(
            sandbox::detect_conventions(run.program->program->info()),
            described.empty() ? Json::object() : Json::parse(described, nullptr, false));
        if (!conventions) {
            co_return std::unexpected(std::move(conventions.error()));
        }
        run.request.steps = {.steps = std::move(*input.steps),
                             .conventions = std::move(*conventions),
                             .on_line = {}};
    }
    if (auto prepared = prepare(*run.program, input.operation, run.request); !prepared) {
        co_return std::unexpected(std::move(prepared.error()));
    }
    co_return run;
}

ProgramRoutes::Awaitable ProgramRoutes::post(const net::HttpRequest& request, std::string rest,
                                             net::ResponseWriter& writer) {
    envelope::Meta meta;
    auto input = [&]() -> Result<RunInput> {
        auto identified = identify(request);
        if (!identified) {
            return std::unexpected(std::move(identified.error()));
        }
        meta.tenant = identified->name;
        if (!rest.ends_with(kRuns)) {
            return fail(ErrorType::kInvalidRequest, "method_not_allowed",
                        "A program is run by POST " + std::string(kPrefix) + "NAME/runs.");
        }
        auto ref = ProgramRef::parse(rest.substr(0, rest.size() - kRuns.size()));
        if (!ref) {
            return std::unexpected(std::move(ref.error()));
        }
        auto body = envelope::parse_json(request.body);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        auto run = read_run(*body, false);
        if (run) {
            run->program = std::move(*ref);
            read_steps(request.body, "/steps", *run);
        }
        return run;
    }();
    if (!input) {
        net::HttpResponse response = error_response(input.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    meta.request_id = base::Uuid::generate().to_string();
    meta.timestamp = base::rfc3339_now();
    meta.operation = kOperation;
    meta.stream = input->stream;
    meta.session = input->session;
    Result<ReadyRun> run = co_await ready(std::move(*input), meta);
    if (!run) {
        net::HttpResponse response = program_error_response(run.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    const auto reply =
        program_reply(meta.request_id, full_name(run->program->version), meta.stream);
    co_await answer_with_run(services_.io, services_.runs, run->program->program,
                             std::move(run->request), *reply, writer);
}

ProgramRoutes::Awaitable ProgramRoutes::end_session(envelope::Meta meta, Json data,
                                                    net::ResponseWriter& writer) {
    const auto ended = [&]() -> Result<void> {
        if (meta.session.empty()) {
            return invalid("meta.session", "the name of a session");
        }
        const auto program = data.is_object() ? data.find("program") : data.end();
        if (program == data.end() || !program->is_string()) {
            return invalid("program", "the name of the session's program");
        }
        return services_.runs.end_session(
            {.tenant = meta.tenant, .program = program->get<std::string>(), .name = meta.session});
    }();
    if (!ended) {
        net::HttpResponse response = envelope_error_response(std::move(meta), ended.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    meta.timestamp = base::rfc3339_now();
    net::HttpResponse response = json_response(
        200, envelope::to_json(envelope::Envelope{
                 .meta = std::move(meta), .data = {{"ended", true}}, .error = std::nullopt}));
    co_await writer.send(std::move(response));
}

ProgramRoutes::Awaitable ProgramRoutes::run_envelope(envelope::Meta meta, Json data,
                                                     std::string_view body,
                                                     net::ResponseWriter& writer) {
    Result<ReadyRun> run = std::unexpected(Error{});
    if (auto input = read_run(data, true); !input) {
        run = std::unexpected(std::move(input.error()));
    } else {
        read_steps(body, "/data/steps", *input);
        run = co_await ready(std::move(*input), meta);
    }
    if (!run) {
        net::HttpResponse response = envelope_error_response(std::move(meta), run.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    const auto reply = program_envelope_reply(std::move(meta), full_name(run->program->version));
    co_await answer_with_run(services_.io, services_.runs, run->program->program,
                             std::move(run->request), *reply, writer);
}

}  // namespace realm::api
