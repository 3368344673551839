// Stand-ins for what serving puts behind a program.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "interfaces/log.h"
#include "interfaces/request.h"
#include "sandbox/waiter.h"

namespace realm::interfaces::testing {

// Takes chunks at once and keeps everything.
class FakeRun final : public RunPort {
public:
    explicit FakeRun(std::string data = "null") : data_(std::move(data)) {}

    [[nodiscard]] std::string_view data() const override { return data_; }
    [[nodiscard]] std::string_view meta() const override { return R"({"tenant":"local"})"; }
    [[nodiscard]] Result<void> check_chunk(std::size_t bytes) const override {
        return check(bytes, chunk_bytes);
    }
    [[nodiscard]] Result<void> check_output(std::size_t bytes) const override {
        return check(bytes, output_bytes);
    }
    void emit(std::string chunk, std::move_only_function<void(Result<void>)> done) override {
        chunks.push_back(std::move(chunk));
        done({});
    }
    Result<void> reply(std::string json) override {
        if (answered) {
            return realm::fail(ErrorType::kConflict, "answered", "again");
        }
        answered = true;
        answer = std::move(json);
        return {};
    }
    Result<void> fail(Error error) override {
        answered = true;
        failure = std::move(error);
        return {};
    }
    [[nodiscard]] bool cancelled() const override { return is_cancelled; }
    [[nodiscard]] std::chrono::milliseconds time_left() const override { return left; }

    std::size_t chunk_bytes = 1000;
    std::size_t output_bytes = 1000;
    std::vector<std::string> chunks;
    bool answered = false;
    std::string answer;
    Error failure;
    bool is_cancelled = false;
    std::chrono::milliseconds left{1000};

private:
    static Result<void> check(std::size_t bytes, std::size_t most) {
        return bytes <= most ? Result<void>{}
                             : realm::fail(ErrorType::kProgramLimit, "too_long", "too long");
    }

    std::string data_;
};

class FakeLog final : public LogPort {
public:
    void line(std::int32_t /*level*/, std::string_view text) override { lines.emplace_back(text); }
    std::vector<std::string> lines;
};

// Remembers what a suspended guest would be told.
class FakeWaiter final : public sandbox::Waiter {
public:
    void resolve(std::int32_t value) override { values.push_back(value); }
    void resolve_with(sandbox::Finish finish) override { finishes.push_back(std::move(finish)); }
    void trap(Error error) override { traps.push_back(std::move(error)); }

    std::vector<std::int32_t> values;
    std::vector<sandbox::Finish> finishes;
    std::vector<Error> traps;
};

class FakeCpuClock final : public sandbox::CpuClock {
public:
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const override { return time; }

    std::chrono::nanoseconds time{0};
};

}  // namespace realm::interfaces::testing
