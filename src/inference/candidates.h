// Which tokens may be drawn, and how likely each of them is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "inference/logit_passes.h"
#include "inference/model.h"
#include "inference/sampling.h"

namespace realm::inference {

// llama.cpp's default chain from top-k to temperature: top-k, typical, top-p, min-p. What it leaves
// is put into a list; where nothing cuts, every token has a weight and there is no list.
// Owned by a Sampler; one thread. Keeps its memory from one choice to the next.
class Candidates {
public:
    // The temperature must be above 0. Of equal logits the earlier token is the better one.
    void narrow(const SamplingParams& params, std::span<const float> logits);

    // The token at `point`, from 0 to below 1, where the tokens lie beside each other, each as wide
    // as it is likely. None where no logit is a number.
    [[nodiscard]] std::optional<Token> at(double point) const;

    // The probability of each token of the vocabulary, 0 where it is not left; for tests.
    [[nodiscard]] std::vector<double> probabilities() const;

private:
    struct Candidate {
        Token token;
        float logit;
        float weight;  // over the sum of all weights it is the probability
    };

    void take(std::span<const float> logits, std::size_t token);
    void take_best(std::span<const float> logits, std::size_t count);
    void take_above(std::span<const float> logits, float threshold);
    void take_mass(std::span<const float> logits, float largest, double share);
    void keep_typical(double share);
    void keep_min_p(float share);
    double weigh_list(float scale);
    template <class Better>
    void keep_mass(double mass, Better better);

    bool listed_ = false;
    std::vector<Candidate> list_;
    double list_total_ = 0.0;
    std::size_t vocabulary_size_ = 0;
    Weights weights_;
};

}  // namespace realm::inference
