#include "api/chat_reply.h"

#include <gtest/gtest.h>

#include <vector>

namespace realm::api {
namespace {

using envelope::Json;
using std::chrono::milliseconds;

// The data lines of server-sent events; fails on anything else.
std::vector<std::string> events_of(std::string_view text) {
    std::vector<std::string> events;
    while (!text.empty()) {
        const std::size_t end = text.find("\n\n");
        EXPECT_TRUE(text.starts_with("data: "));
        if (end == std::string_view::npos) {
            ADD_FAILURE() << "an event without its end: " << text;
            return events;
        }
        events.emplace_back(text.substr(6, end - 6));
        text.remove_prefix(end + 2);
    }
    return events;
}

const Json kReply = Json::parse(R"({"content":"Hi","finish_reason":"stop",
    "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})");

envelope::Meta meta() {
    envelope::Meta meta;
    meta.request_id = "7";
    meta.operation = "chat.completions";
    meta.tenant = "acme";
    meta.stream = true;
    return meta;
}

TEST(OpenAiReply, ends_a_stream_with_done) {
    auto reply = openai_reply(ChatShaper("7", 1, "m", true), true);
    EXPECT_TRUE(reply->streaming());
    const auto first = events_of(reply->chunk({{"content", "Hi"}}));
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(Json::parse(first[0])["choices"][0]["delta"]["content"], "Hi");
    const auto events =
        events_of(reply->stream_end(kReply, RunFigures{.duration = milliseconds(1), .usage = {}}));
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(Json::parse(events[0])["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(Json::parse(events[1])["usage"]["total_tokens"], 2);
    EXPECT_EQ(events[2], "[DONE]");
}

TEST(OpenAiReply, answers_whole_and_with_errors) {
    auto reply = openai_reply(ChatShaper("7", 1, "m", false), false);
    const net::HttpResponse whole =
        reply->whole(kReply, RunFigures{.duration = milliseconds(1), .usage = {}});
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(Json::parse(whole.body)["choices"][0]["message"]["content"], "Hi");
    const Error error = fail(ErrorType::kProgramTrap, "unreachable", "boom").error();
    EXPECT_EQ(reply->error(error).status, 422);
    EXPECT_EQ(Json::parse(reply->error(error).body)["error"]["code"], "unreachable");
    EXPECT_EQ(Json::parse(events_of(reply->stream_error(error)).at(0))["error"]["message"], "boom");
}

TEST(EnvelopeReply, wraps_everything_in_envelopes) {
    auto reply = envelope_reply(ChatShaper("7", 1, "m", false), meta());
    const Json chunk = Json::parse(events_of(reply->chunk("Hi")).at(0));
    EXPECT_EQ(chunk["meta"]["request_id"], "7");
    EXPECT_EQ(chunk["meta"]["tenant"], "acme");
    EXPECT_FALSE(chunk["meta"].contains("duration_ms"));
    EXPECT_EQ(chunk["data"]["choices"][0]["delta"]["content"], "Hi");
    EXPECT_EQ(chunk["error"], nullptr);
    const auto events =
        events_of(reply->stream_end(kReply, RunFigures{.duration = milliseconds(12), .usage = {}}));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(Json::parse(events[0])["data"]["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(Json::parse(events[1])["meta"]["duration_ms"], 12);
    EXPECT_EQ(Json::parse(events[1])["data"]["usage"]["total_tokens"], 2);
    const Json whole = Json::parse(
        reply->whole(kReply, RunFigures{.duration = milliseconds(5), .usage = {}}).body);
    EXPECT_EQ(whole["data"]["object"], "chat.completion");
    EXPECT_EQ(whole["meta"]["duration_ms"], 5);
}

TEST(EnvelopeReply, keeps_the_type_of_an_error) {
    auto reply = envelope_reply(ChatShaper("7", 1, "m", false), meta());
    const Error error = fail(ErrorType::kOverloaded, "full", "later").error();
    const net::HttpResponse response = reply->error(error);
    EXPECT_EQ(response.status, 503);
    const Json body = Json::parse(response.body);
    EXPECT_EQ(body["data"], nullptr);
    EXPECT_EQ(body["error"]["type"], "overloaded");
    EXPECT_EQ(body["error"]["retryable"], true);
    EXPECT_EQ(Json::parse(events_of(reply->stream_error(error)).at(0))["error"]["code"], "full");
}

}  // namespace
}  // namespace realm::api
