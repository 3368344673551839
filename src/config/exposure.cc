#include "config/exposure.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/error.h"
#include "config/settings.h"

namespace realm::config {
namespace {

constexpr std::uint8_t kLoopbackNet = 127;
constexpr std::size_t kMappedOffset = 12;  // where the IPv4 part of ::ffff:a.b.c.d begins

bool parse(int family, const std::string& text, void* out) {
    return inet_pton(family, text.c_str(), out) == 1;
}

}  // namespace

bool is_address(const std::string& text) {
    std::array<std::uint8_t, 16> bytes{};
    // inet_pton stops at a zero byte, which the text must not have.
    if (text.find('\0') != std::string::npos) {
        return false;
    }
    return text == "localhost" || parse(AF_INET, text, bytes.data()) ||
           parse(AF_INET6, text, bytes.data());
}

bool is_loopback(const std::string& text) {
    if (!is_address(text)) {
        return false;
    }
    if (text == "localhost") {
        return true;
    }
    std::array<std::uint8_t, 16> bytes{};
    if (parse(AF_INET, text, bytes.data())) {
        return bytes[0] == kLoopbackNet;
    }
    in6_addr address{};
    if (!parse(AF_INET6, text, &address)) {
        return false;
    }
    std::memcpy(bytes.data(), &address, bytes.size());
    return IN6_IS_ADDR_LOOPBACK(&address) ||
           (IN6_IS_ADDR_V4MAPPED(&address) && bytes[kMappedOffset] == kLoopbackNet);
}

Result<void> check_exposure(const Settings& settings) {
    if (!settings.tenants.empty() || is_loopback(settings.server.address)) {
        return {};
    }
    return fail(ErrorType::kInvalidRequest, "exposed_without_tenants",
                "server.address is " + settings.server.address +
                    ", which other machines can reach, but no tenant is configured, so anybody "
                    "could use the server; add a tenant with a key (realm key hash), or listen on "
                    "127.0.0.1");
}

}  // namespace realm::config
