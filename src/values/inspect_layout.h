// How util.inspect puts the entries of an object on lines. Internal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace realm::values {

struct Shown {
    std::string open = "{";
    std::string close = "}";
    std::vector<std::string> entries;
    bool is_list = false;     // of elements, of which many share a line
    bool has_rest = false;    // the last entry counts what is left out
    bool all_numbers = true;  // numbers stand to the right of their columns
};

// `indent` is that of the object, `levels` how many levels of objects lie within.
std::string lay_out(Shown shown, std::size_t indent, std::size_t levels);

}  // namespace realm::values
