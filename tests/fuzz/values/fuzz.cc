// What programs and clients can make values of: JSON, the arguments of steps, and functions of
// JavaScript's classes called with them. Each line is an argument of a step; the first one that is
// text, such as "Array.prototype.splice", names the function that gets the others, the first of
// these as `this`.
#include "tests/fuzz/fuzz.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "values/display.h"
#include "values/json.h"
#include "values/operations.h"
#include "values/step_json.h"
#include "values/world.h"

namespace {

using namespace realm::values;

class FixedServices final : public Services {
public:
    double wall_ms() override { return 1e12; }
    double steady_ms() override { return ++steps_; }
    void random(std::span<std::byte> out) override {
        for (std::byte& byte : out) {
            byte = std::byte{7};
        }
    }
    void console(ConsoleLevel /*level*/, std::string_view /*text*/) override {}

private:
    double steps_ = 0;
};

class NoNames final : public StepNames {
public:
    std::optional<std::string> print(Object& /*object*/, std::string_view /*path*/) override {
        return std::nullopt;
    }
    std::optional<Value> find(std::string_view /*name*/) override { return std::nullopt; }
    Value callback(std::string_view /*name*/, const Value& returns) override { return returns; }
};

Value find(World& world, std::string_view path) {
    Value at = Value::of(world.global());
    while (!path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        auto next = get(world, at, world.key(path.substr(0, dot))).take();
        if (!next) {
            return {};
        }
        at = std::move(*next);
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return at;
}

// Whatever it is: only that it ends counts.
template <class T>
void drop(const Completion<T>& /*done*/) {}

void use(World& world, const std::vector<Value>& values) {
    NoNames names;
    if (values.empty()) {
        return;
    }
    const Value function = values[0].is_string() ? find(world, values[0].string().utf8()) : Value();
    const Value self = values.size() > 1 ? values[1] : Value();
    const Arguments rest = std::span(values).subspan(values.size() > 1 ? 2 : 1);
    Value result = self;
    if (is_callable(function)) {
        if (auto done = call(world, function, self, rest).take()) {
            result = std::move(*done);
        }
        drop(construct(world, function, std::span(values).subspan(1)).take());
    }
    drop(print_step(world, result, names).take());
    drop(debug_text(world, result).take());
    drop(stringify_json(world, result, Value(), Value(2)).take());
    (void)inspect(world, result);
    drop(world.run_microtasks().take());
    drop(world.run_due_timer().take());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FixedServices services;
    WorldLimits limits;
    limits.heap = {.max_cells = 20'000, .max_bytes = std::size_t{4} << 20U};
    limits.max_steps = 100'000;
    World world(services, limits);
    NoNames names;
    std::string_view rest = realm::fuzz::text_of(data, size);
    std::vector<Value> values;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        if (auto value = read_step(world, rest.substr(0, end), names)) {
            values.push_back(std::move(*value));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    use(world, values);
    return 0;
}
