#include "sandbox/debug_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <variant>
#include <vector>

#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

std::string range_of(const SizeRange& range) {
    return range.maximum ? fmt::format("{}..{}", range.minimum, *range.maximum)
                         : fmt::format("{}..", range.minimum);
}

std::string text_of_raw(ValueType type, const RawValue& value) {
    switch (type) {
        case ValueType::kI32:
            return std::to_string(value.i32);
        case ValueType::kI64:
            return std::to_string(value.i64);
        case ValueType::kF32:
            return fmt::format("{}", value.f32);
        case ValueType::kF64:
            break;
    }
    return fmt::format("{}", value.f64);
}

}  // namespace

void DebugLog::module(const ModuleInfo& info) const {
    for (const ImportInfo& import : info.imports) {
        const std::string name = fmt::format("{}.{}", shown(import.module), shown(import.name));
        logger_.debug("program import",
                      {{"program", program_}, {"name", name}, {"type", import.type}});
    }
    for (const ExportInfo& exported : info.exports) {
        const std::string name = shown(exported.name);
        logger_.debug("program export",
                      {{"program", program_}, {"name", name}, {"type", exported.type}});
    }
    for (const MemoryInfo& memory : info.memories) {
        logger_.debug("program memory", {{"program", program_},
                                         {"pages", range_of(memory.pages)},
                                         {"page_bytes", memory.page_bytes}});
    }
    for (const TableInfo& table : info.tables) {
        logger_.debug("program table", {{"program", program_},
                                        {"element", table.element},
                                        {"elements", range_of(table.elements)}});
    }
}

void DebugLog::memory(std::uint64_t bytes) const {
    logger_.debug("instance memory", {{"program", program_}, {"bytes", bytes}});
}

void DebugLog::table(std::string_view name, std::uint64_t elements) const {
    logger_.debug("instance table",
                  {{"program", program_}, {"name", shown(name)}, {"elements", elements}});
}

void DebugLog::stack_pointer(std::int32_t value) const {
    logger_.debug("instance stack pointer", {{"program", program_}, {"value", value}});
}

void DebugLog::call(std::string_view name, const Signature& signature,
                    const Values& arguments) const {
    std::vector<std::string> values;
    for (const Value& argument : arguments) {
        values.push_back(
            std::visit([](auto number) { return fmt::format("{}", number); }, argument));
    }
    logger_.debug("call of an export", {{"program", program_},
                                        {"name", shown(name)},
                                        {"type", shown(signature)},
                                        {"arguments", fmt::format("{}", fmt::join(values, ", "))}});
}

void DebugLog::host_call(const HostFunction& function, std::span<const RawValue> arguments) const {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < function.signature.parameters.size(); ++i) {
        values.push_back(text_of_raw(function.signature.parameters[i], arguments[i]));
    }
    logger_.debug("call of a host function",
                  {{"program", program_},
                   {"name", fmt::format("{}.{}", function.module, function.name)},
                   {"type", shown(function.signature)},
                   {"arguments", fmt::format("{}", fmt::join(values, ", "))}});
}

}  // namespace realm::sandbox
