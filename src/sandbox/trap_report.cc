#include "sandbox/trap_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limit_error.h"
#include "sandbox/wording.h"

namespace realm::sandbox {
namespace {

constexpr std::size_t kMostFrames = 20;

struct Frame {
    std::string function;  // its name, or #index
    std::optional<std::size_t> offset;
    std::string source;  // file:line:column, where the module carries DWARF
};

struct TrapKind {
    const char* code;
    const char* reason;
};

// By Wasmtime's trap code; the codes of components do not occur here, and stack_error() says more
// of the first.
constexpr std::array<TrapKind, 17> kTrapKinds = {{
    {"stack", "its stack is full"},
    {"out_of_bounds", "out of bounds memory access"},
    {"misaligned_atomic", "unaligned atomic access"},
    {"table_out_of_bounds", "out of bounds table access"},
    {"null_function", "indirect call of a null function"},
    {"indirect_call_type", "indirect call of a function with another type"},
    {"integer_overflow", "integer overflow"},
    {"integer_divide_by_zero", "integer division by zero"},
    {"bad_float_to_integer", "a float that fits no integer was converted"},
    {"unreachable", "an unreachable instruction was executed (abort, panic or a failed assertion)"},
    {"interrupted", "it was interrupted"},
    {"out_of_fuel", "it ran out of fuel"},
    {"atomic_wait", "atomic wait on a memory that is not shared"},
    {"null_reference", "access through a null reference"},
    {"array_out_of_bounds", "out of bounds array access"},
    {"allocation_too_large", "an allocation is too large"},
    {"cast_failure", "a reference was cast to a type it does not have"},
}};

TrapKind kind_of(const wasm_trap_t& trap) {
    wasmtime_trap_code_t code = 0;
    if (wasmtime_trap_code(&trap, &code) && code < kTrapKinds.size()) {
        return kTrapKinds[code];
    }
    return {"trap", "trap"};
}

std::vector<Frame> frames_of(const wasm_frame_vec_t& found) {
    std::vector<Frame> frames;
    for (std::size_t i = 0; i < found.size && i < kMostFrames; ++i) {
        const wasm_frame_t* const frame = found.data[i];
        const wasm_name_t* const name = wasmtime_frame_func_name(frame);
        const std::size_t offset = wasm_frame_module_offset(frame);
        frames.push_back({.function = name != nullptr
                                          ? shown(text_of(*name))
                                          : fmt::format("#{}", wasm_frame_func_index(frame)),
                          .offset = offset == SIZE_MAX ? std::nullopt : std::optional(offset),
                          .source = ""});
    }
    return frames;
}

// Wasmtime's C API gives no source positions, but its text does: below each frame of the backtrace,
// "  N: 0xOFFSET - function", lines "at file:line:column", the innermost inlined call first.
void add_sources(std::vector<Frame>& frames, std::string_view text) {
    constexpr std::string_view kAt = "at ";
    std::size_t next = 0;  // frame that the next heading begins
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (next < frames.size() && line.starts_with(fmt::format("{}: ", next))) {
            ++next;
        } else if (next > 0 && line.starts_with(kAt) && frames[next - 1].source.empty()) {
            frames[next - 1].source = shown(line.substr(kAt.size()));
        }
    }
}

std::vector<Frame> frames_of(const wasm_trap_t& trap) {
    OwnedFrames frames;
    wasm_trap_trace(&trap, &frames.value);
    auto found = frames_of(frames.value);
    OwnedBytes message;
    wasm_trap_message(&trap, &message.value);
    add_sources(found, text_of(message.value));
    return found;
}

std::vector<Frame> frames_of(const wasmtime_error_t& error) {
    OwnedFrames frames;
    wasmtime_error_wasm_trace(&error, &frames.value);
    auto found = frames_of(frames.value);
    add_sources(found, message_of(error));
    return found;
}

std::string details_of(const std::string& program, std::string_view trap,
                       const std::vector<Frame>& frames) {
    const auto describe = [](nlohmann::ordered_json& into, const Frame& frame) {
        into["function"] = frame.function;
        if (frame.offset) {
            into["offset"] = *frame.offset;
        }
        if (!frame.source.empty()) {
            into["source"] = frame.source;
        }
    };
    nlohmann::ordered_json details;
    details["program"] = program;
    if (!frames.empty()) {
        describe(details, frames.front());
    }
    details["trap"] = trap;
    auto backtrace = nlohmann::ordered_json::array();
    for (const Frame& frame : frames) {
        nlohmann::ordered_json entry;
        describe(entry, frame);
        backtrace.push_back(std::move(entry));
    }
    details["backtrace"] = std::move(backtrace);
    return details.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string place_of(const std::vector<Frame>& frames) {
    if (frames.empty()) {
        return "";
    }
    const Frame& inner = frames.front();
    std::string place = fmt::format(" in function '{}'", inner.function);
    if (!inner.source.empty()) {
        place += fmt::format(" at {}", inner.source);
    } else if (inner.offset) {
        place += fmt::format(" (offset {:#x})", *inner.offset);
    }
    return place;
}

std::string callers_of(const std::vector<Frame>& frames) {
    std::string callers;
    for (std::size_t i = 1; i < frames.size(); ++i) {
        callers += fmt::format("{}'{}'", i == 1 ? "; called from " : ", ", frames[i].function);
    }
    return callers;
}

Error trap_error(const std::string& program, const TrapKind& kind,
                 const std::vector<Frame>& frames) {
    Error error = make_error(ErrorType::kProgramTrap, kind.code,
                             fmt::format("program '{}' trapped{}: {}{}", program, place_of(frames),
                                         kind.reason, callers_of(frames)));
    error.details = details_of(program, kind.code, frames);
    return error;
}

Error stack_error(const std::string& program, const std::vector<Frame>& frames,
                  const GuestLimits& limits) {
    Error error = limit_error(
        {.limit = "stack", .setting = "limits.stack_bytes", .value = limits.stack_bytes},
        fmt::format("program '{}' used up its stack of {} bytes{} (endless recursion?){}", program,
                    limits.stack_bytes, place_of(frames), callers_of(frames)));
    auto details = nlohmann::ordered_json::parse(error.details);
    details.update(nlohmann::ordered_json::parse(details_of(program, "stack", frames)));
    error.details = details.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return error;
}

// The number after the last `before` in `text`: the cause stands at the end, and function names
// that a guest chose come before it.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view before) {
    const std::size_t at = text.rfind(before);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view rest = text.substr(at + before.size());
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    return parsed.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

Error memory_error(const std::string& program, std::uint64_t wanted, const GuestLimits& limits) {
    if (wanted <= limits.memory_bytes) {
        return make_error(ErrorType::kProgramLimit, "memory_maximum",
                          fmt::format("program '{}' asked for {} bytes of memory, more than the "
                                      "maximum that its module declares",
                                      program, wanted));
    }
    const std::string share =
        limits.memories > 1 ? fmt::format(" for each of its {} memories", limits.memories) : "";
    return limit_error({.limit = "memory",
                        .setting = "limits.memory_bytes",
                        .value = limits.memory_bytes,
                        .asked = wanted},
                       fmt::format("program '{}' asked for {} bytes of memory; its limit is {} "
                                   "bytes{}",
                                   program, wanted, limits.memory_bytes, share));
}

Error table_error(const std::string& program, std::uint64_t wanted, const GuestLimits& limits) {
    if (wanted <= limits.table_elements) {
        return make_error(ErrorType::kProgramLimit, "table_maximum",
                          fmt::format("program '{}' asked for a table of {} elements, more than "
                                      "the maximum that its module declares",
                                      program, wanted));
    }
    return limit_error({.limit = "table",
                        .setting = "limits.table_elements",
                        .value = limits.table_elements,
                        .asked = wanted},
                       fmt::format("program '{}' asked for a table of {} elements; its limit is {}",
                                   program, wanted, limits.table_elements));
}

// Of objects that Wasmtime's garbage collector keeps; their heap may be as large as a memory.
Error heap_error(const std::string& program, const GuestLimits& limits) {
    return limit_error(
        {.limit = "memory", .setting = "limits.memory_bytes", .value = limits.memory_bytes},
        fmt::format("program '{}' has no room left for objects on its heap; its limit is {} bytes",
                    program, limits.memory_bytes));
}

// The last and innermost of an error's causes.
std::string cause_in(std::string_view text) {
    constexpr std::string_view kCause = "Caused by:\n";
    const std::size_t cause = text.rfind(kCause);
    const std::size_t start = cause == std::string_view::npos
                                  ? 0
                                  : text.find_first_not_of(" 0123456789:", cause + kCause.size());
    return shown(text.substr(std::min(start, text.size())));
}

}  // namespace

Error report_trap(const std::string& program, const wasm_trap_t& trap, const GuestLimits& limits) {
    wasmtime_trap_code_t code = 0;
    if (wasmtime_trap_code(&trap, &code) && code == WASMTIME_TRAP_CODE_STACK_OVERFLOW) {
        return stack_error(program, frames_of(trap), limits);
    }
    return trap_error(program, kind_of(trap), frames_of(trap));
}

Error report_error(const std::string& program, const wasmtime_error_t& error,
                   const GuestLimits& limits) {
    const std::string text = message_of(error);
    if (const auto bytes = number_after(text, "forcing trap when growing memory to ")) {
        return memory_error(program, *bytes, limits);
    }
    if (const auto elements = number_after(text, "forcing trap when growing table to ")) {
        return table_error(program, *elements, limits);
    }
    if (text.find("maximum concurrent") != std::string::npos) {
        return make_error(ErrorType::kUnavailable, "no_instance_free",
                          fmt::format("no room to run program '{}' now: {}", program, text));
    }
    const auto frames = frames_of(error);
    const std::string reason = cause_in(text);
    if (reason.starts_with("GC heap out of memory")) {
        return heap_error(program, limits);
    }
    if (text.find("thrown Wasm exception") != std::string::npos) {
        return trap_error(program, {"uncaught_exception", "an exception was not caught"}, frames);
    }
    return trap_error(program, {"trap", reason.c_str()}, frames);
}

void add_context(Error& error, std::string around) {
    if (error.type == ErrorType::kProgramTrap || error.type == ErrorType::kProgramLimit ||
        error.type == ErrorType::kInternal) {
        error.context.push_back(std::move(around));
    }
}

void add_backtrace(Error& error, const std::string& program, const wasmtime_error_t& cause) {
    if (error.type == ErrorType::kProgramTrap && error.details.empty()) {
        error.details = details_of(program, error.code, frames_of(cause));
    }
}

}  // namespace realm::sandbox
