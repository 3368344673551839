// A coroutine that computes one value: starts when it is awaited or resumed, never on its own.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace realm::base {

template <class T>
class Task;

namespace detail {

// Whoever awaits a task goes on as soon as it is done.
struct TaskPromiseBase {
    struct FinalAwaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
            const auto awaiting = done.promise().awaiting;
            return awaiting ? awaiting : std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() { exception = std::current_exception(); }

    std::coroutine_handle<> awaiting;
    std::exception_ptr exception;
};

template <class T>
struct TaskPromise : TaskPromiseBase {
    Task<T> get_return_object();
    template <class U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() { return std::move(*value); }

    std::optional<T> value;
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
    Task<void> get_return_object();
    void return_void() const {}
    void take() const {}
};

}  // namespace detail

// Owns the coroutine: destroying a task destroys it where it stands. Used by one thread at a time;
// different parts may run on different threads.
template <class T>
class [[nodiscard]] Task {
public:
    using promise_type = detail::TaskPromise<T>;

    Task() = default;
    explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        Task gone(std::move(*this));
        coroutine_ = std::exchange(other.coroutine_, nullptr);
        return *this;
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() {
        if (coroutine_) {
            coroutine_.destroy();
        }
    }

    // For the outermost task, which nobody awaits: runs it until it suspends or is done.
    void start() { coroutine_.resume(); }
    [[nodiscard]] bool done() const { return coroutine_.done(); }
    // Of a task that is done; rethrows what it threw.
    T take() {
        if (coroutine_.promise().exception) {
            std::rethrow_exception(coroutine_.promise().exception);
        }
        return coroutine_.promise().take();
    }

    auto operator co_await() && noexcept {
        struct Awaiter {
            Task& task;
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
                task.coroutine_.promise().awaiting = awaiting;
                return task.coroutine_;
            }
            T await_resume() { return task.take(); }
        };
        return Awaiter{*this};
    }

private:
    std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> detail::TaskPromise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace realm::base
