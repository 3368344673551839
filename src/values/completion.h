// How operations end: with a value or with something thrown; at once, or after the guest has run.
#pragma once

#include <coroutine>
#include <exception>
#include <expected>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "values/value.h"

namespace realm::values {

// What ended an operation: a value that the program threw and may catch, or a fault (a limit that
// was reached, a trap of the guest, a cancelled run), which no `catch` of the program's may see.
class Thrown {
public:
    explicit Thrown(Value value) : value_(std::move(value)) {}
    explicit Thrown(Error fault) : fault_(std::make_unique<Error>(std::move(fault))) {}

    [[nodiscard]] bool is_fault() const { return fault_ != nullptr; }
    [[nodiscard]] const Value& value() const { return value_; }
    [[nodiscard]] Value& value() { return value_; }
    [[nodiscard]] const Error& fault() const { return *fault_; }

private:
    Value value_;
    std::unique_ptr<Error> fault_;
};

template <class T>
using Completion = std::expected<T, Thrown>;

template <class T>
class Eventual;

namespace detail {

// Who goes on when a coroutine is done.
class Continuation {
public:
    Continuation() = default;
    Continuation(const Continuation&) = delete;
    Continuation& operator=(const Continuation&) = delete;
    virtual std::coroutine_handle<> proceed() noexcept = 0;

protected:
    ~Continuation() = default;
};

struct EventualPromiseBase {
    struct FinalAwaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
            return done.promise().proceed();
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() { exception = std::current_exception(); }
    [[nodiscard]] std::coroutine_handle<> proceed() const noexcept {
        return awaiting != nullptr ? awaiting->proceed() : std::noop_coroutine();
    }

    Continuation* awaiting = nullptr;
    std::exception_ptr exception;
};

template <class T>
struct EventualPromise;

}  // namespace detail

// A Completion<T> that is there already, or that a coroutine will have. Unlike base::Task it begins
// at once, so what never has to wait is ready when it is returned. A coroutine that gives one may
//     Value v = co_await get(world, object, key);
// what is thrown there ends the coroutine too; `co_await caught(...)` gives the Completion instead.
// Other coroutines (base::Task) await one and get its Completion.
//
// Spans and references that are given to a function returning one stay valid until it is ready.
// Destroying one destroys the coroutine where it stands.
template <class T>
class [[nodiscard]] Eventual {
public:
    using promise_type = detail::EventualPromise<T>;

    // What is there already is returned as it is. NOLINTBEGIN(google-explicit-constructor)
    Eventual(T value) : now_(std::move(value)) {}
    Eventual(Completion<T> result) : now_(std::move(result)) {}
    Eventual(std::unexpected<Thrown> thrown) : now_(Completion<T>(std::move(thrown))) {}
    // NOLINTEND(google-explicit-constructor)
    explicit Eventual(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    Eventual(Eventual&& other) noexcept
        : now_(std::move(other.now_)), coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    Eventual& operator=(Eventual&& other) noexcept {
        std::swap(now_, other.now_);
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    Eventual(const Eventual&) = delete;
    Eventual& operator=(const Eventual&) = delete;
    ~Eventual() {
        if (coroutine_) {
            coroutine_.destroy();
        }
    }

    [[nodiscard]] bool ready() const noexcept;
    // Of one that is ready, once.
    Completion<T> take();

    // For coroutines of other types.
    auto operator co_await() && noexcept;

private:
    template <class U>
    friend struct detail::EventualPromise;
    template <class U, class Outer>
    friend class PropagatingAwaiter;
    template <class U>
    friend class CatchingAwaiter;

    [[nodiscard]] bool failed() const noexcept;

    std::optional<Completion<T>> now_;
    std::coroutine_handle<promise_type> coroutine_ = nullptr;
};

template <class T>
struct Caught {
    Eventual<T> eventual;
};
// Gives what is thrown to whoever awaits it, instead of ending it.
template <class T>
Caught<T> caught(Eventual<T> eventual) {
    return {std::move(eventual)};
}

// Gives the Completion, whichever it is.
template <class T>
class CatchingAwaiter final : public detail::Continuation {
public:
    explicit CatchingAwaiter(Eventual<T> eventual) : eventual_(std::move(eventual)) {}
    [[nodiscard]] bool await_ready() const noexcept { return eventual_.ready(); }
    void await_suspend(std::coroutine_handle<> outer) noexcept {
        outer_ = outer;
        eventual_.coroutine_.promise().awaiting = this;
    }
    Completion<T> await_resume() { return eventual_.take(); }
    std::coroutine_handle<> proceed() noexcept override { return outer_; }

private:
    Eventual<T> eventual_;
    std::coroutine_handle<> outer_;
};

// Gives the value; what is thrown becomes the result of `Outer`, which does not go on.
template <class T, class Outer>
class PropagatingAwaiter final : public detail::Continuation {
public:
    explicit PropagatingAwaiter(Eventual<T> eventual) : eventual_(std::move(eventual)) {}
    [[nodiscard]] bool await_ready() const noexcept {
        return eventual_.ready() && !eventual_.failed();
    }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Outer> outer) noexcept {
        outer_ = outer;
        if (eventual_.ready()) {
            return proceed();
        }
        eventual_.coroutine_.promise().awaiting = this;
        return std::noop_coroutine();
    }
    T await_resume() { return std::move(*eventual_.take()); }
    std::coroutine_handle<> proceed() noexcept override {
        if (!eventual_.failed()) {
            return outer_;
        }
        auto& promise = outer_.promise();
        promise.result.emplace(std::unexpected(std::move(eventual_.take().error())));
        return promise.proceed();
    }

private:
    Eventual<T> eventual_;
    std::coroutine_handle<Outer> outer_;
};

// The same for what is there already.
template <class T, class Outer>
class CompletionAwaiter {
public:
    explicit CompletionAwaiter(Completion<T> completion) : completion_(std::move(completion)) {}
    [[nodiscard]] bool await_ready() const noexcept { return completion_.has_value(); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Outer> outer) noexcept {
        auto& promise = outer.promise();
        promise.result.emplace(std::unexpected(std::move(completion_.error())));
        return promise.proceed();
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) {
            return std::move(*completion_);
        }
    }

private:
    Completion<T> completion_;
};

template <class T>
struct detail::EventualPromise : detail::EventualPromiseBase {
    Eventual<T> get_return_object() {
        return Eventual<T>(std::coroutine_handle<EventualPromise>::from_promise(*this));
    }
    template <class U>
    void return_value(U&& value) {
        result.emplace(std::forward<U>(value));
    }

    template <class U>
    PropagatingAwaiter<U, EventualPromise> await_transform(Eventual<U>&& eventual) {
        return PropagatingAwaiter<U, EventualPromise>(std::move(eventual));
    }
    template <class U>
    CompletionAwaiter<U, EventualPromise> await_transform(Completion<U>&& completion) {
        return CompletionAwaiter<U, EventualPromise>(std::move(completion));
    }
    template <class U>
    CatchingAwaiter<U> await_transform(Caught<U>&& caught) {
        return CatchingAwaiter<U>(std::move(caught.eventual));
    }
    template <class Awaitable>
    Awaitable&& await_transform(Awaitable&& awaitable) {
        return std::forward<Awaitable>(awaitable);
    }

    std::optional<Completion<T>> result;
};

template <class T>
bool Eventual<T>::ready() const noexcept {
    return now_ || coroutine_.promise().result || coroutine_.promise().exception;
}

template <class T>
bool Eventual<T>::failed() const noexcept {
    const auto& result = now_ ? now_ : coroutine_.promise().result;
    return result && !*result;
}

template <class T>
Completion<T> Eventual<T>::take() {
    if (now_) {
        return std::move(*now_);
    }
    if (coroutine_.promise().exception) {
        std::rethrow_exception(coroutine_.promise().exception);
    }
    return std::move(*coroutine_.promise().result);
}

template <class T>
auto Eventual<T>::operator co_await() && noexcept {
    return CatchingAwaiter<T>(std::move(*this));
}

}  // namespace realm::values
