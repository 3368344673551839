// Finds stop strings in text that arrives in pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace realm::inference {

// Owned by one generation; one thread. The result does not depend on how the text is cut: the stop
// string that ends first decides, the longest of those that end there. Text that may be the
// beginning of a stop string is held back until it is clear.
class StopMatcher {
public:
    // `stops`: none of them empty, each well-formed UTF-8, as is the text.
    explicit StopMatcher(std::vector<std::string> stops);

    struct Piece {
        std::string text;      // free to go out
        bool stopped = false;  // a stop string followed `text`; nothing more may be pushed
    };
    Piece push(std::string_view text);

    // What is held back, when the text ends without a stop string.
    std::string finish();

private:
    std::vector<std::string> stops_;
    std::string held_;
};

}  // namespace realm::inference
