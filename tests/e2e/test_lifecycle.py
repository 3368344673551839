"""Health, clients that go away, and how the server stops."""

import json
import signal
import socket

import httpx
import pytest

from support import ANSWER, LONG_TALK, MESSAGES, MODEL_NAME, content_of, open_stream

# Far more than is generated while a test looks on.
ENDLESS = 4000


def test_health(server):
    live = httpx.get(f"{server.url}/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    ready = server.wait_until_idle()
    assert set(ready) == {"status", "runs", "retries", "runs_recovered", "contexts",
                          "contexts_cached", "contexts_swapped", "tokens_generated",
                          "tokens_drafted", "tokens_accepted", "prompt_tokens_computed",
                          "prompt_tokens_reused", "code_cache"}
    assert (ready["status"], ready["runs"], ready["contexts"]) == ("ready", 0, 0)
    assert set(ready["code_cache"]) == {"hits", "misses", "damaged", "stored", "evicted", "failed"}
    assert httpx.head(f"{server.url}/health/live").status_code == 200


def test_the_counter_counts_tokens(server):
    before = server.wait_until_idle()["tokens_generated"]
    made = server.chat(max_tokens=5)["usage"]["completion_tokens"]
    after = server.wait_until_idle()["tokens_generated"]
    # The last token need not be computed, since nothing comes after it.
    assert made == 5
    assert made - 1 <= after - before <= made


def test_closing_a_stream_cancels_its_run(server):
    before = server.wait_until_idle()["tokens_generated"]
    with open_stream(server, max_tokens=ENDLESS) as (response, lines):
        assert response.status_code == 200
        for _ in range(3):
            assert content_of(next(lines)) is not None
        assert server.ready()["runs"] == 1
    made = server.wait_until_idle()["tokens_generated"] - before
    assert 3 <= made < ENDLESS / 4


def test_closing_the_socket_cancels_a_request_without_stream(server):
    before = server.wait_until_idle()["tokens_generated"]
    body = json.dumps({"model": MODEL_NAME, "messages": LONG_TALK, "temperature": 0,
                       "max_tokens": ENDLESS}).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.wait_until(lambda state: state["tokens_generated"] > before)
    made = server.wait_until_idle()["tokens_generated"] - before
    assert 1 <= made < ENDLESS / 4


def test_a_cancelled_neighbour_changes_nothing(server):
    with open_stream(server, max_tokens=ENDLESS) as (_, lines):
        next(lines)
        assert server.chat()["choices"][0]["message"]["content"] == ANSWER
    assert server.chat()["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_running_stream_finish(start_server, number):
    server = start_server("--set", "server.grace_ms=120000")
    alone = server.chat(LONG_TALK, max_tokens=40)["choices"][0]["message"]["content"]
    with open_stream(server, max_tokens=40) as (_, lines):
        text = content_of(next(lines))
        server.signal(number)
        rest = list(lines)
    assert rest.pop() == "[DONE]"
    assert json.loads(rest[-1])["choices"][0]["finish_reason"] == "length"
    assert text + "".join(content_of(line) or "" for line in rest) == alone
    assert server.wait_for_exit() == 0


def test_no_new_connections_while_it_stops(start_server):
    server = start_server("--set", "server.grace_ms=120000")
    with open_stream(server, max_tokens=ENDLESS) as (_, lines):
        next(lines)
        server.signal()
        for line in lines:  # until the server has noticed
            assert content_of(line) is not None
            try:
                httpx.get(f"{server.url}/health/live")
            except httpx.TransportError:
                break
        else:
            pytest.fail("the server took connections until its last stream had ended")
        server.signal()
    assert server.wait_for_exit() == 0


def test_a_second_signal_ends_it_at_once(start_server):
    server = start_server("--set", "server.grace_ms=3600000")
    with open_stream(server, max_tokens=ENDLESS) as (_, lines):
        next(lines)
        server.signal()
        next(lines)
        server.signal()
        rest = list(lines)
    assert json.loads(rest[-1])["error"]["code"] == "stopping"
    assert len(rest) < ENDLESS / 4
    assert server.wait_for_exit() == 0


def test_the_grace_period_ends_it(start_server):
    server = start_server("--set", "server.grace_ms=1")
    with open_stream(server, max_tokens=ENDLESS) as (_, lines):
        next(lines)
        server.signal()
        rest = list(lines)
    assert json.loads(rest[-1])["error"] == {
        "message": "The server is shutting down.", "type": "server_error", "param": None,
        "code": "stopping"}
    assert len(rest) < ENDLESS / 4
    assert server.wait_for_exit() == 0


def test_an_idle_server_stops_at_once(start_server):
    server = start_server()
    assert server.chat()["choices"][0]["message"]["content"] == ANSWER
    server.signal()
    assert server.wait_for_exit(20) == 0


def test_prompts_and_answers_never_reach_the_log(start_server):
    server = start_server("--log-level", "debug")
    secret = "Zanzibar4711"
    server.chat([{"role": "user", "content": f"Repeat: {secret}"}], max_tokens=12)
    server.post(content=f'{{"messages": "{secret}"}}', headers={"Authorization": f"Bearer {secret}"})
    server.post(content=f"not JSON {secret}")
    server.chat(MESSAGES)
    server.signal()
    assert server.wait_for_exit() == 0
    assert "ready" in server.log()
    assert secret not in server.log()
    assert "Paris" not in server.log()
