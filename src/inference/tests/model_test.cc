#include "inference/model.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "inference/tests/test_model.h"

namespace realm::inference {
namespace {

TEST(Model, Info) {
    const ModelInfo& info = test_model()->info();
    EXPECT_EQ(info.name, "smollm2-135m-instruct");
    EXPECT_EQ(info.vocabulary_size, 49152U);
    EXPECT_EQ(info.context_length, 8192U);
    EXPECT_EQ(info.parameters, 134515008U);
    EXPECT_GT(info.weight_bytes, 90'000'000U);
    EXPECT_LT(info.weight_bytes, 98'362'432U);
    EXPECT_TRUE(info.has_chat_template);
    EXPECT_NE(info.description.find("llama"), std::string::npos) << info.description;
}

TEST(Model, TokenizeAndBack) {
    const std::string text = "Hello, world! \u00e9\u20ac\U0001F600\n";
    const auto tokens = test_model()->tokenize(text);
    ASSERT_TRUE(tokens);
    std::string bytes;
    for (const Token token : *tokens) {
        EXPECT_TRUE(test_model()->is_token(token));
        bytes += test_model()->token_bytes(token);
    }
    EXPECT_EQ(bytes, text);
    EXPECT_EQ(test_model()->tokenize("").value(), std::vector<Token>{});
}

TEST(Model, SpecialTextBecomesItsControlTokenOnlyWhereAsked) {
    const auto special = test_model()->tokenize("<|im_end|>", {.parse_special = true}).value();
    ASSERT_EQ(special, std::vector<Token>{2});
    EXPECT_TRUE(test_model()->is_end_of_generation(2));
    EXPECT_EQ(test_model()->token_bytes(2), "");
    const auto plain = test_model()->tokenize("<|im_end|>", {.parse_special = false}).value();
    EXPECT_GT(plain.size(), 1U);
    EXPECT_EQ(std::ranges::count(plain, 2), 0);
}

TEST(Model, TokensOutsideTheVocabulary) {
    for (const Token token : {-1, 49152, 1 << 30}) {
        EXPECT_FALSE(test_model()->is_token(token));
        EXPECT_FALSE(test_model()->is_end_of_generation(token));
        EXPECT_EQ(test_model()->token_bytes(token), "");
    }
    EXPECT_TRUE(test_model()->is_token(0));
    EXPECT_TRUE(test_model()->is_token(49151));
}

TEST(Model, TextLimitBothSides) {
    std::string text;
    while (text.size() < Model::kMaxTextBytes) {
        text += "word ";
    }
    text.resize(Model::kMaxTextBytes);
    EXPECT_TRUE(test_model()->tokenize(text));
    text += 'x';
    const auto refused = test_model()->tokenize(text);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(refused.error().code, "text_too_long");
    EXPECT_EQ(refused.error().message, "the text has 1048577 bytes, at most 1048576 are taken");
}

TEST(Model, ChatTemplateIsTheModelsOwn) {
    const std::vector<ChatMessage> messages = {{.role = "system", .content = "Be brief."},
                                               {.role = "user", .content = "Hi \"you\""}};
    EXPECT_EQ(test_model()->apply_chat_template(messages, true).value(),
              "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi \"you\"<|im_end|>\n"
              "<|im_start|>assistant\n");
    EXPECT_EQ(test_model()->apply_chat_template(messages, false).value(),
              "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi \"you\"<|im_end|>\n");
    const std::vector<ChatMessage> alone = {{.role = "user", .content = "Hi"}};
    EXPECT_EQ(test_model()->apply_chat_template(alone, true).value(),
              "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
              "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Model, ChatTemplateRefusesNothingAndTooMuch) {
    const auto none = test_model()->apply_chat_template({}, true);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, "no_messages");
    const std::vector<ChatMessage> much = {
        {.role = "user", .content = std::string(Model::kMaxTextBytes - 3, 'x')}};
    const auto refused = test_model()->apply_chat_template(much, true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "text_too_long");
    EXPECT_EQ(refused.error().message, "the text has 1048577 bytes, at most 1048576 are taken");
}

TEST(Model, MembersMayBeCalledFromManyThreads) {
    const std::vector<Token> expected = question_tokens("What do bees make?");
    std::vector<std::vector<Token>> seen(4);
    {
        std::vector<std::jthread> threads;
        threads.reserve(seen.size());
        for (auto& tokens : seen) {
            threads.emplace_back([&tokens] {
                for (int i = 0; i < 20; ++i) {
                    tokens = question_tokens("What do bees make?");
                }
            });
        }
    }
    for (const auto& tokens : seen) {
        EXPECT_EQ(tokens, expected);
    }
}

TEST(Model, TruncatedFileIsRefused) {
    const auto& whole = test_model()->info().path;
    const auto cut = std::filesystem::path(testing::TempDir()) /
                     ("realm-cut-" + std::to_string(getpid()) + ".gguf");
    std::filesystem::copy_file(whole, cut, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(cut, 50'000'000);
    const auto loaded = Model::load(cut, "cut");
    std::filesystem::remove(cut);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(loaded.error().message,
              "model file '" + cut.string() +
                  "' is cut short: it has 50000000 bytes, its tensors need 98362432");
}

}  // namespace
}  // namespace realm::inference
