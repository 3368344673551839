// Reads .tgz files: gzip through zlib, tar by ourselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace realm::glue {

// Unpacks gzip; invalid_request/invalid_tarball where it is none or is cut off,
// package_too_large beyond `limit` bytes, of which no more are ever held.
Result<std::string> gunzip(std::string_view bytes, std::uint64_t limit);

// Calls `take` with the path and content of each regular file of a tar archive; names of pax and
// GNU headers count. invalid_request/invalid_tarball where a header or size is wrong.
Result<void> for_each_tar_entry(
    std::string_view tar,
    const std::function<Result<void>(std::string_view path, std::string_view content)>& take);

}  // namespace realm::glue
