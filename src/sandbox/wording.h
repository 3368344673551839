// Small pieces of this folder's error messages. Internal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sandbox/host_function.h"

namespace realm::sandbox {

// As realm::fail, for where an Error itself is wanted.
Error make_error(ErrorType type, std::string_view code, std::string message);

// A name that a module chose, made fit for a message: cut to 100 bytes, no control characters.
std::string shown(std::string_view name);

// (i32, i64)
std::string shown(const std::vector<ValueType>& types);

// (i32, i64) -> i32
std::string shown(const Signature& signature);

}  // namespace realm::sandbox
