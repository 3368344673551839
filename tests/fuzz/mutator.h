// Seeded changes of inputs: what libFuzzer does, the same on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace realm::fuzz {

class Mutator {
public:
    // `corpus` holds at least one input and outlives it.
    Mutator(const std::vector<std::string>& corpus, std::uint64_t seed)
        : corpus_(corpus), random_(seed) {}

    // One input of the corpus with one to eight changes.
    std::string next();

private:
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
    void change(std::string& input);

    const std::vector<std::string>& corpus_;
    std::mt19937_64 random_;
};

}  // namespace realm::fuzz
