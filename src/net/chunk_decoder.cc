#include "net/chunk_decoder.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace realm::net {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr int kHexadecimal = 16;

bool is_control(char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code < 0x20 && c != '\t') || code == 0x7f;
}

}  // namespace

ChunkState ChunkDecoder::feed(std::string_view& input, std::string& body) {
    while (!input.empty()) {
        if (expect_ == Expect::kData) {
            take_data(input, body);
            continue;
        }
        ChunkState state = take_line(input);
        if (state == ChunkState::kDone) {  // a whole line
            state = use_line();
            line_.clear();
        }
        if (state != ChunkState::kMore) {
            return state;
        }
    }
    return ChunkState::kMore;
}

ChunkState ChunkDecoder::take_data(std::string_view& input, std::string& body) {
    const std::size_t count = std::min(left_, input.size());
    body.append(input.substr(0, count));
    input.remove_prefix(count);
    left_ -= count;
    if (left_ == 0) {
        expect_ = Expect::kDataEnd;
    }
    return ChunkState::kMore;
}

// kDone: line_ holds a line, its end cut off.
ChunkState ChunkDecoder::take_line(std::string_view& input) {
    const std::size_t end = input.find('\n');
    const std::size_t count = end == std::string_view::npos ? input.size() : end + 1;
    if (line_.size() + count > max_line_ - std::min(max_line_, trailer_bytes_)) {
        return ChunkState::kMalformed;
    }
    line_.append(input.substr(0, count));
    input.remove_prefix(count);
    if (end == std::string_view::npos) {
        return ChunkState::kMore;
    }
    if (!line_.ends_with(kLineEnd)) {
        return ChunkState::kMalformed;
    }
    if (expect_ == Expect::kTrailer) {
        trailer_bytes_ += line_.size();
    }
    line_.resize(line_.size() - kLineEnd.size());
    return std::ranges::any_of(line_, is_control) ? ChunkState::kMalformed : ChunkState::kDone;
}

ChunkState ChunkDecoder::use_line() {
    if (expect_ == Expect::kSize) {
        return read_size();
    }
    if (expect_ == Expect::kDataEnd) {
        expect_ = Expect::kSize;
        return line_.empty() ? ChunkState::kMore : ChunkState::kMalformed;
    }
    return line_.empty() ? ChunkState::kDone : ChunkState::kMore;
}

ChunkState ChunkDecoder::read_size() {
    std::size_t size = 0;
    const char* const end = line_.data() + line_.size();
    const auto read = std::from_chars(line_.data(), end, size, kHexadecimal);
    if (read.ec == std::errc::result_out_of_range) {
        return ChunkState::kTooLarge;
    }
    std::string_view rest(read.ptr, end);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (read.ec != std::errc{} || (!rest.empty() && rest.front() != ';')) {
        return ChunkState::kMalformed;
    }
    if (size == 0) {
        expect_ = Expect::kTrailer;
        return ChunkState::kMore;
    }
    if (size > max_body_ - received_) {
        return ChunkState::kTooLarge;
    }
    received_ += size;
    left_ = size;
    expect_ = Expect::kData;
    return ChunkState::kMore;
}

}  // namespace realm::net
