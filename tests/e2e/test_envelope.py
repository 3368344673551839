"""Realm's own envelope."""

import json
import re
import uuid

import pytest

from support import ANSWER, MESSAGES, MODEL_NAME

OPERATION = "chat.completions"
DATA = {"model": MODEL_NAME, "messages": MESSAGES, "temperature": 0}


def send(server, meta=None, data=None, **more):
    envelope = {"meta": {"operation": OPERATION} | (meta or {}), "data": DATA | (data or {})}
    return server.post("/v1/envelope", json=envelope | more)


def error_of(response, status, kind, code):
    assert response.status_code == status, response.text
    envelope = response.json()
    assert set(envelope) == {"meta", "data", "error"}
    assert envelope["data"] is None
    error = envelope["error"]
    assert (error["type"], error["code"], error["retryable"]) == (kind, code, False)
    return error["message"]


def test_reply(server):
    response = send(server)
    assert response.status_code == 200, response.text
    envelope = response.json()
    assert set(envelope) == {"meta", "data", "error"}
    assert envelope["error"] is None
    meta, data = envelope["meta"], envelope["data"]
    assert set(meta) == {"version", "request_id", "timestamp", "operation", "tenant", "stream",
                         "duration_ms"}
    assert uuid.UUID(meta["request_id"]).version == 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", meta["timestamp"])
    assert (meta["version"], meta["operation"], meta["tenant"]) == ("1.0", OPERATION, "local")
    assert meta["stream"] is False
    assert isinstance(meta["duration_ms"], int) and meta["duration_ms"] >= 0
    assert data["object"] == "chat.completion"
    assert data["choices"][0]["message"]["content"] == ANSWER
    assert data["choices"][0]["finish_reason"] == "stop"
    assert data["usage"]["total_tokens"] == (data["usage"]["prompt_tokens"]
                                             + data["usage"]["completion_tokens"])


def test_same_completion_as_through_openai(server):
    theirs, ours = server.chat(), send(server).json()["data"]
    for completion in (theirs, ours):
        del completion["id"], completion["created"]
    assert ours == theirs


def test_request_id_and_extensions_come_back(server):
    mine = str(uuid.uuid4())
    meta = send(server, {"request_id": mine, "extensions": {"a": [1, {"b": None}]}}).json()["meta"]
    assert meta["request_id"] == mine
    assert meta["extensions"] == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("where", ["meta", "data"])
def test_stream(server, where):
    response = send(server, **{where: {"stream": True}})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    events = [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line]
    assert all(set(e) == {"meta", "data", "error"} and e["error"] is None for e in events)
    assert len({e["meta"]["request_id"] for e in events}) == 1
    deltas = [e["data"]["choices"][0]["delta"].get("content", "") for e in events[:-1]]
    assert "".join(deltas) == ANSWER
    assert events[-2]["data"]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["data"]["choices"] == []
    assert events[-1]["data"]["usage"]["completion_tokens"] > 0
    assert "duration_ms" in events[-1]["meta"]


def test_unknown_operation(server):
    message = error_of(send(server, {"operation": "chat.nonsense"}), 400, "invalid_request",
                       "unknown_operation")
    assert message == ("meta.operation 'chat.nonsense' is unknown; this server offers: "
                       "chat.completions, program.run, session.end.")


@pytest.mark.parametrize("meta, message", [
    ({"operation": None}, "meta.operation must be the name of an operation, such as "
                          "\"chat.completions\"."),
    ({"operation": 5}, "meta.operation must be a string."),
    ({"request_id": "7"}, "meta.request_id must be a UUID."),
    ({"version": "2.0"}, "meta.version must be \"1.0\"."),
    ({"stream": "yes"}, "meta.stream must be true or false."),
    ({"deadline_ms": 0}, "meta.deadline_ms must be a whole number of milliseconds above 0."),
    ({"extensions": []}, "meta.extensions must be an object."),
])
def test_wrong_meta(server, meta, message):
    assert error_of(send(server, meta), 400, "invalid_request", "invalid_envelope") == message


@pytest.mark.parametrize("text", ["[]", "5", "null", "{}", '{"meta": 1}', '{"data": {}}'])
def test_no_envelope(server, text):
    error_of(server.post("/v1/envelope", content=text), 400, "invalid_request", "invalid_envelope")


def test_wrong_data(server):
    message = error_of(send(server, data={"max_tokens": 0}), 400, "invalid_request", "invalid_value")
    assert message == "data: 'max_tokens' must be a whole number from 1 to 2147483647, not 0."


def test_an_error_keeps_the_request_id(server):
    mine = str(uuid.uuid4())
    response = send(server, {"request_id": mine}, {"model": "nope"})
    error_of(response, 404, "not_found", "model_not_found")
    assert response.json()["meta"]["request_id"] == mine


def test_tenant_that_is_not_mine(server):
    error_of(send(server, {"tenant": "somebody"}), 403, "permission_denied", "tenant_mismatch")


def test_deadline_ends_a_run(server):
    response = send(server, {"deadline_ms": 1},
                    {"messages": [{"role": "user", "content": "word " * 3000}]})
    envelope = response.json()
    assert response.status_code == 504, response.text
    assert envelope["data"] is None
    assert (envelope["error"]["type"], envelope["error"]["code"]) == ("deadline_exceeded",
                                                                      "wall_time")
