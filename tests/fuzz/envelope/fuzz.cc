// Envelopes and errors as clients and programs write them.

#include "tests/fuzz/fuzz.h"

#include "envelope/envelope.h"

namespace {

using realm::fuzz::require;

void read_envelope(std::string_view text) {
    const auto read = realm::envelope::parse(text);
    if (!read) {
        require(read.error().type == realm::ErrorType::kInvalidRequest, "the client is told");
        return;
    }
    const std::string written = realm::envelope::dump(to_json(*read));
    const auto again = realm::envelope::parse(written);
    require(again.has_value(), "what was written is read");
    require(realm::envelope::dump(to_json(*again)) == written, "it says the same");
}

void read_error(std::string_view text) {
    const auto json = realm::envelope::parse_json(text);
    if (!json) {
        return;
    }
    const auto error = realm::envelope::error_from_json(*json);
    if (error) {
        const auto again = realm::envelope::error_from_json(realm::envelope::to_json(*error));
        require(again == error, "an error is read as it was written");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_envelope(realm::fuzz::text_of(data, size));
    read_error(realm::fuzz::text_of(data, size));
    return 0;
}
