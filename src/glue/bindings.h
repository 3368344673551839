// How a module made with wasm-bindgen talks with its host: what the generated JavaScript beside it
// says, as data. Travels in the module as JSON, in the custom section "realm.bindgen".
//
// Every import, export and closure is a function of Bindings::functions whose body (glue/node.h)
// is all that has to be carried out: the conversions are in it, as the version of wasm-bindgen that
// made the module wants them. What else is said of an export (types, fallible, ...) describes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "glue/node.h"

namespace realm::glue {

inline constexpr std::string_view kBindingsSection = "realm.bindgen";
inline constexpr std::uint32_t kBindingsFormat = 1;
inline constexpr std::size_t kMaxBindingsBytes = std::size_t{16} << 20;
inline constexpr std::uint32_t kMaxSlots = 1000;           // of a function
inline constexpr std::uint32_t kMaxSlabReserved = 65'536;  // versions so far: 32, 128, 1024

enum class ReturnMode : std::uint8_t {
    kReturnArea,  // several words go through memory below the shadow stack pointer
    kMultiValue,
};

enum class HandleMode : std::uint8_t {
    kNone,   // no value of the host ever crosses
    kSlab,   // i32 handles of a slab that the host keeps
    kTable,  // externref, and indices into the module's own table of them
};

// Exports of the module that the adapter itself uses; empty where it has none.
struct Helpers {
    std::string malloc{};          // (size) or (size, alignment)
    std::string realloc{};         // (pointer, old, new) or with alignment
    std::string free{};            // (pointer, size) or with alignment
    std::string stack_pointer{};   // moves the shadow stack and gives where it then is
    std::string exn_store{};       // takes the handle of what a `catch` import threw
    std::string table{};           // of externrefs
    std::string table_alloc{};     // gives a free index of it
    std::string table_dealloc{};   // takes one
    std::string drop_slice{};      // (pointer, count): lets the handles in memory go
    std::string start{};           // to be called once, after instantiation
    std::string function_table{};  // of funcrefs, for destructors that are known by index

    friend bool operator==(const Helpers&, const Helpers&) = default;
};

// The slots of a call: what was captured, then the parameters, then its own variables, which are
// undefined at first.
struct Function {
    std::string name{};  // for error messages
    std::uint32_t captures = 0;
    std::uint32_t parameters = 0;
    bool rest = false;        // the last parameter is an array of all further arguments
    std::uint32_t slots = 0;  // all together
    Node body{};              // a statement; without a kReturn the call gives undefined
    friend bool operator==(const Function&, const Function&) = default;
};

// A variable of the glue itself, of one instance.
struct Variable {
    std::string name{};
    std::optional<std::uint32_t> function{};  // gives its value, when it is first used
    friend bool operator==(const Variable&, const Variable&) = default;
};

enum class ClosureKind : std::uint8_t {
    kShared,     // may be entered again while it runs
    kExclusive,  // `a` is zero while it runs: a call of it from within is the module's error
};

// A closure of the module: a pair (a, b), which the host wraps in a function value. Its reference
// count starts at one; a call counts while it runs. Whoever lets the last one go destroys it.
struct Closure {
    ClosureKind kind = ClosureKind::kExclusive;
    std::uint32_t function = 0;                    // called with a, b and the arguments
    std::string destroy{};                         // export (a, b); or, where it is empty,
    std::optional<std::uint32_t> destroy_index{};  // of Helpers::function_table; or neither
    friend bool operator==(const Closure&, const Closure&) = default;
};

struct Import {
    std::string module{};  // empty: any; names are unique in the glue
    std::string name{};
    std::uint32_t function = 0;
    bool catches = false;       // what it throws goes to exn_store, and it gives undefined (zero)
    std::string unsupported{};  // not empty: it traps with this reason, and `function` says nothing
    bool certain = true;        // false: guessed from its name, there was no glue
    friend bool operator==(const Import&, const Import&) = default;
};

// What a value of an export is, for people and for those that want to check. Not needed to call it.
enum class Kind : std::uint8_t {
    kUnknown,
    kNothing,
    kBool,
    kI8,
    kU8,
    kI16,
    kU16,
    kI32,
    kU32,
    kI64,
    kU64,
    kI128,
    kU128,
    kF32,
    kF64,
    kChar,
    kString,
    kSlice,    // of `element`
    kHandles,  // a Vec of strings, objects or any values
    kValue,    // any value of the host
    kObject,   // of the class `class_name`
    kEnum,     // by name: one of a list of strings
};

struct Type {
    Kind kind = Kind::kUnknown;
    Element element = Element::kU8;
    std::string class_name{};
    bool optional = false;   // undefined or null will do
    bool written = false;    // a slice whose elements the module changes
    bool consumed = false;   // an object that is gone afterwards
    std::string declared{};  // the type in the .d.ts, where there is one
    friend bool operator==(const Type&, const Type&) = default;
};

struct Parameter {
    std::string name{};
    Type type{};
    friend bool operator==(const Parameter&, const Parameter&) = default;
};

enum class ExportKind : std::uint8_t {
    kFunction,
    kConstructor,  // called with a new object as `this`, of a derived class with undefined until
                   // kSuper; what it returns counts if it is an object, as in JavaScript
    kMethod,
    kStaticMethod,
    kGetter,
    kSetter,
    kStaticGetter,
    kStaticSetter,
};

struct Export {
    std::string name{};        // in JavaScript; that of a constructor is its class's
    std::string class_name{};  // Class::name; empty for functions
    ExportKind kind = ExportKind::kFunction;
    std::uint32_t function = 0;
    std::string wasm_export{};  // what it calls, where that is one
    std::vector<Parameter> parameters{};
    Type result{};
    bool fallible = false;
    std::string unsupported{};  // as of imports
    bool certain = true;
    friend bool operator==(const Export&, const Export&) = default;
};

// Objects hold their pointer as an ordinary property, "__wbg_ptr" or "ptr": bodies get and set it.
// `free` is an export as other methods are. So are the generated ones that bodies call on objects
// (__destroy_into_raw, ...): names that begin with "__" are the glue's own.
struct Class {
    std::string name{};            // in the glue
    std::string exported{};        // how the package exports it; empty: it does not
    std::string parent{};          // Class::name
    std::string builtin_parent{};  // or the name of one of JavaScript's own
    std::string pointer{};         // the property
    std::string free{};            // the wasm export; may be empty
    friend bool operator==(const Class&, const Class&) = default;
};

struct Source {
    std::string package{};
    std::string package_version{};
    std::string module{};        // paths within the package
    std::string glue{};          // empty: there was none
    std::string wasm_bindgen{};  // version, where the module's producers say it
    friend bool operator==(const Source&, const Source&) = default;
};

struct Bindings {
    Source source{};
    ReturnMode returns = ReturnMode::kReturnArea;
    HandleMode handles = HandleMode::kNone;
    // Slab: the handle of undefined; null, true, false follow, then the heap. Below it the borrow
    // stack grows downwards.
    std::uint32_t slab_reserved = 0;
    Helpers helpers{};
    std::map<std::string, nlohmann::json> constants{};  // enums: of numbers or lists of strings
    // Constants that the package exports: name in JavaScript -> name in `constants`.
    std::map<std::string, std::string> exported_constants{};
    std::vector<Function> functions{};
    std::vector<Variable> variables{};
    std::vector<Closure> closures{};
    std::vector<Class> classes{};
    std::vector<Import> imports{};
    std::vector<Export> exports{};
    std::vector<std::string> notes{};  // what is uncertain, for people
    friend bool operator==(const Bindings&, const Bindings&) = default;

    [[nodiscard]] const Import* find_import(std::string_view name) const;
    [[nodiscard]] const Class* find_class(std::string_view name) const;
};

nlohmann::json to_json(const Bindings& bindings);

// Reads what to_json wrote, or a stranger: whatever refers to a function, slot, class, closure or
// constant refers to one that is there. invalid_request/invalid_bindings names the place.
Result<Bindings> read_bindings(const nlohmann::json& json);
// The same from text of at most kMaxBindingsBytes.
Result<Bindings> parse_bindings(std::string_view text);
// The same bindings always give the same text.
std::string bindings_text(const Bindings& bindings);

std::string_view name_of(Kind kind);
std::string_view name_of(ExportKind kind);

}  // namespace realm::glue
