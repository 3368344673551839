// The short run of a fuzzer: its corpus, then fixed mutations of it. It fails by ending the
// process.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutator.h"

namespace realm::fuzz {
namespace {

std::vector<std::string> read_corpus() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(REALM_CORPUS)) {
        paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    std::vector<std::string> corpus;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return corpus;
}

void take(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

TEST(Fuzz, the_corpus_is_taken) {
    const std::vector<std::string> corpus = read_corpus();
    ASSERT_GE(corpus.size(), 10);
    std::ranges::for_each(corpus, take);
    take("");
}

TEST(Fuzz, mutations_of_it_are_taken) {
    const std::vector<std::string> corpus = read_corpus();
    ASSERT_FALSE(corpus.empty());
    Mutator mutator(corpus, 4711);
    for (int round = 0; round < REALM_MUTATIONS; ++round) {
        take(mutator.next());
    }
}

}  // namespace
}  // namespace realm::fuzz
