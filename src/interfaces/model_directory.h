// The models that this server runs, by name.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "inference/engine.h"

namespace realm::interfaces {

// Filled at start-up, read-only afterwards: any thread may look things up then.
class ModelDirectory {
public:
    // The first one added is the default model.
    void add(std::unique_ptr<inference::Engine> engine) { engines_.push_back(std::move(engine)); }

    // By exact name; an empty name means the default model. Null when there is none.
    [[nodiscard]] inference::Engine* find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const { return engines_.size(); }
    [[nodiscard]] inference::Engine& at(std::size_t index) const { return *engines_.at(index); }

private:
    std::vector<std::unique_ptr<inference::Engine>> engines_;
};

}  // namespace realm::interfaces
