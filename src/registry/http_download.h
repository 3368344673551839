// Downloads one file over HTTP, so that an interrupted try can go on where it ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace realm::registry {

struct DownloadRequest {
    std::string url;           // http or https
    std::string bearer_token;  // sent to the URL's own host only, never after a redirect elsewhere
    // Where the bytes go. Beside it lies "<part>.json": of which URL and version they are.
    std::filesystem::path part;
    std::chrono::milliseconds connect_timeout{20'000};
    std::chrono::milliseconds stall_timeout{30'000};  // longest silence; seen within a second
    std::stop_token stop;
    // Looks at the first `inspect_bytes` of the content (fewer where it is shorter); an error
    // ends the download and removes the part.
    std::size_t inspect_bytes = 0;
    std::function<Result<void>(std::span<const std::byte>)> inspect;
    // Bytes in the part, the whole size if known, and how many an earlier try had left.
    std::function<void(std::uint64_t done, std::optional<std::uint64_t> total,
                       std::uint64_t resumed_from)>
        progress;
};

// Returns the bytes in the part, which is then complete as far as the server said. It goes on with
// a part of an earlier try only while URL, ETag and size are the same, else it starts again; so it
// does with a server that knows no ranges. After download_truncated, download_stalled,
// download_failed, disk_full and cancelled the part stays for the next try. HTTP statuses become
// not_found, unauthenticated, permission_denied, unavailable (code "http_<status>").
// Blocks; no two callers may use one part at the same time.
Result<std::uint64_t> download_file(const DownloadRequest& request);

// Removes a part and what lies beside it.
void remove_part(const std::filesystem::path& part);

}  // namespace realm::registry
