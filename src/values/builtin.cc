#include "values/builtin.h"

#include "values/builtin_specs.h"

namespace realm::values {

const BuiltinSpec& spec_of(Builtin builtin) {
    switch (builtin) {
        case Builtin::kObject:
            return kObjectSpec;
        case Builtin::kFunction:
            return kFunctionSpec;
        case Builtin::kArray:
            return kArraySpec;
        case Builtin::kString:
            return kStringSpec;
        case Builtin::kNumber:
            return kNumberSpec;
        case Builtin::kBoolean:
            return kBooleanSpec;
        case Builtin::kSymbol:
            return kSymbolSpec;
        case Builtin::kBigInt:
            return kBigIntSpec;
        case Builtin::kError:
        case Builtin::kTypeError:
        case Builtin::kRangeError:
        case Builtin::kSyntaxError:
        case Builtin::kReferenceError:
        case Builtin::kEvalError:
        case Builtin::kUriError:
        case Builtin::kAggregateError:
            return error_spec(builtin);
        case Builtin::kDomException:
            return kDomExceptionSpec;
        case Builtin::kMap:
            return kMapSpec;
        case Builtin::kSet:
            return kSetSpec;
        case Builtin::kWeakMap:
            return kWeakMapSpec;
        case Builtin::kWeakSet:
            return kWeakSetSpec;
        case Builtin::kWeakRef:
            return kWeakRefSpec;
        case Builtin::kDate:
            return kDateSpec;
        case Builtin::kPromise:
            return kPromiseSpec;
        case Builtin::kRegExp:
            return kRegExpSpec;
        case Builtin::kArrayBuffer:
            return kArrayBufferSpec;
        case Builtin::kDataView:
            return kDataViewSpec;
        case Builtin::kTypedArray:
            return kTypedArraySpec;
        case Builtin::kTextEncoder:
            return kTextEncoderSpec;
        case Builtin::kTextDecoder:
            return kTextDecoderSpec;
        case Builtin::kIterator:
            return kIteratorSpec;
        case Builtin::kArrayIterator:
            return kArrayIteratorSpec;
        case Builtin::kMapIterator:
            return kMapIteratorSpec;
        case Builtin::kSetIterator:
            return kSetIteratorSpec;
        case Builtin::kStringIterator:
            return kStringIteratorSpec;
        case Builtin::kTimeout:
            return kTimeoutSpec;
        case Builtin::kMemory:
            return kMemorySpec;
        case Builtin::kMath:
            return kMathSpec;
        case Builtin::kJson:
            return kJsonSpec;
        case Builtin::kReflect:
            return kReflectSpec;
        case Builtin::kConsole:
            return kConsoleSpec;
        case Builtin::kPerformance:
            return kPerformanceSpec;
        case Builtin::kCrypto:
            return kCryptoSpec;
        case Builtin::kGlobal:
        case Builtin::kCount:
            return kGlobalSpec;
        default:
            return typed_array_spec(builtin);
    }
}

std::unexpected<Thrown> requires_new(World& world, std::string_view name) {
    return world.type_error("Constructor " + std::string(name) + " requires 'new'");
}

std::unexpected<Thrown> bad_receiver(World& world, std::string_view method, const Value& self) {
    return world.type_error("Method " + std::string(method) + " called on incompatible receiver " +
                            (self.is_string() ? self.string().utf8() : describe(world, self)));
}

Completion<void> require_callable(World& world, const Value& value) {
    if (is_callable(value)) {
        return {};
    }
    return world.type_error(describe(world, value) + " is not a function");
}

Eventual<double> integer_or(World& world, Value value, double otherwise) {
    if (value.is_undefined()) {
        return otherwise;
    }
    return to_integer(world, value);
}

}  // namespace realm::values
