#include "api/gateway.h"

#include <exception>
#include <utility>

#include "api/responses.h"
#include "base/clock.h"
#include "base/ids.h"

namespace realm::api {
namespace {

using envelope::Json;

constexpr std::string_view kChatOperation = "chat.completions";

Error cancelled_by_client() {
    return fail(ErrorType::kCancelled, "client_gone", "The client closed its connection.").error();
}

Json parse_trusted(const std::string& json) {
    return Json::parse(json, nullptr, false);
}

envelope::Meta new_meta(std::string_view operation, const tenancy::Tenant& tenant) {
    envelope::Meta meta;
    meta.request_id = base::Uuid::generate().to_string();
    meta.timestamp = base::rfc3339_now();
    meta.operation = operation;
    meta.tenant = tenant.name;
    return meta;
}

}  // namespace

Gateway::Gateway(GatewayServices services)
    : services_(std::move(services)), started_(base::unix_seconds_now()) {
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
        auto chat = read_chat_request(std::move(*body), services_.default_max_tokens);
        if (!chat) {
            return std::unexpected(std::move(chat.error()));
        }
        auto model = model_for(chat->model);
        if (!model) {
            return std::unexpected(std::move(model.error()));
        }
        chat->model = (*model)->model().info().name;
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

Gateway::Awaitable Gateway::envelope_request(const net::HttpRequest& request, std::string /*rest*/,
                                             net::ResponseWriter& writer) {
    envelope::Meta meta;
    meta.request_id = base::Uuid::generate().to_string();
    const auto checked = [&]() -> Result<ChatRequest> {
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
        if (meta.operation != kChatOperation) {
            return fail(ErrorType::kInvalidRequest, "unknown_operation",
                        "meta.operation '" + meta.operation + "' is unknown; this server offers: " +
                            std::string(kChatOperation) + ".");
        }
        auto chat = read_chat_request(std::move(parsed->data), services_.default_max_tokens);
        if (!chat) {
            chat.error().message = "data: " + chat.error().message;
            return chat;
        }
        auto model = model_for(chat->model);
        if (!model) {
            return std::unexpected(std::move(model.error()));
        }
        chat->model = (*model)->model().info().name;
        return chat;
    }();
    if (!checked) {
        net::HttpResponse response = envelope_error_response(meta, checked.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    meta.stream = meta.stream || checked->stream;
    auto reply = envelope_reply(
        ChatShaper(meta.request_id, base::unix_seconds_now(), checked->model, false), meta);
    co_await run_chat(std::move(meta), *checked, *reply, writer);
}

Gateway::Awaitable Gateway::run_chat(envelope::Meta meta, ChatRequest chat, ChatReply& reply,
                                     net::ResponseWriter& writer) {
    auto channel = std::make_shared<RunChannel>(services_.io);
    serving::RunRequest request{.meta = std::move(meta), .data = std::move(chat.body)};
    auto run = services_.runs.start(services_.chat_program, std::move(request), channel);
    if (!run) {
        net::HttpResponse response = reply.error(run.error());
        co_await writer.send(std::move(response));
        co_return;
    }
    writer.on_disconnect([run = *run] { run->cancel(cancelled_by_client()); });
    co_await relay(*channel, reply, writer, *run);
    writer.on_disconnect(nullptr);
}

Gateway::Awaitable Gateway::relay(RunChannel& channel, ChatReply& reply,
                                  net::ResponseWriter& writer,
                                  const std::shared_ptr<serving::Run>& run) {
    bool begun = false;
    bool gone = false;
    for (;;) {
        RunEvent event = co_await channel.next();
        if (const auto* chunk = std::get_if<std::string>(&event)) {
            if (!reply.streaming() || gone) {
                continue;
            }
            if (!std::exchange(begun, true)) {
                const Result<void> started = co_await writer.begin(200, sse_headers());
                gone = !started.has_value();
            }
            const std::string text = reply.chunk(parse_trusted(*chunk));
            const Result<void> sent = co_await writer.write(text);
            if (!sent && !std::exchange(gone, true)) {
                run->cancel(cancelled_by_client());
            }
            continue;
        }
        auto& result = std::get<serving::RunResult>(event);
        if (!begun && (!result.reply || !reply.streaming())) {
            net::HttpResponse response =
                result.reply ? reply.whole(parse_trusted(*result.reply), result.duration)
                             : reply.error(result.reply.error());
            co_await writer.send(std::move(response));
            co_return;
        }
        if (!begun) {
            co_await writer.begin(200, sse_headers());
        }
        const std::string text =
            result.reply ? reply.stream_end(parse_trusted(*result.reply), result.duration)
                         : reply.stream_error(result.reply.error());
        co_await writer.write(text);
        co_await writer.end();
        co_return;
    }
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
        std::uint32_t contexts = 0;
        for (std::size_t i = 0; i < services_.models.size(); ++i) {
            const inference::EngineStats stats = services_.models.at(i).stats();
            tokens += stats.decode_rows;
            contexts += stats.contexts;
        }
        body["runs"] = services_.runs.running();
        body["contexts"] = contexts;
        body["tokens_generated"] = tokens;
    }
    net::HttpResponse response = json_response(stopping_ ? 503 : 200, body);
    co_await writer.send(std::move(response));
}

}  // namespace realm::api
