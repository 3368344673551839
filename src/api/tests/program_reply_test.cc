#include "api/program_reply.h"

#include <gtest/gtest.h>

namespace realm::api {
namespace {

using envelope::Json;

const RunFigures kFigures{.duration = std::chrono::milliseconds(5),
                          .usage = {.cpu = std::chrono::microseconds(7),
                                    .polls = 1,
                                    .yields = 0,
                                    .suspensions = 0,
                                    .memory_bytes = 65536}};
const Error kTrap{.type = ErrorType::kProgramTrap,
                  .code = "unreachable",
                  .message = "boom",
                  .retryable = false,
                  .retry_after_ms = {},
                  .details = R"({"backtrace":["run"]})",
                  .context = {"export 'run'", "run 7"}};

TEST(ProgramReply, WholeHoldsOutputChunksAndUsage) {
    const auto reply = program_reply("7", "p@1", false);
    EXPECT_FALSE(reply->streaming());
    reply->keep("a");
    reply->keep({{"b", 1}});
    const net::HttpResponse whole = reply->whole({{"answer", 42}}, kFigures);
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(Json::parse(whole.body), Json::parse(R"({"id": "7", "program": "p@1",
        "output": {"answer": 42}, "chunks": ["a", {"b": 1}],
        "usage": {"duration_ms": 5, "cpu_us": 7, "memory_bytes": 65536}})"));
}

TEST(ProgramReply, OutputKeepsItsOrder) {
    const auto output = envelope::OrderedJson::parse(R"({"z":1,"a":{"y":[],"b":2}})");
    const std::string wanted = R"("output":{"z":1,"a":{"y":[],"b":2}})";
    envelope::Meta meta;
    meta.request_id = "7";
    for (const bool streaming : {false, true}) {
        meta.stream = streaming;
        for (const auto& reply :
             {program_reply("7", "p@1", streaming), program_envelope_reply(meta, "p@1")}) {
            const std::string text = streaming ? reply->stream_end(output, kFigures)
                                               : reply->whole(output, kFigures).body;
            EXPECT_TRUE(text.contains(wanted)) << text;
        }
    }
}

TEST(ProgramReply, StreamsChunksThenTheOutput) {
    const auto reply = program_reply("7", "p@1", true);
    EXPECT_EQ(reply->chunk("a"), "data: {\"chunk\":\"a\"}\n\n");
    EXPECT_EQ(reply->stream_end(nullptr, kFigures),
              "data: {\"id\":\"7\",\"output\":null,\"program\":\"p@1\",\"usage\":{\"cpu_us\":7,"
              "\"duration_ms\":5,\"memory_bytes\":65536}}\n\ndata: [DONE]\n\n");
}

TEST(ProgramReply, ErrorsCarryTheirDetailsToTheOwner) {
    const Json expected = Json::parse(R"({"error": {"message": "boom", "type": "program_error",
        "param": null, "code": "unreachable", "details": {"backtrace": ["run"]},
        "context": ["export 'run'", "run 7"]}})");
    const net::HttpResponse response = program_reply("7", "p@1", false)->error(kTrap);
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(Json::parse(response.body), expected);
    const std::string event = program_reply("7", "p@1", true)->stream_error(kTrap);
    EXPECT_EQ(Json::parse(event.substr(6)), expected);
}

TEST(ProgramReply, EnvelopesHoldTheSame) {
    envelope::Meta meta;
    meta.request_id = "7";
    meta.operation = "program.run";
    meta.tenant = "acme";
    const auto reply = program_envelope_reply(meta, "p@1");
    reply->keep("a");
    const Json whole = Json::parse(reply->whole("x", kFigures).body);
    EXPECT_EQ(whole["meta"]["duration_ms"], 5);
    EXPECT_EQ(whole["meta"]["tenant"], "acme");
    EXPECT_EQ(whole["data"]["output"], "x");
    EXPECT_EQ(whole["data"]["chunks"], Json::array({"a"}));
    EXPECT_EQ(whole["error"], nullptr);
    const Json error = Json::parse(reply->error(kTrap).body);
    EXPECT_EQ(error["error"]["details"]["backtrace"][0], "run");
    EXPECT_EQ(error["error"]["context"], Json::array({"export 'run'", "run 7"}));
    const std::string chunk = reply->chunk(1);
    EXPECT_EQ(Json::parse(chunk.substr(6))["data"], Json({{"chunk", 1}}));
}

}  // namespace
}  // namespace realm::api
