"""Wrong requests: each gets OpenAI's error shape with an exact code, and the server goes on."""

import json

import httpx
import pytest

from support import ANSWER, COMMAND_S, MESSAGES, MODEL_NAME, raw_exchange

URL = "/v1/chat/completions"


def body(**changes):
    return {"model": MODEL_NAME, "messages": MESSAGES, "temperature": 0} | changes


def error_of(response, status, code, param=None, kind="invalid_request_error"):
    """Checks status and shape; returns the message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    reply = response.json()
    assert list(reply) == ["error"]
    error = reply["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"], error["type"]) == (code, param, kind)
    return error["message"]


@pytest.fixture(autouse=True)
def still_answers(server):
    """After each wrong request a right one is answered."""
    yield
    assert server.chat(max_tokens=1)["choices"][0]["message"]["content"] == ANSWER.split(" ")[0]


@pytest.mark.parametrize("text, message", [
    ("", "The body is not valid JSON: it breaks at byte 1."),
    ("{", "The body is not valid JSON: it breaks at byte 2."),
    ('{"a": 1,}', "The body is not valid JSON: it breaks at byte 9."),
    ("hello", "The body is not valid JSON: it breaks at byte 1."),
    ("[" * 100, "The JSON is nested deeper than 64 levels."),
    ('{"a": 1e999}', "The JSON holds a number that is out of range."),
])
def test_not_json(server, text, message):
    assert error_of(server.post(content=text), 400, "invalid_json") == message


def test_bytes_that_are_no_utf8(server):
    error_of(server.post(content=b'{"messages": [{"role": "user", "content": "\xff"}]}'), 400,
             "invalid_json")


FOX = " The quick brown fox jumps over the lazy dog."
TEXTS = 'a string, or an array of parts {"type": "text", "text": string}'
WHOLE = "a whole number from 1 to 2147483647"


@pytest.mark.parametrize("changes, param, wanted", [
    ({"messages": "hello"}, "messages", "an array of at least one message"),
    ({"messages": []}, "messages", "an array of at least one message"),
    ({"messages": None}, "messages", "an array of at least one message"),
    ({"messages": [1]}, "messages[0]", 'an object with "role" and "content"'),
    ({"messages": MESSAGES + [{"content": "x"}]}, "messages[2].role", 'a string such as "user"'),
    ({"messages": [{"role": 1, "content": "x"}]}, "messages[0].role", 'a string such as "user"'),
    ({"messages": [{"role": "user"}]}, "messages[0].content", TEXTS),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", TEXTS),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content",
     TEXTS),
    ({"model": 5}, "model", "a string, not 5"),
    ({"temperature": "x"}, "temperature", "a number from 0 to 2"),
    ({"temperature": 2.01}, "temperature", "a number from 0 to 2, not 2.01"),
    ({"temperature": -0.01}, "temperature", "a number from 0 to 2, not -0.01"),
    ({"top_p": 0}, "top_p", "a number above 0 and at most 1, not 0"),
    ({"top_p": 1.01}, "top_p", "a number above 0 and at most 1, not 1.01"),
    ({"max_tokens": "5"}, "max_tokens", WHOLE),
    ({"max_tokens": 0}, "max_tokens", WHOLE + ", not 0"),
    ({"max_tokens": -1}, "max_tokens", WHOLE + ", not -1"),
    ({"max_tokens": 1.5}, "max_tokens", WHOLE + ", not 1.5"),
    ({"max_tokens": 2**63}, "max_tokens", WHOLE + ", not 9223372036854775808"),
    ({"max_completion_tokens": 0}, "max_completion_tokens", WHOLE + ", not 0"),
    ({"n": 2}, "n", "1 (this server makes one choice for a request), not 2"),
    ({"n": 0}, "n", "1 (this server makes one choice for a request), not 0"),
    ({"stream": "yes"}, "stream", "true or false"),
    ({"stream_options": 1}, "stream_options", 'an object such as {"include_usage": true}, not 1'),
    ({"seed": 1.5}, "seed", "a whole number from -2^63 to 2^64 - 1, not 1.5"),
    ({"stop": ""}, "stop", "a string of 1 to 256 bytes, or an array of at most 16 of them"),
    ({"stop": ["x"] * 17}, "stop", "a string of 1 to 256 bytes, or an array of at most 16 of them"),
    ({"stop": "x" * 257}, "stop", "a string of 1 to 256 bytes, or an array of at most 16 of them"),
    ({"frequency_penalty": 3}, "frequency_penalty", "a number from -2 to 2, not 3"),
    ({"presence_penalty": -3}, "presence_penalty", "a number from -2 to 2, not -3"),
])
def test_wrong_value(server, changes, param, wanted):
    response = server.post(json=body() | changes)
    assert error_of(response, 400, "invalid_value", param) == f"'{param}' must be {wanted}."


def test_wrong_value_of_a_stream_is_no_stream(server):
    response = server.post(json=body(stream=True, max_tokens=0))
    assert error_of(response, 400, "invalid_value", "max_tokens") == (
        "'max_tokens' must be a whole number from 1 to 2147483647, not 0.")


@pytest.mark.parametrize("changes", [
    {"temperature": 0.0, "top_p": 1.0}, {"top_p": 1, "temperature": 0, "n": 1},
    {"stop": ["\n\n\n"] * 16}, {"stop": "x" * 256}, {"max_tokens": 2147483647},
    {"seed": -(2**63)}, {"seed": 2**63}, {"frequency_penalty": None, "presence_penalty": None},
    {"stream": None, "stop": None, "max_tokens": None, "n": None, "seed": None},
    {"stop": []}, {"unknown_parameter": {"a": [1]}},
])
def test_values_at_the_edge_are_taken(server, changes):
    response = server.post(json=body(**changes))
    assert response.status_code == 200, response.text
    assert response.json()["choices"][0]["message"]["content"] == ANSWER


def test_unknown_model(server):
    message = error_of(server.post(json=body(model="gpt-4o")), 404, "model_not_found", "model")
    assert message == ("The model 'gpt-4o' does not exist on this server; GET /v1/models lists "
                       "those that do.")


@pytest.mark.parametrize("stream", [False, True])
def test_prompt_longer_than_the_context(server, stream):
    longest = httpx.get(f"{server.url}/v1/models").json()["data"][0]["context_length"]
    text = "word " * (longest + 100)
    response = server.post(json=body(messages=[{"role": "user", "content": text}], stream=stream))
    message = error_of(response, 400, "context_length_exceeded", "messages")
    tokens = int(message.split()[3])
    assert tokens > longest
    assert message == (f"The messages make {tokens} tokens; a context of this model holds {longest}, "
                       "the answer included. Shorten the messages.")


def test_both_sides_of_the_context(start_server):
    """The longest prompt that leaves room for one token is answered, the next one is not."""
    longest = 512
    small = start_server("--context", longest)

    def send(sentences, padding=0):
        text = "Summarise:" + " hi" * padding + FOX * sentences
        return small.post(json=body(messages=[MESSAGES[0], {"role": "user", "content": text}],
                                    max_tokens=5))

    def size(sentences):
        return send(sentences).json()["usage"]["prompt_tokens"]

    sentence = size(3) - size(2)
    sentences, padding = divmod(longest - 1 - size(2), sentence)
    fits = send(2 + sentences, padding)
    assert fits.status_code == 200, fits.text
    usage = fits.json()["usage"]
    assert 0 <= usage.pop("prompt_tokens_details")["cached_tokens"] <= longest - 1 - 64
    assert usage == {"prompt_tokens": longest - 1, "completion_tokens": 1, "total_tokens": longest}
    assert fits.json()["choices"][0]["finish_reason"] == "length"
    message = error_of(send(2 + sentences, padding + 1), 400, "context_length_exceeded", "messages")
    assert message == (f"The messages make {longest} tokens; a context of this model holds {longest}, "
                       "the answer included. Shorten the messages.")


def test_body_of_ten_megabytes(server):
    response = server.post(content=b" " * 10_000_000)
    message = error_of(response, 413, "body_too_large")
    assert "10000000 bytes" in message
    assert "8388608" in message


def test_both_sides_of_the_body_limit(server):
    text = json.dumps(body())
    fits = server.post(content=text + " " * (8388608 - len(text)))
    assert fits.status_code == 200
    error_of(server.post(content=text + " " * (8388609 - len(text))), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/chat", "/v1/chat/completions/", "/v1/engines",
                                  "/v1/models/", "/health"])
def test_unknown_route(server, path):
    message = error_of(httpx.get(f"{server.url}{path}"), 404, "unknown_url")
    assert message == (f"Unknown request URL: GET {path}. See GET /v1/models and "
                       "POST /v1/chat/completions.")


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", URL, "POST"), ("DELETE", URL, "POST"), ("PUT", "/v1/envelope", "POST"),
    ("POST", "/v1/models", "GET"), ("POST", "/health/live", "GET"),
])
def test_wrong_method(server, method, path, allowed):
    response = httpx.request(method, f"{server.url}{path}")
    message = error_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed
    assert message == f"{path} takes {allowed}, not {method}."


def test_truncated_body(server):
    """The client promises 500 bytes, sends 20 and stops sending."""
    answer = raw_exchange(server.port, b"POST " + URL.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Length: 500\r\n\r\n" + b"{" + b" " * 19, half_close=True)
    # Nobody may be there to read it; where something is said it is a proper error.
    if answer:
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("request_bytes", [
    b"hello\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
])
def test_bytes_that_are_no_http(server, request_bytes):
    answer = raw_exchange(server.port, request_bytes, half_close=True)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    error = json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith("The request is not valid HTTP: ")


def test_unknown_version_of_http(server):
    answer = raw_exchange(server.port, b"GET / HTTP/9.9\r\n\r\n", half_close=True)
    assert answer.startswith(b"HTTP/1.1 505 "), answer
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["message"] == (
        "This server speaks HTTP/1.1 and HTTP/1.0.")


def test_client_that_sends_a_head_and_goes(server):
    answer = raw_exchange(server.port, b"GET /health/live HTTP/1.1\r\nHost: x\r\n", half_close=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_errors_do_not_close_the_connection(server):
    with httpx.Client(base_url=server.url, timeout=COMMAND_S) as one:
        error_of(one.post(URL, json=body(n=2)), 400, "invalid_value", "n")
        error_of(one.post(URL, content="x"), 400, "invalid_json")
        error_of(one.get("/nowhere"), 404, "unknown_url")
        assert one.post(URL, json=body()).json()["choices"][0]["message"]["content"] == ANSWER
