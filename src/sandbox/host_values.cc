#include "sandbox/host_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <span>
#include <utility>

#include "sandbox/fiber_scope.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"

namespace realm::sandbox {

enum class BindgenOperation : std::uint8_t { kThrow, kNew, kDrop, kClone };

struct BindgenImport {
    std::string_view name;    // as old versions write it
    std::string_view hashed;  // as newer ones do, before "_" and a hash; empty: never hashed
    BindgenOperation operation;
};

namespace {

constexpr std::array<BindgenImport, 6> kImports = {{
    {"__wbindgen_throw", "__wbg___wbindgen_throw", BindgenOperation::kThrow},
    {"__wbindgen_string_new", "", BindgenOperation::kNew},
    {"__wbindgen_error_new", "", BindgenOperation::kNew},
    {"__wbg_Error", "__wbg_Error", BindgenOperation::kNew},
    {"__wbindgen_object_drop_ref", "", BindgenOperation::kDrop},
    {"__wbindgen_object_clone_ref", "", BindgenOperation::kClone},
}};

bool is_hash(std::string_view text) {
    return text.size() == 17 && text.front() == '_' &&
           text.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

std::uint32_t u32(const wasmtime_val_raw_t& value) {
    return std::bit_cast<std::uint32_t>(value.i32);
}

// One call; gives why it ends the guest, if it does.
class Call {
public:
    Call(Instance& instance, wasmtime_caller_t* caller, std::span<wasmtime_val_raw_t> values,
         bool gives_reference)
        : instance_(instance),
          caller_(caller),
          values_(values),
          gives_reference_(gives_reference) {}

    std::optional<Error> run(const BindgenImport& import) {
        switch (import.operation) {
            case BindgenOperation::kThrow:
                return throw_text(import);
            case BindgenOperation::kNew:
                return make(import);
            case BindgenOperation::kDrop:
                instance_.host_values().remove(u32(values_[0]));
                return std::nullopt;
            case BindgenOperation::kClone:
                break;
        }
        const std::string* const value = instance_.host_values().find(u32(values_[0]));
        return give(value != nullptr ? *value : "");
    }

private:
    std::optional<Error> throw_text(const BindgenImport& import) {
        auto text = argument(import);
        if (!text) {
            return std::move(text.error());
        }
        return make_error(ErrorType::kProgramTrap, "thrown", std::move(*text));
    }

    std::optional<Error> make(const BindgenImport& import) {
        auto text = argument(import);
        return text ? give(std::move(*text)) : std::optional(std::move(text.error()));
    }

    Result<std::string> argument(const BindgenImport& import) {
        const GuestMemory memory = instance_.memory(caller_);
        const auto text = memory.span<const char>(u32(values_[0]), u32(values_[1]));
        if (!text) {
            return fail(ErrorType::kProgramTrap, "bad_pointer",
                        fmt::format("program '{}' called {} with a bad argument 1: {}",
                                    instance_.program_name(), import.name, text.error().reason));
        }
        return std::string(text->begin(), text->end());
    }

    std::optional<Error> give(std::string text) {
        const auto handle = instance_.host_values().add(std::move(text));
        if (!handle) {
            return make_error(
                ErrorType::kProgramLimit, "host_values",
                fmt::format("program '{}' holds {} values or {} bytes of the host's already",
                            instance_.program_name(), HostValues::kMost, HostValues::kMostBytes));
        }
        if (!gives_reference_) {
            values_[0].i32 = std::bit_cast<std::int32_t>(*handle);
            return std::nullopt;
        }
        wasmtime_externref_t reference;
        // A number that only this file reads; nothing is ever behind it.
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        auto* const data = reinterpret_cast<void*>(std::uintptr_t{*handle});
        if (!wasmtime_externref_new(context(), data, nullptr, &reference)) {
            return make_error(ErrorType::kProgramLimit, "host_values",
                              fmt::format("program '{}' holds more references than its heap has "
                                          "room for",
                                          instance_.program_name()));
        }
        values_[0].externref = wasmtime_externref_to_raw(context(), &reference);
        wasmtime_externref_unroot(&reference);
        return std::nullopt;
    }

    wasmtime_context_t* context() { return wasmtime_caller_context(caller_); }

    Instance& instance_;
    wasmtime_caller_t* caller_;
    std::span<wasmtime_val_raw_t> values_;
    bool gives_reference_;
};

}  // namespace

std::optional<std::uint32_t> HostValues::add(std::string text) {
    if (values_.size() - free_.size() >= kMost || text.size() > kMostBytes - bytes_) {
        return std::nullopt;
    }
    bytes_ += text.size();
    if (!free_.empty()) {
        const std::uint32_t index = free_.back();
        free_.pop_back();
        values_[index] = std::move(text);
        return kFirst + index;
    }
    values_.emplace_back(std::move(text));
    return kFirst + static_cast<std::uint32_t>(values_.size() - 1);
}

const std::string* HostValues::find(std::uint32_t handle) const {
    const std::size_t index = std::size_t{handle} - kFirst;
    return handle >= kFirst && index < values_.size() && values_[index] ? &*values_[index]
                                                                        : nullptr;
}

void HostValues::remove(std::uint32_t handle) {
    if (const std::string* const value = find(handle)) {
        bytes_ -= value->size();
        values_[handle - kFirst].reset();
        free_.push_back(handle - kFirst);
    }
}

const BindgenImport* find_bindgen_import(std::string_view name) {
    const auto* const found = std::ranges::find_if(kImports, [&](const BindgenImport& import) {
        return name == import.name || (!import.hashed.empty() && name.starts_with(import.hashed) &&
                                       is_hash(name.substr(import.hashed.size())));
    });
    return found != kImports.end() ? &*found : nullptr;
}

bool accepts(const BindgenImport& import, std::string_view type) {
    switch (import.operation) {
        case BindgenOperation::kThrow:
            return type == "(i32, i32) -> ()";
        case BindgenOperation::kNew:
            return type == "(i32, i32) -> i32" || type == "(i32, i32) -> externref";
        case BindgenOperation::kDrop:
            return type == "(i32) -> ()";
        case BindgenOperation::kClone:
            break;
    }
    return type == "(i32) -> i32";
}

wasm_trap_t* call_bindgen(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                          std::size_t count) noexcept {
    [[maybe_unused]] const FiberScope scope;
    Instance& instance = Instance::of(wasmtime_caller_context(caller));
    std::optional<Error> error;
    try {
        const auto& call = *static_cast<const BindgenCall*>(env);
        error = Call(instance, caller, {values, count}, call.gives_reference).run(*call.import);
    } catch (const std::exception& exception) {
        error = make_error(ErrorType::kInternal, "host_function_failed", exception.what());
    }
    return error ? instance.end_with(std::move(*error)) : nullptr;
}

std::optional<std::uint32_t> handle_of(wasmtime_context_t* context, const wasmtime_val_t& value) {
    if (value.kind != WASMTIME_EXTERNREF || wasmtime_externref_is_null(&value.of.externref)) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(
        reinterpret_cast<std::uintptr_t>(wasmtime_externref_data(context, &value.of.externref)));
}

}  // namespace realm::sandbox
