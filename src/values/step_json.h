// Values as the lines of `realm call --steps` have them. Described in docs by the form itself:
// {"$undefined":true}, {"$bigint":"1"}, {"$bytes":base64}, {"$map":[[k,v],...]}, {"$set":[...]},
// {"$number":"NaN"}, {"$function":true}, {"$symbol":description}, {"$error":message},
// {"$date":ISO}, {"$cycle":true}; everything else is JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "values/world.h"

namespace realm::values {

// What only the embedder knows about steps.
class StepNames {
public:
    StepNames() = default;
    StepNames(const StepNames&) = delete;
    StepNames& operator=(const StepNames&) = delete;
    virtual ~StepNames() = default;

    // JSON that stands for this object, such as {"$ref":"a.0"}: `path` is where it lies within the
    // result ("" for the result itself, ".0", ".key.1"). Nothing for what is printed by its
    // content.
    virtual std::optional<std::string> print(Object& object, std::string_view path) = 0;
    // What {"$ref": name} stands for; nothing for a name that was not given.
    virtual std::optional<Value> find(std::string_view name) = 0;
    // The function that {"$callback": name, "returns": value} stands for.
    virtual Value callback(std::string_view name, const Value& returns) = 0;
};

// Compact JSON in UTF-8. Getters run.
Eventual<Value> print_step(World& world, Value value, StepNames& names);
// The value that an argument's JSON stands for; invalid_request/bad_step as a fault where it is no
// such thing.
Completion<Value> read_step(World& world, std::string_view json, StepNames& names);

}  // namespace realm::values
