// Modules with bindings, for tests: WebAssembly text and the trees beside it, driven by steps.
#pragma once

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness.h"
#include "sandbox/custom_section.h"
#include "sandbox/foreign_caller.h"
#include "sandbox/module_text.h"

namespace realm::sandbox::testing {

// {"format", "functions", ...} around these; each function is ["name", parameters, slots, body].
// An import or export that names a function gets its number.
inline std::string bindings_text(const nlohmann::json& parts) {
    nlohmann::json json = {{"format", 1},
                           {"returns", "return_area"},
                           {"handles", "slab"},
                           {"slab_reserved", 128},
                           {"functions", nlohmann::json::array()},
                           {"imports", nlohmann::json::array()},
                           {"exports", nlohmann::json::array()}};
    json.update(parts);
    nlohmann::json functions = nlohmann::json::array();
    for (const auto& function : json["functions"]) {
        functions.push_back({{"name", function[0]},
                             {"parameters", function[1]},
                             {"slots", function[2]},
                             {"body", function[3]}});
    }
    json["functions"] = functions;
    const auto number = [&](const std::string& name) {
        for (std::size_t i = 0; i < functions.size(); ++i) {
            if (functions[i]["name"] == name) {
                return i;
            }
        }
        return functions.size();
    };
    for (const char* const list : {"imports", "exports"}) {
        for (auto& item : json[list]) {
            if (item.contains("function") && item["function"].is_string()) {
                item["function"] = number(item["function"]);
            }
            if (std::string_view(list) == "exports") {
                item.emplace("kind", "function");
                item.emplace("parameters", nlohmann::json::array());
                item.emplace("result", nlohmann::json{{"kind", "unknown"}});
            }
        }
    }
    return json.dump();
}

// The module with its bindings in a section.
inline std::vector<std::byte> with_bindings(std::string_view text, std::string_view bindings) {
    const auto wasm = binary_of_text(text);
    EXPECT_TRUE(wasm.has_value()) << wasm.error().message;
    return with_custom_section(*wasm, glue::kBindingsSection, base::as_bytes(bindings)).value();
}

// A kept guest; runs steps one after another.
class BindgenDriver {
public:
    explicit BindgenDriver(std::string_view text, const nlohmann::json& parts,
                           const InstanceLimits& limits = {}) {
        auto program = harness_.runtime().compile("p", with_bindings(text, bindings_text(parts)));
        EXPECT_TRUE(program.has_value()) << program.error().message;
        program_ = *program;
        open(limits);
    }

    void open(const InstanceLimits& limits) {
        job_ = limits.job();
        guest_ = harness_.executor().keep(program_, harness_.host(), limits, [](const Error&) {});
        caller_.emplace(detect_conventions(program_->info()));
    }

    // Starts a step; its lines, the last one its own: JSON, or "code: message".
    std::future<std::vector<std::string>> begin(const std::string& step) {
        auto read = read_foreign_step(step);
        EXPECT_TRUE(read.has_value()) << read.error().message;
        const auto lines = std::make_shared<std::vector<std::string>>();
        const auto ended = std::make_shared<std::promise<std::vector<std::string>>>();
        auto submitted = guest_->submit(
            [this, lines, given = std::move(*read)](Guest& guest) {
                return run(guest, *lines, given);
            },
            job_,
            [this, lines, ended](RunOutcome outcome) {
                last_ = outcome;
                if (outcome.error) {
                    lines->push_back(outcome.error->code + ": " + outcome.error->message);
                }
                ended->set_value(*lines);
            });
        EXPECT_TRUE(submitted.has_value()) << submitted.error().message;
        return ended->get_future();
    }
    std::vector<std::string> lines(const std::string& step) { return begin(step).get(); }
    // The last line of a step, given as do, args and as.
    std::string step(const std::string& what, const std::string& arguments = "[]",
                     const std::string& as = "") {
        nlohmann::ordered_json json;
        json["do"] = what;
        json["args"] = nlohmann::ordered_json::parse(arguments);
        if (!as.empty()) {
            json["as"] = as;
        }
        return lines(json.dump()).back();
    }

    [[nodiscard]] Probe& probe() { return harness_.probe(); }
    [[nodiscard]] KeptGuest& guest() { return *guest_; }
    [[nodiscard]] const RunOutcome& last() const { return last_; }
    [[nodiscard]] const Error& last_error() const { return last_error_; }
    [[nodiscard]] bool ended_instance() const { return ended_instance_; }

private:
    base::Task<Result<void>> run(Guest& guest, std::vector<std::string>& lines, ForeignStep step) {
        const OnStepLine add = [&](std::string_view line) { lines.emplace_back(line); };
        StepResult made = co_await caller_->run(guest, std::move(step), add);
        if (made.result) {
            lines.push_back(*made.result);
        } else {
            last_error_ = made.result.error();
            lines.push_back(last_error_.code + ": " + last_error_.message);
        }
        ended_instance_ = made.ends_instance;
        co_return Result<void>();
    }

    Harness harness_;
    std::shared_ptr<const Program> program_;
    std::optional<ForeignCaller> caller_;
    std::shared_ptr<KeptGuest> guest_;
    JobLimits job_;
    RunOutcome last_;
    Error last_error_;
    bool ended_instance_ = false;
};

}  // namespace realm::sandbox::testing
