// A program's log: the server's, or the console of a web page when REALM_WEB is defined.
#pragma once

#include <realm/realm.h>

#include <cstdint>
#include <string_view>

namespace realm {

enum class LogLevel : std::int32_t {
    debug = REALM_LOG_DEBUG,
    info = REALM_LOG_INFO,
    warn = REALM_LOG_WARN,
    error = REALM_LOG_ERROR
};

#if defined(REALM_WEB)
// A web page has a console instead of a log: it gives the program the module `console`.
extern "C" {
__attribute__((import_module("console"), import_name("debug"))) void realm_console_debug(
    const char* text, std::uint32_t length);
__attribute__((import_module("console"), import_name("info"))) void realm_console_info(
    const char* text, std::uint32_t length);
__attribute__((import_module("console"), import_name("warn"))) void realm_console_warn(
    const char* text, std::uint32_t length);
__attribute__((import_module("console"), import_name("error"))) void realm_console_error(
    const char* text, std::uint32_t length);
}

inline void log(LogLevel level, std::string_view text) {
    const std::uint32_t length = static_cast<std::uint32_t>(text.size());
    switch (level) {
        case LogLevel::debug:
            return realm_console_debug(text.data(), length);
        case LogLevel::info:
            return realm_console_info(text.data(), length);
        case LogLevel::warn:
            return realm_console_warn(text.data(), length);
        case LogLevel::error:
            return realm_console_error(text.data(), length);
    }
}
#else
// Never log what a client sent: logs outlive requests.
inline void log(LogLevel level, std::string_view text) {
    realm_log(static_cast<std::int32_t>(level), text.data(),
              static_cast<std::uint32_t>(text.size()));
}
#endif

}  // namespace realm

// REALM_LOG(info, "text"): a line in the server's log, or on a web page's console.
#define REALM_LOG(level, text) ::realm::log(::realm::LogLevel::level, (text))
