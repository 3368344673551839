"""Contexts of idle sessions, while others need the KV cache: they go, come back, and go on."""

import concurrent.futures

import httpx
import pytest

from support import ANSWER, MESSAGES, MODEL_NAME, PROGRAMS

# The session's context is made for 1,024 tokens; a chat beside it wants most of the cache.
CELLS = 1200
WANTED = 800


def ask(server, *steps):
    response = httpx.post(f"{server.url}/v1/programs/shape/runs", timeout=120, json={
        "session": "s", "steps": list(steps)})
    assert response.status_code == 200, response.text
    return [result["ok"] for result in response.json()["output"]["results"]]


def begin(server):
    pushed = httpx.put(f"{server.url}/v1/programs/shape",
                       content=(PROGRAMS / "realm_shape.wasm").read_bytes())
    assert pushed.status_code in (200, 201), pushed.text  # there from the server before, or new
    return ask(server, {"do": "new Realm", "as": "r"}, {"do": "r.loadModel", "args": [""]},
               {"do": "r.generate", "args": ["What is the capital of France?"]})[2]


def go_on(server):
    return ask(server, {"do": "r.generate", "args": ["And of Italy?"]}, {"do": "r.contextLength"})


def chat(server):
    response = httpx.post(f"{server.url}/v1/chat/completions", timeout=120, json={
        "model": MODEL_NAME, "messages": MESSAGES, "temperature": 0, "max_tokens": WANTED})
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("place", ["model.swap_disk_bytes=0", "model.swap_memory_bytes=0"])
def test_a_session_goes_on_after_its_cells_were_elsewhere(start_server, place):
    roomy = start_server()
    assert begin(roomy) == ANSWER
    wanted = go_on(roomy)
    roomy.close()
    tight = start_server("--set", f"model.context={CELLS}", "--set", place,
                         "--set", "server.lockdown=required")
    assert begin(tight) == ANSWER
    assert tight.ready()["contexts_swapped"] == 0
    assert chat(tight) == ANSWER
    assert tight.ready()["contexts_swapped"] == 1
    assert go_on(tight) == wanted
    assert tight.ready()["contexts_swapped"] == 0


def test_without_a_place_to_swap_to_others_wait_for_the_sessions_end(start_server):
    server = start_server("--set", f"model.context={CELLS}", "--set", "model.swap_disk_bytes=0",
                          "--set", "model.swap_memory_bytes=0")
    assert begin(server) == ANSWER
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(chat, server)
        server.wait_until(lambda state: state["runs"] == 1)
        ended = httpx.post(f"{server.url}/v1/envelope", json={
            "meta": {"operation": "session.end", "session": "s"}, "data": {"program": "shape"}})
        assert ended.json()["data"] == {"ended": True}
        assert answer.result() == ANSWER
    assert server.ready()["contexts_swapped"] == 0
