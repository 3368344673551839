#include "registry/http_download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "registry/file_util.h"
#include "registry/model_source.h"
#include "registry/model_store.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::steady_clock;

constexpr long kMaxRedirects = 10;
constexpr std::uint64_t kMaxSidecarBytes = std::uint64_t{64} << 10;

struct CurlFree {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Which version of which file a part belongs to. The URL is kept as a hash: it may hold secrets.
struct Version {
    std::string url_sha256;
    std::string etag;                   // empty where the server gives none
    std::optional<std::uint64_t> size;  // of the whole file
};

fs::path sidecar_of(const fs::path& part) {
    fs::path sidecar = part;
    sidecar += ".json";
    return sidecar;
}

std::optional<Version> read_sidecar(const fs::path& part) {
    const auto text = read_file(sidecar_of(part), kMaxSidecarBytes);
    const json value = text ? json::parse(*text, nullptr, false) : json();
    if (!value.is_object() || !value.contains("url_sha256") || !value["url_sha256"].is_string() ||
        !value.contains("etag") || !value["etag"].is_string() || !value.contains("size")) {
        return std::nullopt;
    }
    Version version{.url_sha256 = value["url_sha256"], .etag = value["etag"], .size = {}};
    if (value["size"].is_number_unsigned()) {
        version.size = value["size"].get<std::uint64_t>();
    }
    return version;
}

Result<void> write_sidecar(const fs::path& part, const Version& version) {
    json value = {{"url_sha256", version.url_sha256}, {"etag", version.etag}, {"size", nullptr}};
    if (version.size) {
        value["size"] = *version.size;
    }
    return write_file_atomically(sidecar_of(part),
                                 value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                    : std::nullopt;
}

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? "" : text.substr(first, last - first + 1);
}

// What the headers of one response say; later responses of a redirect replace it.
struct ResponseHead {
    std::string etag;
    std::optional<std::uint64_t> length;
    std::optional<std::uint64_t> range_start;
    std::optional<std::uint64_t> range_total;

    void read_line(std::string_view line) {
        if (line.starts_with("HTTP/")) {
            *this = {};
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            return;
        }
        const std::string name = lower_case(line.substr(0, colon));
        const std::string_view value = trim(line.substr(colon + 1));
        if (name == "etag") {
            etag = value;
        } else if (name == "content-length") {
            length = parse_number(value);
        } else if (name == "content-range" && value.starts_with("bytes ")) {
            const std::string_view range = value.substr(6);
            range_start = parse_number(range.substr(0, range.find('-')));
            range_total = parse_number(range.substr(range.find('/') + 1));
        }
    }
};

enum class Attempt : std::uint8_t {
    kComplete,
    kStale,  // the part belongs to another version: start again
};

// One request and its answer. curl's C callbacks reach it through their user pointer.
class Transfer {
public:
    Transfer(const DownloadRequest& request, UniqueFd& file, Version version, std::uint64_t offset)
        : request_(request),
          file_(file),
          version_(std::move(version)),
          offset_(offset),
          done_(offset),
          curl_(curl_easy_init()) {}

    Result<Attempt> run();
    [[nodiscard]] std::uint64_t done() const { return done_; }

private:
    static std::size_t header_callback(const char* data, std::size_t one, std::size_t size,
                                       void* self);
    static std::size_t body_callback(const char* data, std::size_t one, std::size_t size,
                                     void* self);
    static int progress_callback(void* self, curl_off_t total, curl_off_t done, curl_off_t,
                                 curl_off_t);

    bool set_options();
    void begin_body();
    void start_again();
    void go_on();
    bool enough_space(std::uint64_t bytes);
    bool take(std::string_view data);
    bool inspect(std::string_view data);
    Result<Attempt> finish(CURLcode code);
    [[nodiscard]] Error transport_error(CURLcode code) const;
    [[nodiscard]] Error status_error(long status) const;
    [[nodiscard]] std::string progress_text() const;
    void fail_with(Error error) { error_ = std::move(error); }

    const DownloadRequest& request_;
    UniqueFd& file_;
    Version version_;
    std::uint64_t offset_;  // bytes of the part that this transfer goes on from
    std::uint64_t done_;
    std::unique_ptr<CURL, CurlFree> curl_;
    std::unique_ptr<curl_slist, CurlFree> headers_;
    std::array<char, CURL_ERROR_SIZE> curl_message_{};
    ResponseHead head_;
    bool body_begun_ = false;
    bool inspected_ = false;
    bool stale_ = false;
    bool stalled_ = false;
    std::string start_;  // first bytes, until they are inspected
    std::optional<Error> error_;
    curl_off_t last_seen_ = -1;
    steady_clock::time_point last_change_ = steady_clock::now();
};

std::size_t Transfer::header_callback(const char* data, std::size_t, std::size_t size, void* self) {
    static_cast<Transfer*>(self)->head_.read_line({data, size});
    return size;
}

std::size_t Transfer::body_callback(const char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    // No exception may cross curl's C frames.
    try {
        return transfer.take({data, size}) ? size : CURL_WRITEFUNC_ERROR;
    } catch (const std::exception& error) {
        transfer.fail_with(fail(ErrorType::kInternal, "download_failed", error.what()).error());
        return CURL_WRITEFUNC_ERROR;
    }
}

int Transfer::progress_callback(void* self, curl_off_t, curl_off_t done, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto now = steady_clock::now();
    if (done != transfer.last_seen_) {
        transfer.last_seen_ = done;
        transfer.last_change_ = now;
    }
    transfer.stalled_ = now - transfer.last_change_ >= transfer.request_.stall_timeout;
    return transfer.stalled_ || transfer.request_.stop.stop_requested() ? 1 : 0;
}

bool Transfer::set_options() {
    CURL* curl = curl_.get();
    const auto set = [curl](CURLoption option, auto value) {
        return curl_easy_setopt(curl, option, value) == CURLE_OK;
    };
    // curl itself keeps this header from other hosts, ports and schemes.
    if (!request_.bearer_token.empty()) {
        headers_.reset(curl_slist_append(
            nullptr, fmt::format("Authorization: Bearer {}", request_.bearer_token).c_str()));
    }
    const bool secure = lower_case(std::string_view(request_.url).substr(0, 8)) == "https://";
    const std::string range = fmt::format("{}-", offset_);
    return set(CURLOPT_URL, request_.url.c_str()) && set(CURLOPT_NOSIGNAL, 1L) &&
           set(CURLOPT_PROTOCOLS_STR, "http,https") &&
           // Who asked for https gets no plain http by a redirect.
           set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https") &&
           set(CURLOPT_FOLLOWLOCATION, 1L) && set(CURLOPT_MAXREDIRS, kMaxRedirects) &&
           set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count())) &&
           set(CURLOPT_USERAGENT, "realm") && set(CURLOPT_HTTPHEADER, headers_.get()) &&
           set(CURLOPT_RANGE, offset_ > 0 ? range.c_str() : nullptr) &&
           set(CURLOPT_ERRORBUFFER, curl_message_.data()) &&
           set(CURLOPT_HEADERFUNCTION, &Transfer::header_callback) &&
           set(CURLOPT_HEADERDATA, static_cast<void*>(this)) &&
           set(CURLOPT_WRITEFUNCTION, &Transfer::body_callback) &&
           set(CURLOPT_WRITEDATA, static_cast<void*>(this)) &&
           set(CURLOPT_XFERINFOFUNCTION, &Transfer::progress_callback) &&
           set(CURLOPT_XFERINFODATA, static_cast<void*>(this)) && set(CURLOPT_NOPROGRESS, 0L);
}

Result<Attempt> Transfer::run() {
    if (!curl_ || !set_options()) {
        return fail(ErrorType::kInternal, "download_failed", "libcurl could not be set up");
    }
    return finish(curl_easy_perform(curl_.get()));
}

void Transfer::begin_body() {
    body_begun_ = true;
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 206) {
        go_on();
    } else if (status == 416 && offset_ > 0) {
        stale_ = true;
    } else if (status == 200) {
        start_again();
    } else {
        fail_with(status_error(status));
    }
}

// A full answer: whatever the part held is void.
void Transfer::start_again() {
    offset_ = 0;
    done_ = 0;
    version_.etag = head_.etag;
    version_.size = head_.length;
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
        fail_with(file_error(errno, "write", request_.part));
        return;
    }
    if (version_.size && !enough_space(*version_.size)) {
        return;
    }
    if (auto written = write_sidecar(request_.part, version_); !written) {
        fail_with(std::move(written.error()));
    }
}

// The rest of the file, if it is of the same version as the part.
void Transfer::go_on() {
    const bool same = offset_ > 0 && head_.range_start == offset_ && head_.etag == version_.etag &&
                      (!version_.size || head_.range_total == version_.size);
    if (!same) {
        stale_ = true;
        return;
    }
    inspected_ = true;  // by the try that wrote the start
    if (version_.size) {
        enough_space(*version_.size - offset_);
    }
    if (request_.progress) {
        request_.progress(done_, version_.size, offset_);
    }
}

bool Transfer::enough_space(std::uint64_t bytes) {
    std::error_code error;
    const fs::space_info space = fs::space(request_.part.parent_path(), error);
    if (error || bytes <= space.available) {
        return true;
    }
    fail_with(
        fail(ErrorType::kUnavailable, "disk_full",
             fmt::format("not enough space in '{}': {:.1f} MB are needed, {:.1f} MB are free",
                         request_.part.parent_path().string(), static_cast<double>(bytes) / 1e6,
                         static_cast<double>(space.available) / 1e6))
            .error());
    return false;
}

bool Transfer::inspect(std::string_view data) {
    if (inspected_ || !request_.inspect) {
        return true;
    }
    start_ += data.substr(0, request_.inspect_bytes - start_.size());
    if (start_.size() < request_.inspect_bytes && !data.empty()) {
        return true;
    }
    inspected_ = true;
    if (auto good = request_.inspect(std::as_bytes(std::span(start_))); !good) {
        fail_with(std::move(good.error()));
        remove_part(request_.part);
        return false;
    }
    return true;
}

bool Transfer::take(std::string_view data) {
    if (!body_begun_) {
        begin_body();
    }
    if (error_ || stale_ || !inspect(data)) {
        return false;
    }
    while (!data.empty()) {
        const ssize_t count = ::write(file_.get(), data.data(), data.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            fail_with(file_error(errno, "write", request_.part));
            return false;
        }
        done_ += static_cast<std::uint64_t>(count);
        data.remove_prefix(static_cast<std::size_t>(count));
    }
    if (request_.progress) {
        request_.progress(done_, version_.size, offset_);
    }
    return true;
}

Result<Attempt> Transfer::finish(CURLcode code) {
    if (code == CURLE_OK && !body_begun_) {
        begin_body();  // an answer without content
    }
    if (stale_) {
        return Attempt::kStale;
    }
    if (!error_ && request_.stop.stop_requested()) {
        return fail(
            ErrorType::kCancelled, "cancelled",
            fmt::format("the download was stopped {}; pull again to go on", progress_text()));
    }
    if (!error_ && code != CURLE_OK) {
        return std::unexpected(transport_error(code));
    }
    if (!error_) {
        inspect({});  // shorter than what is inspected
    }
    if (error_) {
        return std::unexpected(*std::move(error_));
    }
    if (version_.size && done_ != *version_.size) {
        return std::unexpected(transport_error(CURLE_PARTIAL_FILE));
    }
    return Attempt::kComplete;
}

std::string Transfer::progress_text() const {
    return version_.size && body_begun_ ? fmt::format("after {} of {} bytes", done_, *version_.size)
                                        : fmt::format("after {} bytes", done_);
}

Error Transfer::transport_error(CURLcode code) const {
    const std::string url = display_url(request_.url);
    if (stalled_) {
        return fail(ErrorType::kUnavailable, "download_stalled",
                    fmt::format("'{}' sent nothing for {} s, {}; pull again to go on", url,
                                std::chrono::duration<double>(request_.stall_timeout).count(),
                                progress_text()))
            .error();
    }
    if (code == CURLE_PARTIAL_FILE || (body_begun_ && code != CURLE_TOO_MANY_REDIRECTS)) {
        return fail(ErrorType::kUnavailable, "download_truncated",
                    fmt::format("the connection to '{}' ended {}; pull again to go on", url,
                                progress_text()))
            .error();
    }
    if (code == CURLE_TOO_MANY_REDIRECTS) {
        return fail(ErrorType::kUnavailable, "download_failed",
                    fmt::format("'{}' redirects more than {} times", url, kMaxRedirects))
            .error();
    }
    const std::string_view detail =
        curl_message_.front() != '\0' ? curl_message_.data() : curl_easy_strerror(code);
    return fail(ErrorType::kUnavailable, "download_failed",
                fmt::format("cannot download '{}': {}", url, detail))
        .error();
}

Error Transfer::status_error(long status) const {
    const std::string url = display_url(request_.url);
    const std::string code = fmt::format("http_{}", status);
    switch (status) {
        case 401:
            return fail(
                       ErrorType::kUnauthenticated, code,
                       fmt::format("'{}' wants to know who asks (HTTP 401); a model hub says so of "
                                   "unknown names, too: check the spelling, or set HF_TOKEN to an "
                                   "access token",
                                   url))
                .error();
        case 403:
            return fail(ErrorType::kPermissionDenied, code,
                        fmt::format("'{}' refuses access (HTTP 403); for a model hub set HF_TOKEN "
                                    "to a token of an account that accepted the model's terms",
                                    url))
                .error();
        case 404:
        case 410:
            return fail(ErrorType::kNotFound, code,
                        fmt::format("there is no file at '{}' (HTTP {}); check the spelling", url,
                                    status))
                .error();
        default:
            return fail(ErrorType::kUnavailable, code,
                        fmt::format("'{}' answered with HTTP status {}", url, status))
                .error();
    }
}

std::uint64_t resume_offset(const std::optional<Version>& version, const std::string& url_sha256,
                            std::uint64_t bytes) {
    const bool usable = version && version->url_sha256 == url_sha256 &&
                        (!version->etag.empty() || version->size) &&
                        (!version->size || bytes <= *version->size);
    return usable ? bytes : 0;
}

}  // namespace

void remove_part(const fs::path& part) {
    std::error_code ignored;
    fs::remove(part, ignored);
    fs::remove(sidecar_of(part), ignored);
}

Result<std::uint64_t> download_file(const DownloadRequest& request) {
    auto file = open_file(request.part, O_RDWR | O_CREAT, "write");
    if (!file) {
        return std::unexpected(file.error());
    }
    const std::string url_sha256 = text_sha256(request.url);
    const std::optional<Version> version = read_sidecar(request.part);
    const off_t bytes = ::lseek(file->get(), 0, SEEK_END);
    if (bytes < 0) {
        return std::unexpected(file_error(errno, "read", request.part));
    }
    const std::uint64_t offset =
        resume_offset(version, url_sha256, static_cast<std::uint64_t>(bytes));
    if (offset > 0 && version->size == offset) {
        return offset;  // only what follows the download was interrupted
    }
    if (offset > 0) {
        Transfer rest(request, *file, *version, offset);
        const auto attempt = rest.run();
        if (!attempt) {
            return std::unexpected(attempt.error());
        }
        if (*attempt == Attempt::kComplete) {
            return rest.done();
        }
    }
    Transfer whole(request, *file, Version{.url_sha256 = url_sha256, .etag = {}, .size = {}}, 0);
    const auto attempt = whole.run();
    if (!attempt) {
        return std::unexpected(attempt.error());
    }
    if (*attempt == Attempt::kStale) {
        return fail(ErrorType::kUnavailable, "download_failed",
                    fmt::format("'{}' answers a request for a whole file with a part of it",
                                display_url(request.url)));
    }
    return whole.done();
}

}  // namespace realm::registry
