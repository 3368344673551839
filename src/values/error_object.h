// Errors as JavaScript has them.
#pragma once

#include <string>
#include <string_view>

#include "values/world.h"

namespace realm::values {

class ErrorObject final : public Object {
public:
    using Object::Object;
    [[nodiscard]] std::string_view class_name() const override { return "Error"; }
};

// With message and stack.
Ref<ErrorObject> make_error(World& world, Builtin error, std::string_view message);
// The text an uncaught error's report has for people: the message of an error, else the value as
// String() writes it where that needs no program's code.
std::string message_of(World& world, const Value& thrown);
// Whether it is an Error or of a class derived from it.
bool is_error(const Value& value);

}  // namespace realm::values
