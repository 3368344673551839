// Chat requests as clients write them, chunks and replies as programs do.

#include "tests/fuzz/fuzz.h"

#include "api/chat_shape.h"

namespace {

using realm::envelope::Json;
using realm::fuzz::require;

void read_request(const Json& json) {
    const auto request = realm::api::read_chat_request(json, 128);
    if (!request) {
        require(request.error().type == realm::ErrorType::kInvalidRequest, "the client is told");
        const std::string& details = request.error().details;
        require(details.empty() || realm::envelope::parse_json(details).has_value(),
                "details are JSON");
        realm::envelope::dump(realm::api::openai_error(request.error()));
        return;
    }
    const auto body = realm::envelope::parse_json(request->body);
    require(body.has_value() && body->is_object(), "the program gets an object");
    require(body->contains("max_tokens") || body->contains("max_completion_tokens"),
            "the number of tokens is bounded");
}

void shape_reply(const Json& json) {
    realm::api::ChatShaper shaper("id", 0, "model", true);
    for (const Json& shaped : {shaper.chunk(json), shaper.last_chunk(json),
                               shaper.usage_chunk(json), shaper.completion(json)}) {
        require(shaped.contains("choices"), "every shape has choices");
        realm::envelope::dump(shaped);
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (const auto json = realm::envelope::parse_json(realm::fuzz::text_of(data, size))) {
        read_request(*json);
        shape_reply(*json);
    }
    return 0;
}
