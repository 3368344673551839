#include "api/program_reply.h"

#include <utility>

#include "api/chat_shape.h"
#include "api/responses.h"
#include "base/clock.h"

namespace realm::api {
namespace {

using envelope::Json;
using envelope::OrderedJson;

Json error_json(const Error& error) {
    Json json = openai_error(error);
    if (!error.details.empty()) {
        json["error"]["details"] = Json::parse(error.details, nullptr, false);
    }
    if (!error.context.empty()) {
        json["error"]["context"] = error.context;
    }
    return json;
}

Json usage_json(const RunFigures& figures) {
    return {{"duration_ms", figures.duration.count()},
            {"cpu_us",
             std::chrono::duration_cast<std::chrono::microseconds>(figures.usage.cpu).count()},
            {"memory_bytes", figures.usage.memory_bytes}};
}

net::HttpResponse json_text_response(std::string json) {
    return {.status = 200,
            .headers = {{"Content-Type", "application/json"}},
            .body = std::move(json) + "\n"};
}

// The objects that both protocols carry.
class ProgramObjects {
public:
    ProgramObjects(std::string id, std::string program)
        : id_(std::move(id)), program_(std::move(program)) {}

    void keep(Json chunk) { chunks_.push_back(std::move(chunk)); }

    // The members of what the program gave keep their order.
    [[nodiscard]] OrderedJson end(const OrderedJson& reply, const RunFigures& figures) const {
        OrderedJson json;
        json["id"] = id_;
        json["output"] = reply;
        json["program"] = program_;
        json["usage"] = usage_json(figures);
        return json;
    }

    [[nodiscard]] OrderedJson whole(const OrderedJson& reply, const RunFigures& figures) const {
        OrderedJson json = end(reply, figures);
        json["chunks"] = chunks_;
        return json;
    }

private:
    std::string id_;
    std::string program_;
    Json chunks_ = Json::array();
};

class PlainReply final : public RunReply {
public:
    PlainReply(std::string id, std::string program, bool streaming)
        : RunReply(streaming), objects_(std::move(id), std::move(program)) {}

    void keep(const Json& program_chunk) override { objects_.keep(program_chunk); }
    std::string chunk(const Json& program_chunk) override {
        return sse(envelope::dump({{"chunk", program_chunk}}));
    }
    std::string stream_end(const OrderedJson& reply, const RunFigures& figures) override {
        return sse(envelope::dump_ordered(objects_.end(reply, figures))) + sse("[DONE]");
    }
    std::string stream_error(const Error& error) override {
        return sse(envelope::dump(error_json(error)));
    }
    net::HttpResponse whole(const OrderedJson& reply, const RunFigures& figures) override {
        return json_text_response(envelope::dump_ordered(objects_.whole(reply, figures)));
    }
    net::HttpResponse error(const Error& error) override { return program_error_response(error); }

private:
    ProgramObjects objects_;
};

class EnvelopeReply final : public RunReply {
public:
    EnvelopeReply(envelope::Meta meta, std::string program)
        : RunReply(meta.stream),
          objects_(meta.request_id, std::move(program)),
          meta_(std::move(meta)) {}

    void keep(const Json& program_chunk) override { objects_.keep(program_chunk); }
    std::string chunk(const Json& program_chunk) override {
        return sse(wrap({{"chunk", program_chunk}}));
    }
    std::string stream_end(const OrderedJson& reply, const RunFigures& figures) override {
        meta_.duration_ms = figures.duration.count();
        return sse(wrap(objects_.end(reply, figures)));
    }
    std::string stream_error(const Error& error) override {
        return sse(envelope::dump(
            envelope::to_json(envelope::Envelope{.meta = meta_, .data = nullptr, .error = error})));
    }
    net::HttpResponse whole(const OrderedJson& reply, const RunFigures& figures) override {
        meta_.duration_ms = figures.duration.count();
        return json_text_response(wrap(objects_.whole(reply, figures)));
    }
    net::HttpResponse error(const Error& error) override {
        return envelope_error_response(meta_, error);
    }

private:
    std::string wrap(OrderedJson data) {
        meta_.timestamp = base::rfc3339_now();
        OrderedJson json;
        json["data"] = std::move(data);
        json["error"] = nullptr;
        json["meta"] = envelope::to_json(meta_);
        return envelope::dump_ordered(json);
    }

    ProgramObjects objects_;
    envelope::Meta meta_;
};

}  // namespace

std::unique_ptr<RunReply> program_reply(std::string id, std::string program, bool streaming) {
    return std::make_unique<PlainReply>(std::move(id), std::move(program), streaming);
}

std::unique_ptr<RunReply> program_envelope_reply(envelope::Meta meta, std::string program) {
    return std::make_unique<EnvelopeReply>(std::move(meta), std::move(program));
}

net::HttpResponse program_error_response(const Error& error) {
    net::HttpResponse response = error_response(error);
    response.body = envelope::dump(error_json(error)) + "\n";
    return response;
}

}  // namespace realm::api
