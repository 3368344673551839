#include "values/builtin.h"

#include <array>

#include "values/builtin_specs.h"

namespace realm::values {

namespace {

// In the order of Builtin; null for errors and typed arrays, which have tables of their own.
constexpr std::array<const BuiltinSpec*, static_cast<std::size_t>(Builtin::kCount)> kSpecs{
    &kObjectSpec,
    &kFunctionSpec,
    &kArraySpec,
    &kStringSpec,
    &kNumberSpec,
    &kBooleanSpec,
    &kSymbolSpec,
    &kBigIntSpec,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    &kDomExceptionSpec,
    &kMapSpec,
    &kSetSpec,
    &kWeakMapSpec,
    &kWeakSetSpec,
    &kWeakRefSpec,
    &kDateSpec,
    &kPromiseSpec,
    &kRegExpSpec,
    &kArrayBufferSpec,
    &kDataViewSpec,
    &kTypedArraySpec,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    &kTextEncoderSpec,
    &kTextDecoderSpec,
    &kIteratorSpec,
    &kArrayIteratorSpec,
    &kMapIteratorSpec,
    &kSetIteratorSpec,
    &kStringIteratorSpec,
    &kTimeoutSpec,
    &kMemorySpec,
    &kMathSpec,
    &kJsonSpec,
    &kReflectSpec,
    &kConsoleSpec,
    &kPerformanceSpec,
    &kCryptoSpec,
    &kGlobalSpec,
};
static_assert(kSpecs.back() == &kGlobalSpec, "one for each Builtin");

}  // namespace

const BuiltinSpec& spec_of(Builtin builtin) {
    if (const BuiltinSpec* const spec = kSpecs.at(static_cast<std::size_t>(builtin))) {
        return *spec;
    }
    return builtin < Builtin::kDomException ? error_spec(builtin) : typed_array_spec(builtin);
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

Eventual<double> integer_or(World& world, const Value& value, double otherwise) {
    if (value.is_undefined()) {
        return otherwise;
    }
    return to_integer(world, value);
}

}  // namespace realm::values
