// Makes whole UTF-8 out of the bytes of tokens: a token may end inside a character.
#pragma once

#include <string>
#include <string_view>

namespace realm::inference {

// Owned by one generation; one thread. Bytes that can never become UTF-8 turn into U+FFFD, one for
// each longest prefix of a character, as web browsers do it.
class Utf8Holdback {
public:
    // What is whole of the bytes so far; the beginning of a character is kept for the next call.
    std::string push(std::string_view bytes);

    // What is kept: U+FFFD when a character was left unfinished, else nothing.
    std::string finish();

private:
    std::string held_;  // the first 1..3 bytes of a character that may still become whole
};

}  // namespace realm::inference
