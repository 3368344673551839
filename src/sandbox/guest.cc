#include "sandbox/guest.h"

#include <fmt/format.h>

#include "sandbox/instance.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::size_t kMostExportsNamed = 10;

std::string exported_functions(const ModuleInfo& info) {
    std::string names;
    std::size_t count = 0;
    for (const ExportInfo& found : info.exports) {
        if (found.kind == ExternKind::kFunction && ++count <= kMostExportsNamed) {
            names += fmt::format("{}'{}'", names.empty() ? "" : ", ", shown(found.name));
        }
    }
    return count > kMostExportsNamed ? names + ", ..." : names;
}

const ExportInfo* find_function(const ModuleInfo& info, std::string_view name) {
    const ExportInfo* const found = info.find_export(name);
    return found != nullptr && found->kind == ExternKind::kFunction ? found : nullptr;
}

std::unexpected<Error> missing(const std::string& program, const ModuleInfo& info,
                               std::string_view name) {
    return fail(ErrorType::kInvalidRequest, "no_such_export",
                fmt::format("program '{}' exports no function '{}'; it exports {}", program,
                            shown(name), exported_functions(info)));
}

std::unexpected<Error> wrong_type(const std::string& program, const ExportInfo& found,
                                  std::string_view wanted) {
    return fail(ErrorType::kInvalidRequest, "bad_export_type",
                fmt::format("program '{}': its export '{}' has the type {}; it must be {}", program,
                            shown(found.name),
                            found.signature ? shown(*found.signature) : "of references", wanted));
}

}  // namespace

Result<Signature> signature_of_export(const std::string& program, const ModuleInfo& info,
                                      std::string_view name) {
    const ExportInfo* const found = find_function(info, name);
    if (found == nullptr) {
        return missing(program, info, name);
    }
    return found->signature ? Result<Signature>(*found->signature)
                            : wrong_type(program, *found, "of numbers");
}

Result<void> check_export(const std::string& program, const ModuleInfo& info, std::string_view name,
                          const Signature& wanted) {
    const ExportInfo* const found = find_function(info, name);
    if (found == nullptr) {
        return missing(program, info, name);
    }
    return found->signature == wanted ? Result<void>() : wrong_type(program, *found, shown(wanted));
}

const ModuleInfo& Guest::info() const {
    return instance_.program().info();
}
const std::string& Guest::program_name() const {
    return instance_.program_name();
}
GuestMemory Guest::memory() {
    return instance_.memory();
}
Result<std::uint32_t> Guest::grow_memory(std::uint32_t bytes) {
    return instance_.grow_memory(bytes);
}

BindgenHost* Guest::bindgen() {
    return instance_.bindgen();
}

std::string Guest::take_host_value(std::uint32_t handle) {
    return instance_.take_host_value(handle);
}

bool Guest::Call::await_ready() {
    return !instance_.begin_call(name_, arguments_);
}
void Guest::Call::await_suspend(std::coroutine_handle<> job) {
    instance_.set_caller(job);
}
Result<Values> Guest::Call::await_resume() {
    return instance_.take_results();
}

}  // namespace realm::sandbox
