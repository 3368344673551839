"""Tenants and their keys."""

import json
import re

import httpx
import openai
import pytest

from support import ANSWER, MESSAGES, MODEL_NAME, PROGRAMS, Server, run_realm

RED_KEY = "rk_red_0123456789abcdefghijklmnop"
BLUE_KEY = "rk_blue_0123456789abcdefghijklmno"


def hash_of(key, home):
    done = run_realm("key", "hash", key, home=home)
    assert (done.code, done.err) == (0, "")
    return done.out.strip()


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    home = tmp_path_factory.mktemp("tenants")
    file = home / "realm.toml"
    file.write_text("".join(
        f'[[tenants]]\nname = "{name}"\nkeys = ["{hash_of(key, home)}"]\nweight = {weight}\n'
        for name, key, weight in (("red", RED_KEY, 1), ("blue", BLUE_KEY, 2.5))))
    return file


@pytest.fixture(scope="module")
def guarded(config, tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("home"), "--config", config)
    yield started
    started.close()


def post(server, key=None, path="/v1/chat/completions", **body):
    headers = {"Authorization": key} if key else {}
    settings = {"model": MODEL_NAME, "messages": MESSAGES, "temperature": 0} | body
    return server.post(path, json=settings, headers=headers)


@pytest.mark.parametrize("key", [RED_KEY, BLUE_KEY])
def test_both_tenants_are_answered(guarded, key):
    with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=key, max_retries=0) as client:
        completion = client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES,
                                                    temperature=0)
        assert client.models.list().data[0].id == MODEL_NAME
    assert completion.choices[0].message.content == ANSWER


@pytest.mark.parametrize("key, name", [(RED_KEY, "red"), (BLUE_KEY, "blue")])
def test_the_envelope_names_the_tenant_of_the_key(guarded, key, name):
    envelope = {"meta": {"operation": "chat.completions"},
                "data": {"messages": MESSAGES, "temperature": 0}}
    response = guarded.post("/v1/envelope", json=envelope,
                            headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200, response.text
    assert response.json()["meta"]["tenant"] == name


def test_another_tenants_name_is_refused(guarded):
    envelope = {"meta": {"operation": "chat.completions", "tenant": "blue"},
                "data": {"messages": MESSAGES}}
    response = guarded.post("/v1/envelope", json=envelope,
                            headers={"Authorization": f"Bearer {RED_KEY}"})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "tenant_mismatch"


@pytest.mark.parametrize("header, code", [
    (None, "missing_key"),
    ("Bearer", "missing_key"),
    ("Basic cms6cms=", "missing_key"),
    ("Bearer rk_wrong", "invalid_key"),
    (f"Bearer {RED_KEY[:-1]}", "invalid_key"),
    (f"Bearer {RED_KEY}x", "invalid_key"),
    (f"Bearer {RED_KEY.upper()}", "invalid_key"),
])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/envelope", "/v1/models"])
def test_requests_without_a_right_key(guarded, header, code, path):
    headers = {"Authorization": header} if header else {}
    if path == "/v1/models":
        response = httpx.get(f"{guarded.url}{path}", headers=headers)
    else:
        response = guarded.post(path, json={"messages": MESSAGES}, headers=headers)
    assert response.status_code == 401, response.text
    assert response.headers["www-authenticate"] == "Bearer"
    error = response.json()["error"]
    assert error["code"] == code
    assert error["type"] == ("unauthenticated" if path == "/v1/envelope"
                             else "invalid_request_error")
    assert "rk_" not in error["message"]


def test_the_openai_package_sees_an_authentication_error(guarded):
    with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="rk_no", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model=MODEL_NAME, messages=MESSAGES)
    assert caught.value.code == "invalid_key"


def test_a_wrong_key_is_told_before_a_wrong_body(guarded):
    assert post(guarded, "Bearer rk_no", n=5).status_code == 401
    assert post(guarded, f"Bearer {RED_KEY}", n=5).status_code == 400


def test_health_needs_no_key_and_tells_no_tenant_about_others(guarded):
    assert httpx.get(f"{guarded.url}/health/live").json() == {"status": "live"}
    assert guarded.ready() == {"status": "ready"}


def test_keys_never_reach_the_log(start_server, config):
    server = start_server("--config", config, "--log-level", "debug")
    assert post(server, f"Bearer {RED_KEY}").status_code == 200
    assert post(server, "Bearer rk_wrong_key_in_log").status_code == 401
    server.signal()
    assert server.wait_for_exit() == 0
    assert RED_KEY not in server.log()
    assert "rk_wrong" not in server.log()


def test_a_tenant_is_not_told_where_the_servers_own_program_failed(start_server, config):
    server = start_server("--config", config, "--program", PROGRAMS / "unreachable.wasm")
    response = post(server, f"Bearer {RED_KEY}")
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "unreachable"
    assert re.fullmatch(r"The server's program 'unreachable' failed; the server's log has the "
                        r"cause, under run ([0-9a-f-]{36})\.", error["message"])
    run = error["message"].split()[-1].rstrip(".")
    envelope = server.post("/v1/envelope", headers={"Authorization": f"Bearer {RED_KEY}"},
                           json={"meta": {"operation": "chat.completions"},
                                 "data": {"messages": MESSAGES}}).json()["error"]
    assert set(envelope) == {"type", "code", "message", "retryable"}
    ended = [line for line in server.log().splitlines() if f"run={run}" in line]
    assert len(ended) == 1
    assert "tenant=red" in ended[0] and "trapped in function 'realm_run'" in ended[0]
    assert (f"context=\"export 'realm_run' of program 'unreachable' < run {run} of tenant 'red', "
            "operation 'chat.completions'\"") in ended[0]


def test_key_hash(realm):
    fixed = realm("key", "hash", "abc")
    assert fixed.out == ("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n")
    assert "short" in fixed.err
    assert realm("key", "hash", "-", input_text="abc\n").out == fixed.out
    made = realm("key", "hash", "--json")
    assert made.code == 0
    pair = json.loads(made.out)
    assert pair["key"].startswith("rk_") and len(pair["key"]) == 46
    assert realm("key", "hash", pair["key"]).out.strip() == pair["hash"]
    assert json.loads(realm("key", "hash", "--json").out)["key"] != pair["key"]


def test_an_empty_key_has_no_hash(realm):
    done = realm("key", "hash", "-", input_text="\n")
    assert (done.code, done.out, done.err) == (2, "", "realm: the key is empty\n")


def test_a_key_in_place_of_its_hash_is_refused_without_being_shown(realm, tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(f'[[tenants]]\nname = "red"\nkeys = ["{RED_KEY}"]\n')
    done = realm("serve", "--config", file, "--port", "0")
    assert done.code == 2
    assert done.err == (f"realm: {file}:3: tenants[0].keys[0] is not the hash of a key; allowed is "
                        "sha256: and 64 lower-case hexadecimal digits, as `realm key hash` prints\n")


def test_other_addresses_need_tenants(realm):
    done = realm("serve", "--address", "0.0.0.0", "--port", "0")
    assert done.code == 2
    assert done.err == ("realm: server.address is 0.0.0.0, which other machines can reach, but no "
                        "tenant is configured, so anybody could use the server; add a tenant with a "
                        "key (realm key hash), or listen on 127.0.0.1\n")
