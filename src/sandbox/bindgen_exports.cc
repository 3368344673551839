// The exports of the module as JavaScript sees them: functions, the memory, tables.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "sandbox/bindgen_host.h"
#include "sandbox/bindgen_memory.h"
#include "sandbox/instance.h"
#include "sandbox/wording.h"
#include "values/convert.h"
#include "values/operations.h"

namespace realm::sandbox {

using values::Eventual;
using values::Thrown;
using JsValue = values::Value;

namespace {

std::vector<wasm_valkind_t> kinds_of(const wasm_valtype_vec_t* types) {
    std::vector<wasm_valkind_t> kinds;
    for (std::size_t i = 0; i < types->size; ++i) {
        kinds.push_back(wasm_valtype_kind(types->data[i]));
    }
    return kinds;
}

std::unexpected<Thrown> missing(const Instance& instance, std::string_view name) {
    return std::unexpected(Thrown(
        make_error(ErrorType::kProgramTrap, "no_such_export",
                   fmt::format("program '{}' exports no function '{}', which its bindings name",
                               instance.program_name(), shown(name)))));
}

}  // namespace

// A function of the module, called with values of JavaScript.
class BindgenHost::ExportedFunction final : public values::Callable {
public:
    ExportedFunction(BindgenHost& host, GuestFunction function)
        : host_(host), function_(std::move(function)) {}
    Eventual<JsValue> run(values::World& /*world*/, values::Call call) override {
        return host_.call_guest(function_, call.arguments);
    }
    [[nodiscard]] const GuestFunction& function() const { return function_; }

private:
    BindgenHost& host_;
    GuestFunction function_;
};

std::optional<GuestFunction> BindgenHost::function_of(const wasmtime_func_t& function,
                                                      std::string_view name) const {
    const FunctionTypeHandle type(wasmtime_func_type(context(), &function));
    return GuestFunction{.name = std::string(name),
                         .function = function,
                         .parameters = kinds_of(wasm_functype_params(type.get())),
                         .results = kinds_of(wasm_functype_results(type.get()))};
}

BindgenHost::Export& BindgenHost::known_export(std::uint32_t index) {
    Export& known = wasm_exports_[index];
    if (!known.known) {
        const std::string& name = plan_->wasm_names()[index];
        if (const auto found = instance_.find_export(name)) {
            known.known = true;
            if (found->kind == WASMTIME_EXTERN_FUNC) {
                known.function = function_of(found->of.func, name);
            }
        }
    }
    return known;
}

values::Completion<const GuestFunction*> BindgenHost::wasm_function(std::uint32_t index) {
    const Export& known = known_export(index);
    if (!known.function) {
        return missing(instance_, plan_->wasm_names()[index]);
    }
    return &*known.function;
}

values::Completion<const GuestFunction*> BindgenHost::wasm_function(std::string_view name) {
    if (const auto known = helpers_.find(name); known != helpers_.end()) {
        return known->second.get();
    }
    const auto found = instance_.find_export(name);
    if (!found || found->kind != WASMTIME_EXTERN_FUNC) {
        return missing(instance_, name);
    }
    auto made = std::make_unique<GuestFunction>(*function_of(found->of.func, name));
    return helpers_.emplace(name, std::move(made)).first->second.get();
}

values::Completion<JsValue> BindgenHost::wasm_export(std::uint32_t index) {
    Export& known = known_export(index);
    if (known.value.is_undefined()) {
        known.value = export_value(plan_->wasm_names()[index]);
    }
    return known.value;
}

JsValue BindgenHost::export_value(std::string_view name) {
    const auto found = instance_.find_export(name);
    if (!found) {
        return {};
    }
    switch (found->kind) {
        case WASMTIME_EXTERN_FUNC:
            return function_value(*function_of(found->of.func, name));
        case WASMTIME_EXTERN_MEMORY:
            return JsValue(memory_object());
        case WASMTIME_EXTERN_TABLE:
            return table_value(found->of.table);
        default:
            return {};
    }
}

JsValue BindgenHost::function_value(GuestFunction function) {
    const auto length = static_cast<std::uint32_t>(function.parameters.size());
    const std::string name = function.name;
    return JsValue(world_.function(name, length,
                                   std::make_unique<ExportedFunction>(*this, std::move(function))));
}

values::Completion<JsValue> BindgenHost::all_wasm_exports() {
    if (all_exports_.is_undefined()) {
        const auto object = world_.object();
        for (const ExportInfo& exported : instance_.program().info().exports) {
            object->put(world_.key(exported.name), export_value(exported.name));
        }
        all_exports_ = JsValue(object);
    }
    return all_exports_;
}

const wasmtime_table_t* BindgenHost::reference_table() {
    if (!table_) {
        const auto found = instance_.find_export(plan_->bindings().helpers.table);
        if (found && found->kind == WASMTIME_EXTERN_TABLE) {
            table_ = found->of.table;
        } else if (const wasmtime_table_t* const imported = instance_.imported_references()) {
            table_ = *imported;
        }
    }
    return table_ ? &*table_ : nullptr;
}

values::Ref<values::MemoryObject> BindgenHost::memory_object() {
    if (!memory_object_) {
        memory_ = std::make_shared<BindgenMemory>(instance_);
        memory_object_ = values::make_memory(world_, memory_);
    }
    return memory_object_;
}

// --- Tables --------------------------------------------------------------------------------------

// WebAssembly.Table's methods.
class BindgenHost::TableMethod final : public values::Callable {
public:
    enum class Which : std::uint8_t { kGet, kSet, kGrow };
    TableMethod(BindgenHost& host, const wasmtime_table_t& table, Which which)
        : host_(host), table_(table), which_(which) {}

    Eventual<JsValue> run(values::World& world, values::Call call) override {
        const double at = co_await values::to_number(world, call.argument(0));
        const auto index = values::to_uint32(at);
        switch (which_) {
            case Which::kGet:
                co_return host_.table_get(table_, index);
            case Which::kSet:
                co_return host_.table_set(table_, index, call.argument(1));
            case Which::kGrow:
                break;
        }
        co_return host_.table_grow(table_, index);
    }

private:
    BindgenHost& host_;
    wasmtime_table_t table_;
    Which which_;
};

values::Completion<JsValue> BindgenHost::table_get(const wasmtime_table_t& table,
                                                   std::uint32_t index) {
    wasmtime_val_t value{};
    if (!wasmtime_table_get(context(), &table, index, &value)) {
        return world_.range_error("WebAssembly.Table.get(): invalid address");
    }
    if (value.kind == WASMTIME_FUNCREF) {
        return wasmtime_funcref_is_null(&value.of.funcref)
                   ? JsValue::null()
                   : function_value(*function_of(value.of.funcref, fmt::format("{}", index)));
    }
    return take_raw(value);
}

values::Completion<JsValue> BindgenHost::table_set(const wasmtime_table_t& table,
                                                   std::uint32_t index, const JsValue& value) {
    auto raw = to_raw(WASM_EXTERNREF, value);
    if (!raw) {
        return out_of_references();
    }
    const ErrorHandle error(wasmtime_table_set(context(), &table, index, &*raw));
    wasmtime_val_unroot(&*raw);
    if (error) {
        return world_.range_error("WebAssembly.Table.set(): invalid address");
    }
    return JsValue();
}

values::Completion<JsValue> BindgenHost::table_grow(const wasmtime_table_t& table,
                                                    std::uint32_t by) {
    auto fill = to_raw(WASM_EXTERNREF, JsValue());
    if (!fill) {
        return out_of_references();
    }
    std::uint64_t before = 0;
    const ErrorHandle error(wasmtime_table_grow(context(), &table, by, &*fill, &before));
    wasmtime_val_unroot(&*fill);
    if (error) {
        return std::unexpected(Thrown(instance_.growth_failure(*error)));
    }
    return JsValue(static_cast<double>(before));
}

JsValue BindgenHost::table_value(const wasmtime_table_t& table) {
    const auto object = world_.object();
    const auto add = [&](std::string_view name, std::uint32_t length, TableMethod::Which which) {
        object->put(world_.key(name),
                    JsValue(world_.function(name, length,
                                            std::make_unique<TableMethod>(*this, table, which))));
    };
    add("get", 1, TableMethod::Which::kGet);
    add("set", 2, TableMethod::Which::kSet);
    add("grow", 1, TableMethod::Which::kGrow);
    return JsValue(object);
}

}  // namespace realm::sandbox
