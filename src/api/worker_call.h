// Blocking work from a coroutine of the gateway, done by a worker thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/worker_pool.h"

namespace realm::api {

// Why `work` was not taken.
inline Error not_taken(base::Submission submission) {
    const bool lane = submission == base::Submission::kLaneFull;
    return fail(ErrorType::kOverloaded, "too_many_uploads",
                lane ? "This tenant's waiting uploads and loads of programs fill its half of the "
                       "server's queue; try again in a moment."
                     : "The server compiles as many programs as it may already; try again in a "
                       "moment.")
        .error();
}

// Runs `work` for `tenant` on a worker and gives its result back on the coroutine's executor; what
// `work` needs must live until it is done, whether or not the coroutine does.
// overloaded/too_many_uploads when the workers' queue, or the tenant's half of it, is full. `work`
// must not throw.
template <class T>
boost::asio::awaitable<Result<T>> call_worker(base::WorkerPool& workers, std::string tenant,
                                              std::move_only_function<Result<T>()> work) {
    namespace asio = boost::asio;
    const auto executor = co_await asio::this_coro::executor;
    auto result = std::make_shared<std::optional<Result<T>>>();
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [&](auto handler) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            const auto resume = [executor, shared] {
                asio::post(executor, [shared] { std::move (*shared)(); });
            };
            const base::Submission taken = workers.submit(
                [resume, result, work = std::move(work)]() mutable {
                    result->emplace(work());
                    resume();
                },
                tenant);
            if (taken != base::Submission::kTaken) {
                result->emplace(std::unexpected(not_taken(taken)));
                resume();
            }
        },
        asio::use_awaitable);
    co_return std::move(**result);
}

}  // namespace realm::api
