#include "values/error_object.h"

#include <string>

#include "values/operations.h"

namespace realm::values {

Ref<ErrorObject> make_error(World& world, Builtin error, std::string_view message) {
    auto made = world.heap().make<ErrorObject>(world.prototype_ref(error));
    const std::string head =
        std::string(spec_of(error).name) + (message.empty() ? "" : ": " + std::string(message));
    made->put(world.names().stack, world.string(head + "\n    at <anonymous>"), kHidden);
    made->put(world.names().message, world.string(message), kHidden);
    return made;
}

std::string message_of(World& world, const Value& thrown) {
    if (thrown.is_object()) {
        const Value message = peek(world, thrown.object(), world.names().message);
        if (message.is_string()) {
            return message.string().utf8();
        }
        return describe(world, thrown);
    }
    return thrown.is_symbol() ? describe(world, thrown)
                              : primitive_to_string(world, thrown)->utf8();
}

bool is_error(const Value& value) {
    return value.as<ErrorObject>() != nullptr;
}

}  // namespace realm::values
