// The classes and namespaces that JavaScript has by itself.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "values/function.h"

namespace realm::values {

// Internal to this folder but for the names. A class has a prototype and a constructor, a namespace
// (Math) its one object, which counts as prototype.
enum class Builtin : std::uint8_t {
    kObject,
    kFunction,
    kArray,
    kString,
    kNumber,
    kBoolean,
    kSymbol,
    kBigInt,
    kError,
    kTypeError,
    kRangeError,
    kSyntaxError,
    kReferenceError,
    kEvalError,
    kUriError,
    kAggregateError,
    kDomException,
    kMap,
    kSet,
    kWeakMap,
    kWeakSet,
    kWeakRef,
    kDate,
    kPromise,
    kRegExp,
    kArrayBuffer,
    kDataView,
    kTypedArray,
    kInt8Array,  // in the order of ElementType
    kUint8Array,
    kUint8ClampedArray,
    kInt16Array,
    kUint16Array,
    kInt32Array,
    kUint32Array,
    kFloat32Array,
    kFloat64Array,
    kBigInt64Array,
    kBigUint64Array,
    kTextEncoder,
    kTextDecoder,
    kIterator,
    kArrayIterator,
    kMapIterator,
    kSetIterator,
    kStringIterator,
    kTimeout,
    kMemory,  // WebAssembly.Memory
    kMath,
    kJson,
    kReflect,
    kConsole,
    kPerformance,
    kCrypto,
    kGlobal,
    kCount,
};

struct MethodSpec {
    std::string_view name;  // "@@iterator" is Symbol.iterator
    Native native;
    std::uint8_t length = 0;
};

struct BuiltinSpec {
    std::string_view name;
    Native construct = nullptr;  // null for namespaces and for classes that only we make
    std::uint8_t length = 0;
    Builtin parent = Builtin::kObject;
    std::span<const MethodSpec> methods = {};
    std::span<const MethodSpec> getters = {};
    std::span<const MethodSpec> statics = {};
    void (*more)(World& world, Object& prototype) = nullptr;
    void (*more_statics)(World& world, Object& constructor) = nullptr;
    bool tagged = false;  // Symbol.toStringTag is the name
};

// Each in the file of its class.
const BuiltinSpec& spec_of(Builtin builtin);

}  // namespace realm::values
