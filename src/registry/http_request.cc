#include "registry/http_request.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>

namespace realm::registry {
namespace {

struct CurlFree {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    void operator()(curl_mime* form) const { curl_mime_free(form); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;
using CurlList = std::unique_ptr<curl_slist, CurlFree>;
using CurlForm = std::unique_ptr<curl_mime, CurlFree>;

struct Body {
    std::string text;
    std::size_t limit;
};

std::size_t append_body(const char* data, std::size_t one, std::size_t size, void* to) {
    auto& body = *static_cast<Body*>(to);
    if (size * one > body.limit - body.text.size()) {
        return 0;
    }
    body.text.append(data, size * one);
    return size * one;
}

void add_header(CurlList& list, const std::string& line) {
    curl_slist* const before = list.release();
    curl_slist* const longer = curl_slist_append(before, line.c_str());
    list.reset(longer != nullptr ? longer : before);
}

}  // namespace

Result<HttpAnswer> send_request(const HttpRequest& request) {
    const CurlHandle curl(curl_easy_init());
    CurlList headers;
    if (!request.bearer_token.empty()) {
        add_header(headers, "Authorization: Bearer " + request.bearer_token);
    }
    if (!request.accept.empty()) {
        add_header(headers, "Accept: " + request.accept);
    }
    const CurlForm form(request.form.empty() ? nullptr : curl_mime_init(curl.get()));
    for (const HttpFormPart& part : request.form) {
        curl_mimepart* const added = curl_mime_addpart(form.get());
        curl_mime_name(added, part.name.c_str());
        curl_mime_data(added, part.content.data(), part.content.size());
        // A part with a file name is sent as it is, whatever it holds.
        curl_mime_filename(added, part.name.c_str());
    }
    if (form) {
        curl_easy_setopt(curl.get(), CURLOPT_MIMEPOST, form.get());
    }
    Body body{.text = {}, .limit = request.max_answer_bytes};
    std::array<char, CURL_ERROR_SIZE> problem{};
    curl_easy_setopt(curl.get(), CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout.count()));
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append_body);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, problem.data());
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        return fail(
            ErrorType::kUnavailable, "server_unreachable",
            fmt::format("{}: {}", request.url,
                        problem.front() != '\0' ? problem.data() : curl_easy_strerror(code)));
    }
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return HttpAnswer{.status = static_cast<int>(status), .body = std::move(body.text)};
}

std::string url_part(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' ||
                           c == '@';
        if (plain) {
            encoded += c;
        } else {
            encoded += '%';
            encoded += kDigits[byte >> 4];
            encoded += kDigits[byte & 0xfU];
        }
    }
    return encoded;
}

}  // namespace realm::registry
