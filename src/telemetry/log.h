// The log: records with a level, a constant message and fields, one line each.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace realm::telemetry {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

enum class LogFormat : std::uint8_t { kText, kJson };

// What a field says. Refers to the caller's text; lives only as long as the call to log().
class FieldValue {
public:
    using Variant = std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double>;

    // Implicit on purpose, so that fields can be written as {"port", port}.
    // NOLINTBEGIN(google-explicit-constructor)
    FieldValue(std::string_view value) : value_(value) {}
    FieldValue(const char* value) : value_(std::string_view(value)) {}
    FieldValue(const std::string& value) : value_(std::string_view(value)) {}
    template <std::same_as<bool> T>
    FieldValue(T value) : value_(value) {}
    template <std::signed_integral T>
    FieldValue(T value) : value_(static_cast<std::int64_t>(value)) {}
    template <std::unsigned_integral T>
        requires(!std::same_as<T, bool>)
    FieldValue(T value) : value_(static_cast<std::uint64_t>(value)) {}
    FieldValue(double value) : value_(value) {}
    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] const Variant& get() const { return value_; }

private:
    Variant value_;
};

// `key` is a snake_case word written in our code, never text from outside.
struct Field {
    std::string_view key;
    FieldValue value;
};

using Fields = std::initializer_list<Field>;

// A handle on a sink: copy it freely, pass it as a parameter. Thread-safe: a record is one whole
// line whatever other threads write. A default-made one writes nothing. Never throws.
class Logger {
public:
    Logger() = default;

    // Writes to the process's standard error; in colour when that is a terminal and the format is
    // text. Records below `lowest` are left out.
    static Logger to_stderr(Level lowest, LogFormat format);
    // Writes to `stream`, which must outlive all copies of the handle; flushed after each record.
    static Logger to_stream(std::ostream& stream, Level lowest, LogFormat format);

    // For callers to whom making the fields is costly.
    [[nodiscard]] bool enabled(Level level) const;

    void log(Level level, std::string_view message, Fields fields = {}) const;
    void debug(std::string_view message, Fields fields = {}) const;
    void info(std::string_view message, Fields fields = {}) const;
    void warn(std::string_view message, Fields fields = {}) const;
    void error(std::string_view message, Fields fields = {}) const;

private:
    struct State;
    explicit Logger(std::shared_ptr<const State> state);

    std::shared_ptr<const State> state_;
};

}  // namespace realm::telemetry
