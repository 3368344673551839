// What is uploaded: a module's bytes, read by us, then checked and compiled by Wasmtime.

#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <memory>

#include "interfaces/run_host.h"
#include "sandbox/custom_section.h"
#include "sandbox/runtime.h"

namespace {

using realm::fuzz::require;

// Compiling takes long; what is larger has nothing new for the readers either.
constexpr std::size_t kMostCompiled = 8192;

realm::sandbox::Runtime& runtime() {
    static const std::shared_ptr<realm::sandbox::Runtime> kRuntime = [] {
        realm::sandbox::RuntimeOptions options;
        options.max_instances = 1;
        options.max_module_bytes = 1U << 20;
        return realm::sandbox::Runtime::create(options, realm::interfaces::host_functions())
            .value();
    }();
    return *kRuntime;
}

void use_sections(std::span<const std::byte> wasm) {
    const auto found = realm::sandbox::find_custom_section(wasm, "realm");
    const auto content = wasm.first(std::min<std::size_t>(wasm.size(), 8));
    const auto with = realm::sandbox::with_custom_section(wasm, "realm", content);
    require(found.has_value() == with.has_value(), "sections that are read can be written");
    if (with) {
        const auto again = realm::sandbox::find_custom_section(*with, "realm");
        require(again.has_value() && again->has_value() && std::ranges::equal(**again, content),
                "a section is found as it was written");
    }
}

// Refused for what it is, or for a limit, which is then named.
bool is_explained(const realm::Error& error) {
    return error.type == realm::ErrorType::kInvalidRequest ||
           (error.type == realm::ErrorType::kProgramLimit &&
            error.details.starts_with(R"({"limit":")"));
}

void check_reports(std::span<const std::byte> wasm) {
    const auto report = runtime().inspect("fuzz", wasm, {});
    if (!report) {
        require(report.error().type == realm::ErrorType::kInvalidRequest, "a reason is given");
        return;
    }
    require(report->imports.size() == report->info.imports.size(), "every import is judged");
    require(report->refusals.empty() == runtime().check("fuzz", wasm).has_value(),
            "what is inspected is what is checked");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto wasm = realm::fuzz::bytes_of(data, size);
    use_sections(wasm);
    const auto info = realm::sandbox::read_module(wasm);
    if (info) {
        check_reports(wasm);
    } else {
        require(info.error().type == realm::ErrorType::kInvalidRequest, "a reason is given");
    }
    if (size <= kMostCompiled) {
        if (const auto program = runtime().compile("fuzz", wasm); !program) {
            require(is_explained(program.error()), "a reason is given");
        }
    }
    return 0;
}
