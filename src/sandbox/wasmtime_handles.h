// Owners of the objects of Wasmtime's C API. Internal to this folder.
#pragma once

#include <wasmtime.h>
#include <wasmtime/async.h>

#include <memory>
#include <string>
#include <string_view>

namespace realm::sandbox {

template <auto kDelete>
struct WasmtimeDeleter {
    template <class T>
    void operator()(T* object) const {
        kDelete(object);
    }
};

template <class T, auto kDelete>
using WasmtimeHandle = std::unique_ptr<T, WasmtimeDeleter<kDelete>>;

using EngineHandle = WasmtimeHandle<wasm_engine_t, wasm_engine_delete>;
using LinkerHandle = WasmtimeHandle<wasmtime_linker_t, wasmtime_linker_delete>;
using ModuleHandle = WasmtimeHandle<wasmtime_module_t, wasmtime_module_delete>;
using InstancePreHandle = WasmtimeHandle<wasmtime_instance_pre_t, wasmtime_instance_pre_delete>;
using StoreHandle = WasmtimeHandle<wasmtime_store_t, wasmtime_store_delete>;
using FutureHandle = WasmtimeHandle<wasmtime_call_future_t, wasmtime_call_future_delete>;
using TrapHandle = WasmtimeHandle<wasm_trap_t, wasm_trap_delete>;
using ErrorHandle = WasmtimeHandle<wasmtime_error_t, wasmtime_error_delete>;
using FunctionTypeHandle = WasmtimeHandle<wasm_functype_t, wasm_functype_delete>;

// A wasm_xxx_vec_t that the API filled for us.
template <class Vector, auto kDelete>
struct OwnedVector {
    OwnedVector() = default;
    OwnedVector(const OwnedVector&) = delete;
    OwnedVector& operator=(const OwnedVector&) = delete;
    ~OwnedVector() { kDelete(&value); }

    Vector value{};
};

using OwnedBytes = OwnedVector<wasm_byte_vec_t, wasm_byte_vec_delete>;
using OwnedFrames = OwnedVector<wasm_frame_vec_t, wasm_frame_vec_delete>;
using OwnedImports = OwnedVector<wasm_importtype_vec_t, wasm_importtype_vec_delete>;

inline std::string_view text_of(const wasm_byte_vec_t& bytes) {
    return {bytes.data, bytes.size};
}

// All that Wasmtime says about a failure: its chain of causes, several lines.
inline std::string message_of(const wasmtime_error_t& error) {
    OwnedBytes message;
    wasmtime_error_message(&error, &message.value);
    return std::string(text_of(message.value));
}

inline wasm_trap_t* new_trap(std::string_view message) {
    return wasmtime_trap_new(message.data(), message.size());
}

}  // namespace realm::sandbox
