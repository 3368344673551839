#include "envelope/envelope.h"

#include <gtest/gtest.h>

namespace realm::envelope {
namespace {

std::string message_of(const Result<Envelope>& result) {
    return result ? "(parsed)" : result.error().message;
}

TEST(Envelope, reads_a_request) {
    const auto envelope = parse(
        R"({"meta":{"operation":"chat.completions","request_id":"01890a5d-ac96-774b-bcce-b302099a8057",)"
        R"("tenant":"acme","stream":true,"deadline_ms":500,"extensions":{"a":1}},"data":{"x":[1]}})");
    ASSERT_TRUE(envelope.has_value()) << message_of(envelope);
    EXPECT_EQ(envelope->meta.operation, "chat.completions");
    EXPECT_EQ(envelope->meta.request_id, "01890a5d-ac96-774b-bcce-b302099a8057");
    EXPECT_EQ(envelope->meta.tenant, "acme");
    EXPECT_TRUE(envelope->meta.stream);
    EXPECT_EQ(envelope->meta.deadline_ms, 500);
    EXPECT_EQ(envelope->meta.extensions, Json({{"a", 1}}));
    EXPECT_EQ(envelope->data, Json({{"x", Json::array({1})}}));
    EXPECT_FALSE(envelope->error.has_value());
}

TEST(Envelope, takes_null_for_what_is_absent) {
    const auto envelope =
        parse(R"({"meta":{"operation":"x","stream":null,"deadline_ms":null,"request_id":null}})");
    ASSERT_TRUE(envelope.has_value()) << message_of(envelope);
    EXPECT_FALSE(envelope->meta.stream);
    EXPECT_EQ(envelope->meta.request_id, "");
    EXPECT_TRUE(envelope->data.is_null());
}

TEST(Envelope, names_the_field_that_is_wrong) {
    EXPECT_EQ(message_of(parse("[]")),
              "An envelope must be a JSON object with \"meta\" and \"data\".");
    EXPECT_EQ(message_of(parse("{}")), "meta must be an object.");
    EXPECT_EQ(message_of(parse(R"({"meta":[]})")), "meta must be an object.");
    EXPECT_EQ(message_of(parse(R"({"meta":{}})")),
              "meta.operation must be the name of an operation, such as \"chat.completions\".");
    EXPECT_EQ(message_of(parse(R"({"meta":{"operation":1}})")), "meta.operation must be a string.");
    EXPECT_EQ(message_of(parse(R"({"meta":{"operation":"x","version":"2.0"}})")),
              "meta.version must be \"1.0\".");
    EXPECT_EQ(message_of(parse(R"({"meta":{"operation":"x","request_id":"7"}})")),
              "meta.request_id must be a UUID.");
    EXPECT_EQ(message_of(parse(R"({"meta":{"operation":"x","stream":"yes"}})")),
              "meta.stream must be true or false.");
    EXPECT_EQ(message_of(parse(R"({"meta":{"operation":"x","deadline_ms":0}})")),
              "meta.deadline_ms must be a whole number of milliseconds above 0.");
    EXPECT_EQ(message_of(parse(R"({"meta":{"operation":"x","extensions":[]}})")),
              "meta.extensions must be an object.");
}

TEST(Envelope, says_where_json_breaks) {
    EXPECT_EQ(message_of(parse(R"({"meta": nope})")),
              "The body is not valid JSON: it breaks at byte 11.");
    EXPECT_EQ(parse_json("").error().code, "invalid_json");
    EXPECT_EQ(parse_json("[1e999]").error().message,
              "The JSON holds a number that is out of range.");
}

TEST(Envelope, bounds_nesting) {
    const auto nested = [](int depth) {
        return std::string(static_cast<std::size_t>(depth), '[') +
               std::string(static_cast<std::size_t>(depth), ']');
    };
    EXPECT_TRUE(parse_json(nested(64)).has_value());
    EXPECT_EQ(parse_json(nested(65)).error().message, "The JSON is nested deeper than 64 levels.");
    EXPECT_EQ(parse_json(nested(100'000)).error().code, "invalid_json");
    EXPECT_TRUE(parse_json("\"" + nested(100) + R"(\"[")").has_value());
}

TEST(Envelope, writes_replies_and_errors) {
    Meta meta;
    meta.request_id = "id";
    meta.timestamp = "now";
    meta.operation = "x";
    meta.tenant = "t";
    meta.duration_ms = 3;
    const Error error{.type = ErrorType::kOverloaded,
                      .code = "busy",
                      .message = "later",
                      .retryable = true,
                      .retry_after_ms = 20,
                      .details = R"({"queue":5})"};
    EXPECT_EQ(to_json(Envelope{.meta = meta, .data = nullptr, .error = error}),
              Json::parse(R"({"meta":{"version":"1.0","request_id":"id","timestamp":"now",
                  "operation":"x","tenant":"t","stream":false,"duration_ms":3},"data":null,
                  "error":{"type":"overloaded","code":"busy","message":"later","retryable":true,
                  "retry_after_ms":20,"details":{"queue":5}}})"));
    EXPECT_EQ(to_json(Envelope{.meta = meta, .data = 1, .error = std::nullopt})["error"], nullptr);
}

TEST(Envelope, reads_the_errors_it_writes) {
    const Error error{.type = ErrorType::kQuotaExceeded,
                      .code = "kv",
                      .message = "too much",
                      .retryable = true,
                      .retry_after_ms = 9,
                      .details = R"({"a":1})"};
    EXPECT_EQ(error_from_json(to_json(error)), error);
    EXPECT_EQ(error_from_json({{"type", "nonsense"}, {"message", "m"}}).error().message,
              "An error must be an object with a known \"type\" and a \"message\".");
    EXPECT_EQ(error_from_json({{"type", "internal"}}).error().code, "invalid_envelope");
    EXPECT_EQ(error_from_json(Json::array()).error().message, "An error must be a JSON object.");
}

TEST(Envelope, dumps_broken_utf8_without_throwing) {
    EXPECT_EQ(dump(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace realm::envelope
