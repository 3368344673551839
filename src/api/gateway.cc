#include "api/gateway.h"

#include <exception>
#include <utility>

#include "api/responses.h"
#include "base/clock.h"
#include "base/ids.h"
#include "registry/program_registry.h"

namespace realm::api {
namespace {

using envelope::Json;

constexpr std::string_view kChatOperation = "chat.completions";

envelope::Meta new_meta(std::string_view operation, const tenancy::Tenant& tenant) {
    envelope::Meta meta;
    meta.request_id = base::Uuid::generate().to_string();
    meta.timestamp = base::rfc3339_now();
    meta.operation = operation;
    meta.tenant = tenant.name;
    return meta;
}

Json code_cache_json(const registry::CodeCache& cache) {
    const registry::CodeCache::Counters counters = cache.counters();
    return {{"hits", counters.hits},       {"misses", counters.misses},
            {"damaged", counters.damaged}, {"stored", counters.stored},
            {"evicted", counters.evicted}, {"failed", counters.failed}};
}

}  // namespace

Gateway::Gateway(GatewayServices services)
    : services_(std::move(services)),
      programs_({.io = services_.io,
                 .tenants = services_.tenants,
                 .runs = services_.runs,
                 .programs = services_.programs,
                 .workers = services_.program_workers,
                 .limits = services_.limits}),
      started_(base::unix_seconds_now()) {
    const auto route = [this](auto method) {
        return [this, method](const net::HttpRequest& request, std::string rest,
                              net::ResponseWriter& writer) {
            return (this->*method)(request, std::move(rest), writer);
        };
    };
    router_.add("POST", "/v1/chat/completions", route(&Gateway::chat_completions));
    router_.add("POST", "/v1/envelope", route(&Gateway::envelope_request));
    router_.add("GET", "/v1/models", route(&Gateway::list_models));
    router_.add("GET", "/v1/models/", route(&Gateway::get_model));
    programs_.add_to(router_);
    router_.add("GET", "/health/live", route(&Gateway::live));
    router_.add("GET", "/health/ready", route(&Gateway::ready));
}

Gateway::Awaitable Gateway::handle(net::HttpRequest request, net::ResponseWriter& writer) {
    try {
        co_await router_.handle(request, writer);
    } catch (const std::exception& problem) {
        // The client gets a 500 from net, which has no log.
        services_.logger.error("request failed",
                               {{"path", request.path}, {"reason", problem.what()}});
        throw;
    }
}

net::HttpResponse Gateway::error_body(int status, const Error& error) {
    return error_response(status, error);
}

Result<tenancy::Tenant> Gateway::identify(const net::HttpRequest& request) const {
    return services_.tenants.authenticate(tenancy::bearer_key(request.header("authorization")));
}

Result<const inference::Engine*> Gateway::model_for(const std::string& name) const {
    if (const inference::Engine* engine = services_.models.find(name)) {
        return engine;
    }
    auto error = fail(ErrorType::kNotFound, "model_not_found",
                      "The model '" + name +
                          "' does not exist on this server; GET /v1/models lists those that do.");
    error.error().details = R"({"param":"model"})";
    return error;
}

Gateway::Awaitable Gateway::chat_completions(const net::HttpRequest& request, std::string /*rest*/,
                                             net::ResponseWriter& writer) {
    const auto checked = [&]() -> Result<std::pair<tenancy::Tenant, ChatRequest>> {
        auto tenant = identify(request);
        if (!tenant) {
            return std::unexpected(std::move(tenant.error()));
        }
        auto body = envelope::parse_json(request.body);
        if (!body) {
            return std::unexpected(std::move(body.error()));
        }
        auto chat = checked_chat(std::move(*body));
        if (!chat) {
            return std::unexpected(std::move(chat.error()));
        }
        return std::pair(std::move(*tenant), std::move(*chat));
    }();
    if (!checked) {
        net::HttpResponse response = error_response(checked.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    const ChatRequest& chat = checked->second;
    envelope::Meta meta = new_meta(kChatOperation, checked->first);
    meta.stream = chat.stream;
    auto reply = openai_reply(
        ChatShaper(meta.request_id, base::unix_seconds_now(), chat.model, chat.include_usage),
        chat.stream);
    co_await run_chat(std::move(meta), chat, *reply, writer);
}

Result<Json> Gateway::open_envelope(const net::HttpRequest& request, envelope::Meta& meta) const {
    auto tenant = identify(request);
    if (!tenant) {
        return std::unexpected(std::move(tenant.error()));
    }
    auto parsed = envelope::parse(request.body);
    if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
    }
    const std::string own_id = std::exchange(meta, std::move(parsed->meta)).request_id;
    if (meta.request_id.empty()) {
        meta.request_id = own_id;
    }
    const std::string named = std::exchange(meta.tenant, tenant->name);
    if (!named.empty() && named != tenant->name) {
        return fail(ErrorType::kPermissionDenied, "tenant_mismatch",
                    "meta.tenant is '" + named + "', but the key belongs to another tenant.");
    }
    if (meta.operation != kChatOperation && meta.operation != ProgramRoutes::kOperation &&
        meta.operation != ProgramRoutes::kEndSession) {
        return fail(ErrorType::kInvalidRequest, "unknown_operation",
                    "meta.operation '" + meta.operation +
                        "' is unknown; this server offers: " + std::string(kChatOperation) + ", " +
                        std::string(ProgramRoutes::kOperation) + ", " +
                        std::string(ProgramRoutes::kEndSession) + ".");
    }
    return std::move(parsed->data);
}

Result<ChatRequest> Gateway::checked_chat(Json body) const {
    auto chat = read_chat_request(std::move(body), services_.limits.max_tokens);
    if (!chat) {
        return chat;
    }
    auto model = model_for(chat->model);
    if (!model) {
        return std::unexpected(std::move(model.error()));
    }
    chat->model = (*model)->model().info().name;
    return chat;
}

Gateway::Awaitable Gateway::envelope_request(const net::HttpRequest& request, std::string /*rest*/,
                                             net::ResponseWriter& writer) {
    envelope::Meta meta;
    meta.request_id = base::Uuid::generate().to_string();
    auto data = open_envelope(request, meta);
    if (data && meta.operation == ProgramRoutes::kOperation) {
        co_await programs_.run_envelope(std::move(meta), std::move(*data), request.body, writer);
        co_return;
    }
    if (data && meta.operation == ProgramRoutes::kEndSession) {
        co_await programs_.end_session(std::move(meta), std::move(*data), writer);
        co_return;
    }
    auto chat = data ? checked_chat(std::move(*data))
                     : Result<ChatRequest>(std::unexpected(std::move(data.error())));
    if (!chat) {
        if (data && chat.error().code != "model_not_found") {
            chat.error().message = "data: " + chat.error().message;
        }
        net::HttpResponse response = envelope_error_response(meta, chat.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    meta.stream = meta.stream || chat->stream;
    auto reply = envelope_reply(
        ChatShaper(meta.request_id, base::unix_seconds_now(), chat->model, false), meta);
    co_await run_chat(std::move(meta), *chat, *reply, writer);
}

Gateway::Awaitable Gateway::run_chat(envelope::Meta meta, ChatRequest chat, RunReply& reply,
                                     net::ResponseWriter& writer) {
    Result<ProgramRoutes::Loaded> own =
        co_await programs_.find_own(meta.tenant, registry::kChatProgram);
    const tenancy::Tenant tenant = services_.tenants.named(meta.tenant);
    serving::RunRequest request;
    request.meta = std::move(meta);
    request.data = std::move(chat.body);
    request.weight = tenant.weight;
    request.limits = serving::run_limits(tenant.limits);
    request.show_faults = services_.show_faults;
    Result<void> ready;
    if (!own) {
        ready = std::unexpected(std::move(own.error()));
    } else if (*own) {
        request.show_faults = true;
        ready = programs_.prepare(**own, std::nullopt, request);
    }
    if (!ready) {
        net::HttpResponse response = reply.error(ready.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    auto program = *own ? (*own)->program : services_.chat_program;
    co_await answer_with_run(services_.io, services_.runs, std::move(program), std::move(request),
                             reply, writer);
}

Json Gateway::model_json(const inference::Engine& engine) const {
    const inference::ModelInfo& info = engine.model().info();
    return {{"id", info.name},
            {"object", "model"},
            {"created", started_},
            {"owned_by", "realm"},
            {"context_length", engine.max_context_tokens()},
            {"description", info.description}};
}

Gateway::Awaitable Gateway::list_models(const net::HttpRequest& request, std::string /*rest*/,
                                        net::ResponseWriter& writer) {
    net::HttpResponse response;
    if (auto tenant = identify(request); !tenant) {
        response = error_response(tenant.error());
    } else {
        Json list = Json::array();
        for (std::size_t i = 0; i < services_.models.size(); ++i) {
            list.push_back(model_json(services_.models.at(i)));
        }
        response = json_response(200, {{"object", "list"}, {"data", std::move(list)}});
    }
    co_await writer.send(std::move(response));
}

Gateway::Awaitable Gateway::get_model(const net::HttpRequest& request, std::string rest,
                                      net::ResponseWriter& writer) {
    net::HttpResponse response;
    if (auto tenant = identify(request); !tenant) {
        response = error_response(tenant.error());
    } else if (auto engine = model_for(rest); !engine) {
        response = error_response(engine.error());
    } else {
        response = json_response(200, model_json(**engine));
    }
    co_await writer.send(std::move(response));
}

Gateway::Awaitable Gateway::live(const net::HttpRequest& /*request*/, std::string /*rest*/,
                                 net::ResponseWriter& writer) {
    net::HttpResponse response = json_response(200, {{"status", "live"}});
    co_await writer.send(std::move(response));
}

Gateway::Awaitable Gateway::ready(const net::HttpRequest& /*request*/, std::string /*rest*/,
                                  net::ResponseWriter& writer) {
    Json body = {{"status", stopping_ ? "stopping" : "ready"}};
    if (services_.show_counters) {
        std::uint64_t tokens = 0;
        std::uint64_t computed = 0;
        std::uint64_t reused = 0;
        std::uint64_t drafted = 0;
        std::uint64_t accepted = 0;
        std::uint32_t contexts = 0;
        std::uint32_t cached = 0;
        std::uint32_t swapped = 0;
        for (std::size_t i = 0; i < services_.models.size(); ++i) {
            const inference::EngineStats stats = services_.models.at(i).stats();
            tokens += stats.decode_rows;
            computed += stats.prefill_tokens;
            reused += stats.reused_tokens;
            drafted += stats.drafted_tokens;
            accepted += stats.accepted_tokens;
            contexts += stats.contexts;
            cached += stats.cached_contexts;
            swapped += stats.swapped_contexts;
        }
        const serving::RunCounters runs = services_.runs.counters();
        body["runs"] = services_.runs.running();
        body["retries"] = runs.retries;
        body["runs_recovered"] = runs.recovered;
        body["contexts"] = contexts;
        body["contexts_cached"] = cached;
        body["contexts_swapped"] = swapped;
        body["tokens_generated"] = tokens;
        body["tokens_drafted"] = drafted;
        body["tokens_accepted"] = accepted;
        body["prompt_tokens_computed"] = computed;
        body["prompt_tokens_reused"] = reused;
        if (services_.code_cache != nullptr) {
            body["code_cache"] = code_cache_json(*services_.code_cache);
        }
    }
    net::HttpResponse response = json_response(stopping_ ? 503 : 200, body);
    co_await writer.send(std::move(response));
}

}  // namespace realm::api
