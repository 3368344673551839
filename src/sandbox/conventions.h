// How values cross the border of a module that was not written for Realm: a description of its
// exports, given with the module or found from names and signatures.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sandbox/module_info.h"

namespace realm::sandbox {

// What a parameter or result is. The words are those of wasm-bindgen's ABI: a string or bytes are
// (pointer, length), an object of a class is a pointer, a handle names a value of the host.
enum class Passing : std::uint8_t {
    kNothing,
    kBool,
    kI32,
    kU32,
    kI64,
    kU64,
    kF32,
    kF64,
    kString,
    kBytes,
    kCString,  // one pointer to text that ends with a zero byte
    kHandle,
    kObject,
};

struct PassedType {
    Passing passing = Passing::kNothing;
    std::string class_name;  // of kObject
    friend bool operator==(const PassedType&, const PassedType&) = default;
};

struct ExportConvention {
    std::vector<PassedType> parameters;  // without `this`
    PassedType result;
    bool fallible = false;  // Result<...>: two more words, the error's handle and whether it is one
    friend bool operator==(const ExportConvention&, const ExportConvention&) = default;
};

struct ClassConvention {
    std::string constructor;                     // the export behind `new`
    std::string free;                            // the export behind `free`; may be empty
    std::map<std::string, std::string> methods;  // name -> export
    std::map<std::string, std::string> getters;
    std::map<std::string, std::string> setters;
    friend bool operator==(const ClassConvention&, const ClassConvention&) = default;
};

struct Conventions {
    std::map<std::string, ExportConvention> exports;
    std::map<std::string, ClassConvention> classes;
    // Exports; empty where the module has none.
    std::string allocate;       // (size) or (size, alignment) -> pointer
    std::string release;        // (pointer), (pointer, size) or (pointer, size, alignment)
    std::string stack_pointer;  // moves the shadow stack: results of several words go through it
    bool callee_frees = false;  // what is passed in belongs to the module, as in wasm-bindgen
    friend bool operator==(const Conventions&, const Conventions&) = default;
};

// What names and signatures tell: helpers by prefix, a class for each `__wbg_<class>_free`, its
// methods `<class>_<method>`, its fields `__wbg_get_<class>_<field>` and `__wbg_set_...`, its
// constructor `<class>_new`. Types stay unknown.
Conventions detect_conventions(const ModuleInfo& info);

// Adds what `json` says (an object; its form is in docs/programs.md) and replaces what was detected
// there. invalid_request/invalid_conventions names the path of what is wrong.
Result<Conventions> with_description(Conventions conventions, const nlohmann::json& json);

// For `realm program inspect`.
nlohmann::json to_json(const Conventions& conventions);

}  // namespace realm::sandbox
