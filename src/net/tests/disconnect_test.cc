#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <future>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "net/tests/test_server.h"

namespace realm::net {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kRequest = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

// A handler that waits until the client is gone or the test lets it go.
struct Probe {
    std::promise<void> started;
    std::promise<void> gone;
    std::promise<void> finished;
    asio::steady_timer* hold = nullptr;  // lives in the handler; used on the server's thread
    int calls = 0;                       // likewise
};

asio::awaitable<void> wait_for_disconnect(HttpRequest request, ResponseWriter& writer,
                                          Probe& probe) {
    if (request.path != "/a") {
        co_await echo(std::move(request), writer);
        co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer hold(executor, asio::steady_timer::time_point::max());
    probe.hold = &hold;
    writer.on_disconnect([&probe] {
        ++probe.calls;
        probe.gone.set_value();
        probe.hold->cancel();
    });
    probe.started.set_value();
    co_await hold.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await echo(std::move(request), writer);
    probe.finished.set_value();
}

HttpHandler handler_of(Probe& probe) {
    return [&probe](HttpRequest request, ResponseWriter& writer) {
        return wait_for_disconnect(std::move(request), writer, probe);
    };
}

bool happens(std::promise<void>& promise) {
    return promise.get_future().wait_for(kPatience) == std::future_status::ready;
}

void release(TestServer& server, Probe& probe) {
    server.on_thread([&probe] { probe.hold->cancel(); });
}

TEST(Disconnect, IsSeenWhileTheHandlerRuns) {
    Probe probe;
    TestServer server(handler_of(probe));
    TestClient client(server);
    client.send(kRequest);
    ASSERT_TRUE(happens(probe.started));
    client.close();
    ASSERT_TRUE(happens(probe.gone));
    ASSERT_TRUE(happens(probe.finished));
    EXPECT_EQ(server.on_thread([&probe] { return probe.calls; }), 1);
}

TEST(Disconnect, IsSeenWhenTheClientBreaksTheConnection) {
    Probe probe;
    TestServer server(handler_of(probe));
    TestClient client(server);
    client.send(kRequest);
    ASSERT_TRUE(happens(probe.started));
    client.reset();
    ASSERT_TRUE(happens(probe.gone));
    ASSERT_TRUE(happens(probe.finished));
}

TEST(Disconnect, IsSeenWhenTheClientLeftBeforeTheHandlerLooked) {
    Probe probe;
    TestServer server(handler_of(probe));
    TestClient client(server);
    client.send(kRequest);
    client.close();
    ASSERT_TRUE(happens(probe.gone));
    ASSERT_TRUE(happens(probe.finished));
}

TEST(Disconnect, IsNotReportedToAFinishedRequest) {
    Probe probe;
    TestServer server(handler_of(probe));
    {
        TestClient client(server);
        client.send(kRequest);
        ASSERT_TRUE(happens(probe.started));
        release(server, probe);
        EXPECT_TRUE(client.read_response().ends_with("GET /a?|"));
        client.send("GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_TRUE(client.read_to_end().ends_with("GET /b?|"));
    }
    EXPECT_EQ(server.on_thread([&probe] { return probe.calls; }), 0);
}

TEST(Disconnect, PipelinedBytesAreNotOne) {
    Probe probe;
    TestServer server(handler_of(probe));
    TestClient client(server);
    client.send(kRequest);
    ASSERT_TRUE(happens(probe.started));
    client.send("GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    // A whole exchange on another connection: by then the server has seen those bytes.
    EXPECT_TRUE(converse(server, "GET /c HTTP/1.0\r\n\r\n").ends_with("GET /c?|"));
    EXPECT_EQ(server.on_thread([&probe] { return probe.calls; }), 0);
    release(server, probe);
    EXPECT_TRUE(client.read_response().ends_with("GET /a?|"));
    EXPECT_TRUE(client.read_to_end().ends_with("GET /b?|"));
    EXPECT_EQ(server.on_thread([&probe] { return probe.calls; }), 0);
}

asio::awaitable<void> watch_and_forget(HttpRequest request, ResponseWriter& writer, Probe& probe) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer hold(executor, asio::steady_timer::time_point::max());
    probe.hold = &hold;
    writer.on_disconnect([&probe] { ++probe.calls; });
    writer.on_disconnect(nullptr);
    probe.started.set_value();
    co_await hold.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await echo(std::move(request), writer);
    probe.finished.set_value();
}

TEST(Disconnect, IsNotReportedOnceForgotten) {
    Probe probe;
    TestServer server([&probe](HttpRequest request, ResponseWriter& writer) {
        return watch_and_forget(std::move(request), writer, probe);
    });
    TestClient client(server);
    client.send(kRequest);
    ASSERT_TRUE(happens(probe.started));
    client.close();
    release(server, probe);
    ASSERT_TRUE(happens(probe.finished));
    EXPECT_EQ(server.on_thread([&probe] { return probe.calls; }), 0);
}

TEST(Disconnect, ClosingTheServerIsOne) {
    Probe probe;
    TestServer server(handler_of(probe));
    TestClient client(server);
    client.send(kRequest);
    ASSERT_TRUE(happens(probe.started));
    server.on_thread([&server] { server.http().close(); });
    ASSERT_TRUE(happens(probe.gone));
    ASSERT_TRUE(happens(probe.finished));
    EXPECT_EQ(client.read_to_end(), "");
}

}  // namespace
}  // namespace realm::net
