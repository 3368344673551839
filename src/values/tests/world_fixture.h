// A world with a clock, random numbers and a console that tests decide, and short ways to ask it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "values/bigint.h"
#include "values/buffers.h"
#include "values/collections.h"
#include "values/display.h"
#include "values/error_object.h"
#include "values/json.h"
#include "values/operations.h"
#include "values/operators.h"
#include "values/promise.h"
#include "values/step_json.h"
#include "values/world.h"

namespace realm::values {

class FakeServices final : public Services {
public:
    double wall_ms() override { return wall; }
    double steady_ms() override { return steady; }
    void random(std::span<std::byte> out) override {
        for (std::byte& byte : out) {
            byte = static_cast<std::byte>(next_random++);
        }
    }
    void console(ConsoleLevel level, std::string_view text) override {
        lines.emplace_back(level, text);
    }
    std::optional<Error> interrupted() override {
        ++asked;
        return ends ? std::optional(fail(ErrorType::kCancelled, "enough", "enough").error())
                    : std::nullopt;
    }

    int asked = 0;  // whether the work is to go on
    bool ends = false;
    double wall = 1'700'000'000'000;
    double steady = 0;
    unsigned next_random = 0;
    std::vector<std::pair<ConsoleLevel, std::string>> lines;
};

class NoNames final : public StepNames {
public:
    std::optional<std::string> print(Object& /*object*/, std::string_view /*path*/) override {
        return std::nullopt;
    }
    std::optional<Value> find(std::string_view /*name*/) override { return std::nullopt; }
    Value callback(std::string_view /*name*/, const Value& /*returns*/) override { return {}; }
};

class WorldTest : public ::testing::Test {
protected:
    using Values = std::vector<Value>;

    // The value, or the test fails with what was thrown.
    Value must(Eventual<Value> eventual) {
        EXPECT_TRUE(eventual.ready());
        auto done = eventual.take();
        if (!done) {
            ADD_FAILURE() << error_text(done.error());
            return {};
        }
        return std::move(*done);
    }
    template <class T>
    T must(Completion<T> done) {
        if (!done) {
            ADD_FAILURE() << error_text(done.error());
        }
        return std::move(*done);
    }
    // "TypeError: message", or "limit host_values: message" for a fault.
    std::string error_text(const Thrown& thrown) {
        if (thrown.is_fault()) {
            return "limit " + thrown.fault().code;
        }
        if (!is_error(thrown.value())) {
            return show(thrown.value());
        }
        const Value name = peek(world_, thrown.value().object(), world_.names().name);
        return name.string().utf8() + ": " + message_of(world_, thrown.value());
    }
    template <class T>
    std::string error_of(Eventual<T> eventual) {
        auto done = eventual.take();
        return done ? std::string("nothing was thrown") : error_text(done.error());
    }
    template <class T>
    std::string error_of(Completion<T> done) {
        return done ? std::string("nothing was thrown") : error_text(done.error());
    }

    // As a step of `realm call` prints it.
    std::string show(const Value& value) {
        NoNames names;
        auto printed = print_step(world_, value, names).take();
        return printed ? printed->string().utf8() : "<" + error_text(printed.error()) + ">";
    }
    std::string show(Eventual<Value> eventual) {
        auto done = eventual.take();
        return done ? show(*done) : error_text(done.error());
    }

    Value text(std::string_view utf8) { return world_.string(utf8); }
    Value big(std::int64_t number) { return make_bigint(world_, number); }
    Value json(std::string_view source) {
        NoNames names;
        return must(read_step(world_, source, names));
    }
    Value list(Values elements) { return world_.array(std::move(elements)); }
    Value global(std::string_view name) {
        return must(get_from(world_, world_.global(), world_.key(name), Value()));
    }
    // "Object.keys" and so on
    Eventual<Value> run(std::string_view path, Values arguments) {
        kept_.push_back(std::move(arguments));
        const std::size_t dot = path.find('.');
        const Value base = global(path.substr(0, dot));
        if (dot == std::string_view::npos) {
            return call(world_, base, Value(), kept_.back());
        }
        return invoke(world_, base, world_.key(path.substr(dot + 1)), kept_.back());
    }
    Eventual<Value> method(const Value& self, std::string_view name, Values arguments = {}) {
        kept_.push_back(std::move(arguments));
        return invoke(world_, self, world_.key(name), kept_.back());
    }
    Eventual<Value> make(std::string_view class_name, Values arguments = {}) {
        kept_.push_back(std::move(arguments));
        return construct(world_, global(class_name), kept_.back(), class_name);
    }
    Value property(const Value& base, std::string_view name) {
        return must(get(world_, base, world_.key(name)));
    }
    Value function(Native native, Values captured = {}) {
        return world_.native("f", 1, native, std::move(captured));
    }
    void drain() { must(world_.run_microtasks()); }

    FakeServices services_;
    World world_{services_};
    std::vector<Values> kept_;
};

}  // namespace realm::values
