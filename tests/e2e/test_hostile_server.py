"""Hostile programs as the chat program of a server: each request ends with an error, the server
goes on and takes the next one."""

import json
import socket

import pytest

from support import MESSAGES, MODEL, PROGRAMS

LIMITS = ["--set", "limits.cpu_ms=150", "--set", "limits.memory_bytes=4194304",
          "--set", "limits.output_bytes=200000", "--set", "limits.contexts=2"]


def post(server, **body):
    return server.post(json={"messages": MESSAGES} | body)


@pytest.mark.parametrize("name, code", [
    ("spin", "cpu_time"), ("memory_hog", "memory"), ("out_of_bounds", "out_of_bounds"),
    ("stack_overflow", "stack"), ("unreachable", "unreachable"),
    ("context_hog", "contexts"), ("output_flood", "output_bytes"),
    ("unknown_import", "unknown_import"),
])
def test_each_request_ends_with_its_own_error(start_server, name, code):
    server = start_server("--program", PROGRAMS / f"{name}.wasm", *LIMITS)
    for _ in range(3):
        response = post(server)
        assert response.status_code == 422, response.text
        error = response.json()["error"]
        assert (error["type"], error["code"]) == ("program_error", code)
        server.wait_until_idle()
    assert server.process.poll() is None


@pytest.mark.parametrize("name, code, chunks", [("unknown_import", "unknown_import", 1),
                                                ("output_flood", "output_bytes", 3)])
def test_a_stream_ends_with_the_error(start_server, name, code, chunks):
    server = start_server("--program", PROGRAMS / f"{name}.wasm", *LIMITS)
    response = post(server, stream=True)
    assert response.status_code == 200
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert len(events) == chunks + 1
    assert json.loads(events[-1])["error"]["code"] == code
    assert all("choices" in json.loads(event) for event in events[:-1])


def test_a_loop_that_a_client_leaves_is_cancelled(start_server):
    server = start_server("--program", PROGRAMS / "spin.wasm", "--set", "limits.cpu_ms=86400000",
                          "--set", "limits.wall_ms=86400000")
    body = json.dumps({"messages": MESSAGES}).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.wait_until(lambda state: state["runs"] == 1)
    server.wait_until(lambda state: state["runs"] == 0)


def test_a_server_whose_program_is_refused_does_not_start(realm):
    done = realm("serve", "--port", "0", "--model", MODEL, "--program", PROGRAMS / "newer_abi.wasm")
    assert (done.code, done.out) == (2, "")
    assert "newer_abi" in done.err.splitlines()[-1]


def test_a_friendly_program_in_place_of_the_built_in_one(start_server):
    server = start_server("--program", PROGRAMS / "no_reply.wasm")
    completion = post(server).json()
    assert completion["choices"][0]["message"]["content"] == ""
    assert completion["choices"][0]["finish_reason"] == "stop"
