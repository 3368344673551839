#include "inference/gguf_check.h"

#include <ggml.h>
#include <gguf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "inference/model.h"

namespace realm::inference {
namespace {

namespace fs = std::filesystem;

class GgufCheck : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(testing::TempDir()) /
                  ("realm-gguf-" + std::to_string(getpid()) + "-" +
                   testing::UnitTest::GetInstance()->current_test_info()->name());
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }

    fs::path write(const std::string& name, const std::string& bytes) {
        std::ofstream(path(name), std::ios::binary) << bytes;
        return path(name);
    }

    // A whole file with one tensor of 64 floats and the given architecture ("": none).
    fs::path write_model(const std::string& name, const std::string& architecture) {
        std::vector<float> values(64, 1.0F);
        ggml_context* tensors =
            ggml_init({.mem_size = 1 << 16, .mem_buffer = nullptr, .no_alloc = true});
        ggml_tensor* tensor = ggml_new_tensor_1d(tensors, GGML_TYPE_F32, 64);
        ggml_set_name(tensor, "weights");
        gguf_context* gguf = gguf_init_empty();
        if (!architecture.empty()) {
            gguf_set_val_str(gguf, "general.architecture", architecture.c_str());
        }
        gguf_add_tensor(gguf, tensor);
        gguf_set_tensor_data(gguf, "weights", values.data());
        gguf_write_to_file(gguf, path(name).c_str(), false);
        gguf_free(gguf);
        ggml_free(tensors);
        return path(name);
    }

    // "message file 'PATH' REASON" -> the reason, after checking the rest.
    static std::string reason(const fs::path& file, ErrorType type, const std::string& code) {
        const Result<void> result = check_gguf(file);
        if (result) {
            return "";
        }
        EXPECT_EQ(result.error().type, type);
        EXPECT_EQ(result.error().code, code);
        const std::string start = "model file '" + file.string() + "' ";
        EXPECT_TRUE(result.error().message.starts_with(start)) << result.error().message;
        return result.error().message.substr(start.size());
    }
    static std::string invalid(const fs::path& file) {
        return reason(file, ErrorType::kInvalidRequest, "model_file_invalid");
    }

private:
    fs::path folder_;
};

TEST_F(GgufCheck, WholeFilePasses) {
    EXPECT_EQ(invalid(write_model("good.gguf", "llama")), "");
}

TEST_F(GgufCheck, MissingFile) {
    EXPECT_EQ(reason(path("none.gguf"), ErrorType::kNotFound, "model_file_not_found"),
              "does not exist");
}

TEST_F(GgufCheck, DirectoryEmptyFileAndOtherFormats) {
    fs::create_directory(path("folder"));
    EXPECT_EQ(invalid(path("folder")), "is a directory");
    EXPECT_EQ(invalid(write("empty", "")), "is empty");
    EXPECT_EQ(invalid(write("text", "hello, world")),
              "is not a GGUF file: it does not begin with 'GGUF'");
    EXPECT_EQ(invalid(write("short text", "GX")),
              "is not a GGUF file: it does not begin with 'GGUF'");
    EXPECT_EQ(invalid(write("magic alone", "GGUF")), "is cut short: its header is incomplete");
}

TEST_F(GgufCheck, Versions) {
    using namespace std::string_literals;
    EXPECT_EQ(invalid(write("old", "GGUF\x01\0\0\0"s)),
              "has GGUF version 1, which is not supported (2 to 3 are)");
    EXPECT_EQ(invalid(write("new", "GGUF\x04\0\0\0"s)),
              "has GGUF version 4, which is not supported (2 to 3 are)");
}

TEST_F(GgufCheck, EveryShorterFileIsRefused) {
    const fs::path whole = write_model("whole.gguf", "llama");
    const auto size = fs::file_size(whole);
    const fs::path cut = path("cut.gguf");
    for (std::uintmax_t length = 1; length < size; ++length) {
        fs::copy_file(whole, cut, fs::copy_options::overwrite_existing);
        fs::resize_file(cut, length);
        ASSERT_NE(invalid(cut), "") << "cut to " << length << " of " << size;
    }
    // The data is 256 bytes; the file may be padded behind them, never cut inside.
    fs::copy_file(whole, cut, fs::copy_options::overwrite_existing);
    fs::resize_file(cut, size - 1);
    EXPECT_EQ(invalid(cut), "is cut short: it has " + std::to_string(size - 1) +
                                " bytes, its tensors need " + std::to_string(size));
}

TEST_F(GgufCheck, NoArchitecture) {
    EXPECT_EQ(invalid(write_model("none.gguf", "")),
              "does not say what architecture its model has");
}

TEST_F(GgufCheck, UnknownArchitectureIsRefusedByTheLoader) {
    const fs::path file = write_model("odd.gguf", "no-such-architecture");
    const auto loaded = Model::load(file, "odd");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(loaded.error().code, "model_file_invalid");
    EXPECT_TRUE(
        loaded.error().message.starts_with("model file '" + file.string() + "' cannot be loaded: "))
        << loaded.error().message;
    EXPECT_NE(loaded.error().message.find("no-such-architecture"), std::string::npos)
        << loaded.error().message;
}

TEST_F(GgufCheck, KnownArchitectureWithoutItsTensorsIsRefusedByTheLoader) {
    const auto loaded = Model::load(write_model("bare.gguf", "llama"), "bare");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, "model_file_invalid");
}

}  // namespace
}  // namespace realm::inference
