// What values need of the world outside, for one instance. Internal.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "values/services.h"
#include "values/step_json.h"

namespace realm::sandbox {

class Instance;

class BindgenServices final : public values::Services {
public:
    explicit BindgenServices(Instance& instance) : instance_(instance) {}

    double wall_ms() override;
    double steady_ms() override;
    void random(std::span<std::byte> out) override;
    void console(values::ConsoleLevel level, std::string_view text) override;
    std::optional<Error> interrupted() override;
    [[nodiscard]] base::SteadyTime began() const { return began_; }

private:
    Instance& instance_;
    const base::SteadyTime began_ = base::SteadyClock::now();
};

// For JSON that comes from the bindings: no names.
class BindgenNoNames final : public values::StepNames {
public:
    std::optional<std::string> print(values::Object& /*object*/,
                                     std::string_view /*path*/) override {
        return std::nullopt;
    }
    std::optional<values::Value> find(std::string_view /*name*/) override { return std::nullopt; }
    values::Value callback(std::string_view /*name*/, const values::Value& /*returns*/) override {
        return {};
    }
};

}  // namespace realm::sandbox
