// Reads a body that comes in chunks (RFC 9112, section 7.1). Internal to net.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace realm::net {

enum class ChunkState : std::uint8_t { kMore, kDone, kMalformed, kTooLarge };

// A value that lives for one body. Extensions and trailers are checked and thrown away.
class ChunkDecoder {
public:
    // `max_line` bounds a chunk's size line with its extensions, and all trailers together.
    ChunkDecoder(std::size_t max_body, std::size_t max_line)
        : max_body_(max_body), max_line_(max_line) {}

    // Takes what it can off the front of `input` and appends the data to `body`. Call it again
    // with more input while it says kMore; after kDone the rest of `input` is the next request's.
    ChunkState feed(std::string_view& input, std::string& body);

private:
    enum class Expect : std::uint8_t { kSize, kData, kDataEnd, kTrailer };

    ChunkState take_line(std::string_view& input);
    ChunkState read_size();
    ChunkState take_data(std::string_view& input, std::string& body);
    ChunkState use_line();

    std::size_t max_body_;
    std::size_t max_line_;
    Expect expect_ = Expect::kSize;
    std::string line_;
    std::size_t trailer_bytes_ = 0;
    std::size_t received_ = 0;  // bytes of data announced so far
    std::size_t left_ = 0;      // bytes that the current chunk still lacks
};

}  // namespace realm::net
