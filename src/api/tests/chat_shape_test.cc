#include "api/chat_shape.h"

#include <gtest/gtest.h>

namespace realm::api {
namespace {

using envelope::Json;

constexpr const char* kMessages = R"("messages":[{"role":"user","content":"hi"}])";

Result<ChatRequest> read(const std::string& fields) {
    return read_chat_request(
        Json::parse("{" + std::string(kMessages) + (fields.empty() ? "" : "," + fields) + "}"),
        100);
}

std::string error_of(const Result<ChatRequest>& result) {
    return result ? "(accepted)" : result.error().message;
}

std::string param_of(const Result<ChatRequest>& result) {
    return result ? "(accepted)"
                  : openai_error(result.error())["error"]["param"].get<std::string>();
}

TEST(ChatRequest, reads_what_the_server_needs) {
    const auto request =
        read(R"("model":"m","stream":true,"stream_options":{"include_usage":true},"other":[1])");
    ASSERT_TRUE(request.has_value()) << error_of(request);
    EXPECT_EQ(request->model, "m");
    EXPECT_TRUE(request->stream);
    EXPECT_TRUE(request->include_usage);
    EXPECT_EQ(Json::parse(request->body)["other"], Json::array({1}));
}

TEST(ChatRequest, has_defaults_and_takes_null_for_absent) {
    for (const char* fields :
         {"",
          R"("model":null,"stream":null,"stream_options":null,"max_tokens":null,"stop":null)"}) {
        const auto request = read(fields);
        ASSERT_TRUE(request.has_value()) << error_of(request);
        EXPECT_EQ(request->model, "");
        EXPECT_FALSE(request->stream);
        EXPECT_FALSE(request->include_usage);
    }
}

TEST(ChatRequest, bounds_a_generation_that_names_no_number) {
    const auto body = [](const std::string& fields) { return Json::parse(read(fields)->body); };
    EXPECT_EQ(body("")["max_tokens"], 100);
    EXPECT_EQ(body(R"("max_tokens":null)")["max_tokens"], 100);
    EXPECT_EQ(body(R"("max_tokens":7)")["max_tokens"], 7);
    EXPECT_FALSE(body(R"("max_completion_tokens":9)").contains("max_tokens"));
}

TEST(ChatRequest, accepts_values_up_to_their_limits) {
    for (const char* fields : {R"("max_tokens":1)",
                               R"("max_tokens":2147483647)",
                               R"("temperature":0)",
                               R"("temperature":2)",
                               R"("top_p":0.001)",
                               R"("top_p":1)",
                               R"("min_p":0)",
                               R"("frequency_penalty":-2)",
                               R"("presence_penalty":2.0)",
                               R"("seed":-1)",
                               R"("n":1)",
                               R"("top_k":0)",
                               R"("top_k":-1)",
                               R"("min_tokens":0)",
                               R"("ignore_eos":true)",
                               R"("cache_prompt":false)",
                               R"("priority":-1000)",
                               R"("priority":1000)",
                               R"("priority":null)",
                               R"("typical_p":0.001)",
                               R"("typical_p":1)",
                               R"("repetition_penalty":0.01)",
                               R"("repeat_penalty":100)",
                               R"("logit_bias":null)",
                               R"("logit_bias":{})",
                               R"("logit_bias":{"0":-100,"2147483647":100.0})",
                               R"("stop":"x")",
                               R"("stop":["a","b"])",
                               R"("stop":[])"}) {
        EXPECT_TRUE(read(fields).has_value()) << fields;
    }
}

TEST(ChatRequest, names_the_field_and_what_it_must_be) {
    const std::pair<const char*, const char*> cases[] = {
        {R"("model":1)", "'model' must be a string, not 1."},
        {R"("stream":"yes")", "'stream' must be true or false."},
        {R"("stream_options":true)",
         "'stream_options' must be an object such as {\"include_usage\": true}, not true."},
        {R"("max_tokens":0)", "'max_tokens' must be a whole number from 1 to 2147483647, not 0."},
        {R"("max_tokens":-1)", "'max_tokens' must be a whole number from 1 to 2147483647, not -1."},
        {R"("max_tokens":2147483648)",
         "'max_tokens' must be a whole number from 1 to 2147483647, not 2147483648."},
        {R"("max_tokens":18446744073709551615)",
         "'max_tokens' must be a whole number from 1 to 2147483647, not 18446744073709551615."},
        {R"("max_tokens":"5")", "'max_tokens' must be a whole number from 1 to 2147483647."},
        {R"("max_tokens":true)",
         "'max_tokens' must be a whole number from 1 to 2147483647, not true."},
        {R"("max_tokens":1.5)",
         "'max_tokens' must be a whole number from 1 to 2147483647, not 1.5."},
        {R"("max_completion_tokens":0)",
         "'max_completion_tokens' must be a whole number from 1 to 2147483647, not 0."},
        {R"("temperature":"hot")", "'temperature' must be a number from 0 to 2."},
        {R"("temperature":2.1)", "'temperature' must be a number from 0 to 2, not 2.1."},
        {R"("temperature":-0.1)", "'temperature' must be a number from 0 to 2, not -0.1."},
        {R"("top_p":0)", "'top_p' must be a number above 0 and at most 1, not 0."},
        {R"("top_p":1.01)", "'top_p' must be a number above 0 and at most 1, not 1.01."},
        {R"("min_p":-1)", "'min_p' must be a number from 0 to 1, not -1."},
        {R"("top_k":-2)",
         "'top_k' must be a whole number from -1 to 2147483647, where -1 and 0 are for off, not "
         "-2."},
        {R"("min_tokens":-1)", "'min_tokens' must be a whole number from 0 to 2147483647, not -1."},
        {R"("ignore_eos":1)", "'ignore_eos' must be true or false, not 1."},
        {R"("cache_prompt":"no")", "'cache_prompt' must be true or false."},
        {R"("priority":1001)", "'priority' must be a whole number from -1000 to 1000, not 1001."},
        {R"("priority":-1001)", "'priority' must be a whole number from -1000 to 1000, not -1001."},
        {R"("priority":0.5)", "'priority' must be a whole number from -1000 to 1000, not 0.5."},
        {R"("priority":18446744073709551615)",
         "'priority' must be a whole number from -1000 to 1000, not 18446744073709551615."},
        {R"("priority":"high")", "'priority' must be a whole number from -1000 to 1000."},
        {R"("frequency_penalty":2.1)",
         "'frequency_penalty' must be a number from -2 to 2, not 2.1."},
        {R"("presence_penalty":-2.1)",
         "'presence_penalty' must be a number from -2 to 2, not -2.1."},
        {R"("typical_p":0)", "'typical_p' must be a number above 0 and at most 1, not 0."},
        {R"("typical_p":1.01)", "'typical_p' must be a number above 0 and at most 1, not 1.01."},
        {R"("repetition_penalty":0.009)",
         "'repetition_penalty' must be a number from 0.01 to 100, not 0.009."},
        {R"("repeat_penalty":100.5)",
         "'repeat_penalty' must be a number from 0.01 to 100, not 100.5."},
        {R"("repeat_penalty":"1")", "'repeat_penalty' must be a number from 0.01 to 100."},
        {R"("seed":0.5)", "'seed' must be a whole number from -2^63 to 2^64 - 1, not 0.5."},
        {R"("n":2)", "'n' must be 1 (this server makes one choice for a request), not 2."},
        {R"("stop":5)",
         "'stop' must be a string of 1 to 256 bytes, or an array of at most 16 of them, not 5."},
        {R"("stop":"")",
         "'stop' must be a string of 1 to 256 bytes, or an array of at most 16 of them."},
        {R"("stop":[1])",
         "'stop' must be a string of 1 to 256 bytes, or an array of at most 16 of them."}};
    for (const auto& [fields, message] : cases) {
        const auto request = read(fields);
        EXPECT_EQ(error_of(request), message) << fields;
        const std::string name(fields + 1, std::string(fields).find('"', 1) - 1);
        EXPECT_EQ(param_of(request), name);
    }
}

TEST(ChatRequest, checks_biases) {
    const std::string wanted =
        "'logit_bias' must be an object of at most 1024 token ids, each with a number from -100 to "
        "100";
    const std::pair<const char*, const char*> cases[] = {{"1", ", not 1."},
                                                         {"[[5,1]]", "."},
                                                         {R"({"5":101})", ", not 101."},
                                                         {R"({"5":-100.5})", ", not -100.5."},
                                                         {R"({"5":"1"})", "."},
                                                         {R"({"-1":1})", "."},
                                                         {R"({"05":1})", "."},
                                                         {R"({"5 ":1})", "."},
                                                         {R"({"":1})", "."},
                                                         {R"({"2147483648":1})", "."},
                                                         {R"({"the":1})", "."}};
    for (const auto& [biases, rest] : cases) {
        const auto request = read(R"("logit_bias":)" + std::string(biases));
        EXPECT_EQ(error_of(request), wanted + rest) << biases;
        EXPECT_EQ(param_of(request), "logit_bias");
    }
    Json biases;
    for (int token = 0; token < 1024; ++token) {
        biases[std::to_string(token)] = 1;
    }
    EXPECT_TRUE(read(R"("logit_bias":)" + biases.dump()).has_value());
    biases["1024"] = 1;
    EXPECT_EQ(error_of(read(R"("logit_bias":)" + biases.dump())), wanted + ", not 1025 of them.");
}

TEST(ChatRequest, checks_messages) {
    const std::pair<const char*, const char*> cases[] = {
        {"{}", "'messages' must be an array of at least one message."},
        {R"({"messages":"hi"})", "'messages' must be an array of at least one message."},
        {R"({"messages":[]})", "'messages' must be an array of at least one message."},
        {R"({"messages":["hi"]})",
         "'messages[0]' must be an object with \"role\" and \"content\"."},
        {R"({"messages":[{"role":"user","content":"a"},{"content":"x"}]})",
         "'messages[1].role' must be a string such as \"user\"."},
        {R"({"messages":[{"role":"user"}]})",
         "'messages[0].content' must be a string, or an array of parts {\"type\": \"text\", "
         "\"text\": string}."},
        {R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})",
         "'messages[0].content' must be a string, or an array of parts {\"type\": \"text\", "
         "\"text\": string}."}};
    for (const auto& [body, message] : cases) {
        EXPECT_EQ(error_of(read_chat_request(Json::parse(body), 100)), message) << body;
    }
    EXPECT_TRUE(
        read_chat_request(
            Json::parse(R"({"messages":[{"role":"u","content":[{"type":"text","text":"a"}]}]})"),
            100)
            .has_value());
    EXPECT_EQ(error_of(read_chat_request(Json::array(), 100)),
              "The request must be a JSON object with \"model\" and \"messages\".");
}

TEST(ChatShaper, gives_the_role_once_and_the_reason_last) {
    ChatShaper shaper("7", 100, "m", false);
    EXPECT_EQ(shaper.chunk({{"content", "Hel"}}),
              Json::parse(R"({"id":"chatcmpl-7","object":"chat.completion.chunk","created":100,
                "model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},
                "logprobs":null,"finish_reason":null}]})"));
    EXPECT_EQ(shaper.chunk("lo")["choices"][0]["delta"], Json::parse(R"({"content":"lo"})"));
    const Json last = shaper.last_chunk({{"finish_reason", "length"}});
    EXPECT_EQ(last["choices"][0]["delta"], Json::object());
    EXPECT_EQ(last["choices"][0]["finish_reason"], "length");
    EXPECT_FALSE(last.contains("usage"));
}

TEST(ChatShaper, brings_text_that_was_held_back) {
    ChatShaper shaper("7", 100, "m", false);
    EXPECT_EQ(shaper.last_chunk({{"finish_reason", "stop"}, {"tail", "!"}})["choices"][0]["delta"],
              Json::parse(R"({"role":"assistant","content":"!"})"));
}

TEST(ChatShaper, reports_usage_when_asked) {
    ChatShaper shaper("7", 100, "m", true);
    const Json reply =
        Json::parse(R"({"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
    EXPECT_TRUE(shaper.chunk("x")["usage"].is_null());
    EXPECT_EQ(shaper.usage_chunk(reply)["usage"], reply["usage"]);
    EXPECT_EQ(shaper.usage_chunk(reply)["choices"], Json::array());
}

TEST(ChatShaper, makes_a_completion_of_any_reply) {
    ChatShaper shaper("7", 100, "m", false);
    EXPECT_EQ(
        shaper.completion(
            {{"content", "Hello"},
             {"finish_reason", "stop"},
             {"usage", {{"prompt_tokens", 1}, {"completion_tokens", 1}, {"total_tokens", 2}}}}),
        Json::parse(R"({"id":"chatcmpl-7","object":"chat.completion","created":100,"model":"m",
            "choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},
            "logprobs":null,"finish_reason":"stop"}],
            "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})"));
    EXPECT_EQ(shaper.completion("text")["choices"][0]["message"]["content"], "text");
    EXPECT_EQ(shaper.completion(Json({{"a", 1}}))["choices"][0]["message"]["content"],
              R"({"a":1})");
    EXPECT_EQ(shaper.completion(nullptr)["choices"][0]["message"]["content"], "");
}

TEST(OpenAiError, has_the_four_fields) {
    Error error = fail(ErrorType::kNotFound, "model_not_found", "no").error();
    EXPECT_EQ(openai_error(error),
              Json::parse(R"({"error":{"message":"no","type":"invalid_request_error",
                  "param":null,"code":"model_not_found"}})"));
    error.details = R"({"param":"model"})";
    EXPECT_EQ(openai_error(error)["error"]["param"], "model");
    error.details = "not json";
    error.code = "";
    EXPECT_EQ(openai_error(error)["error"]["param"], nullptr);
    EXPECT_EQ(openai_error(error)["error"]["code"], nullptr);
}

}  // namespace
}  // namespace realm::api
