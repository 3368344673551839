// The head of a request and a body in chunks, whole and in pieces. The first byte is their size.

#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <string>

#include "net/chunk_decoder.h"
#include "net/request_head.h"

namespace {

using realm::fuzz::require;
using realm::net::ChunkState;
using realm::net::HeadState;

// Small, so that small inputs reach them.
constexpr std::size_t kMaxBody = 64;
constexpr std::size_t kMaxLine = 48;

realm::net::HeadScan scan_in_pieces(std::string_view bytes, std::size_t piece) {
    realm::net::HeadScan scan;
    std::size_t seen = 0;
    while (scan.state == HeadState::kMore && seen < bytes.size()) {
        const std::size_t there = std::min(bytes.size(), seen + piece);
        scan = realm::net::scan_head(bytes.substr(0, there), seen);
        seen = there;
    }
    return scan;
}

struct Decoded {
    ChunkState state = ChunkState::kMore;
    std::string body;
    std::size_t rest = 0;
};

Decoded decode(std::string_view bytes, std::size_t piece) {
    realm::net::ChunkDecoder decoder(kMaxBody, kMaxLine);
    Decoded decoded;
    while (decoded.state == ChunkState::kMore && !bytes.empty()) {
        std::string_view input = bytes.substr(0, piece);
        const std::size_t given = input.size();
        decoded.state = decoder.feed(input, decoded.body);
        bytes.remove_prefix(given - input.size());
        require(decoded.state != ChunkState::kMore || input.empty(), "more means all was taken");
    }
    decoded.rest = bytes.size();
    require(decoded.body.size() <= kMaxBody, "a body has its limit");
    return decoded;
}

void read_body(std::string_view bytes, std::size_t piece) {
    const Decoded whole = decode(bytes, bytes.size());
    const Decoded pieces = decode(bytes, piece);
    require(whole.state == pieces.state, "pieces end as the whole");
    if (whole.state == ChunkState::kDone) {
        require(whole.body == pieces.body && whole.rest == pieces.rest, "pieces say the same");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::size_t piece = 1 + data[0] % 16;
    std::string_view bytes = realm::fuzz::text_of(data + 1, size - 1);
    read_body(bytes, piece);
    const auto whole = realm::net::scan_head(bytes, 0);
    const auto pieces = scan_in_pieces(bytes, piece);
    require(whole.state == pieces.state, "a head ends in pieces as in one");
    if (whole.state != HeadState::kComplete) {
        return 0;
    }
    require(whole.size == pieces.size && whole.size <= bytes.size(), "and in the same place");
    const auto head = realm::net::parse_head(bytes.substr(0, whole.size));
    if (!head) {
        const int status = head.error().status;
        require(status == 400 || status == 417 || status == 501 || status == 505, "a refusal");
    } else if (head->body == realm::net::BodyKind::kChunked) {
        bytes.remove_prefix(whole.size);
        read_body(bytes, piece);
    }
    return 0;
}
