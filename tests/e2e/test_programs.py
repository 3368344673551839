"""Programs of tenants: pushed, listed, looked at, run and removed, by HTTP and by the command."""

import hashlib
import json

import httpx
import pytest

from support import ANSWER, COMMAND_S, MESSAGES, PROGRAMS, Server, data_lines, run_realm

CHAT = (PROGRAMS / "chat.wasm").read_bytes()
HELLO = (PROGRAMS / "hello.wasm").read_bytes()
INPUT = {"messages": MESSAGES, "temperature": 0}


def variant(module, note):
    """The same program with another digest."""
    name = b"note"
    content = bytes([len(name)]) + name + note.encode()
    return module + bytes([0, len(content)]) + content


def section(number, content):
    return bytes([number, len(content)]) + content


def text(name):
    return bytes([len(name)]) + name.encode()


def small_module(imports=(), body=b"\x00\x0b", export="run"):
    """A module that was not written for Realm: a function () -> () under that name."""
    listed = b"".join(text(module) + text(name) + b"\x00\x00" for module, name in imports)
    return (b"\0asm\1\0\0\0" + section(1, b"\x01\x60\x00\x00")
            + (section(2, bytes([len(imports)]) + listed) if imports else b"")
            + section(3, b"\x01\x00")
            + section(7, b"\x01" + text(export) + b"\x00" + bytes([len(imports)]))
            + section(10, bytes([1, len(body)]) + body))


class Tenant:
    """Requests to a server with one tenant's key."""

    def __init__(self, server, key=None):
        self.server = server
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def send(self, method, path, headers=None, **arguments):
        return httpx.request(method, f"{self.server.url}{path}", timeout=COMMAND_S,
                             headers=self.headers | (headers or {}), **arguments)

    def push(self, name, module, manifest=None):
        if manifest is None:
            return self.send("PUT", f"/v1/programs/{name}", content=module,
                             headers={"Content-Type": "application/wasm"})
        files = {"module": module, "manifest": json.dumps(manifest)}
        return self.send("PUT", f"/v1/programs/{name}", files=files)

    def run(self, name, status=200, **body):
        response = self.send("POST", f"/v1/programs/{name}/runs", json=body)
        assert response.status_code == status, response.text
        return response.json()

    def names(self):
        return [f"{program['name']}@{version['version']}"
                for program in self.send("GET", "/v1/programs").json()["data"]
                for version in program["versions"]]


def error_of(response, status, code):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code, error
    return error["message"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("home"))
    yield started
    started.close()


@pytest.fixture
def me(shared):
    """The only tenant of a server, without programs."""
    tenant = Tenant(shared)
    for name in {entry.split("@")[0] for entry in tenant.names()}:
        assert tenant.send("DELETE", f"/v1/programs/{name}").status_code == 200
    yield tenant
    shared.wait_until_idle()


def test_versions(me):
    first = me.push("p", HELLO)
    assert first.status_code == 201
    assert first.json() == {"name": "p", "version": "1", "bytes": len(HELLO),
                            "digest": hashlib.sha256(HELLO).hexdigest(),
                            "created": first.json()["created"]}
    again = me.push("p", HELLO)
    assert (again.status_code, again.json()) == (200, first.json())
    assert me.push("p", variant(HELLO, "2")).json()["version"] == "2"
    assert me.push("p", HELLO, {"version": "1.0"}).json()["version"] == "1.0"
    message = error_of(me.push("p", variant(HELLO, "x"), {"version": "1.0"}), 409, "version_exists")
    assert message.startswith("program 'p' has a version '1.0' with another content (digest ")
    assert me.names() == ["p@1.0", "p@2", "p@1"]
    removed = me.send("DELETE", "/v1/programs/p@1.0")
    assert [version["version"] for version in removed.json()["removed"][0]["versions"]] == ["1.0"]
    assert me.names() == ["p@2", "p@1"]
    assert me.send("DELETE", "/v1/programs/p").status_code == 200
    assert me.names() == []
    error_of(me.send("DELETE", "/v1/programs/p"), 404, "program_not_found")


def test_look_at_one(me):
    me.push("p", HELLO, {"description": "says hello", "limits": {"cpu_ms": 5000}})
    seen = me.send("GET", "/v1/programs/p@1").json()
    assert (seen["name"], seen["version"]) == ("p", "1")
    report = seen["inspect"]
    assert report["manifest"] == {"description": "says hello", "limits": {"cpu_ms": 5000}}
    assert report["abi"] == "1.5"
    assert report["refusals"] == []
    assert {"module": "env", "name": "realm_emit", "kind": "function", "state": "provided",
            "type": "(i32, i32) -> i32"} in report["imports"]
    assert {"name": "realm_run", "kind": "function", "type": "() -> ()"} in report["exports"]
    assert "realm" in [convention["name"] for convention in report["conventions"]]
    module = me.send("GET", "/v1/programs/p", headers={"Accept": "application/wasm"})
    assert module.headers["content-type"] == "application/wasm"
    assert hashlib.sha256(module.content).hexdigest() == seen["digest"]
    assert module.content.startswith(HELLO)


def test_run(me):
    me.push("asker", CHAT)
    done = me.run("asker", input=INPUT)
    assert done["program"] == "asker@1"
    assert done["output"]["content"] == ANSWER
    assert "".join(chunk["content"] for chunk in done["chunks"]) == ANSWER
    assert done["usage"]["cpu_us"] > 0
    assert set(done["usage"]) == {"duration_ms", "cpu_us", "memory_bytes"}


def test_stream(me):
    me.push("asker", CHAT)
    with httpx.stream("POST", f"{me.server.url}/v1/programs/asker@1/runs", timeout=COMMAND_S,
                      json={"input": INPUT, "stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        lines = list(data_lines(response))
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    assert "".join(event["chunk"]["content"] for event in events[:-1]) == ANSWER
    assert events[-1]["output"]["content"] == ANSWER


def test_envelope(me):
    me.push("asker", CHAT)
    request = {"meta": {"operation": "program.run"}, "data": {"program": "asker", "input": INPUT}}
    reply = me.send("POST", "/v1/envelope", json=request)
    assert reply.status_code == 200, reply.text
    assert reply.json()["error"] is None
    assert reply.json()["data"]["output"]["content"] == ANSWER
    assert reply.json()["meta"]["operation"] == "program.run"
    request["data"]["program"] = "other"
    reply = me.send("POST", "/v1/envelope", json=request)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "program_not_found"
    request["data"] = {"input": 1}
    assert me.send("POST", "/v1/envelope", json=request).json()["error"]["message"] == (
        "'program' must be a program's name, or NAME@VERSION.")


def test_operations_of_a_foreign_module(me):
    me.push("foreign", small_module(), {"operations": {"go": {"export": "run"}}})
    assert me.run("foreign", operation="go")["output"] is None
    error = me.run("foreign", status=404, operation="stop")["error"]
    assert error["message"] == ("The manifest of program 'foreign' names no operation 'stop'; it "
                                "names: go.")
    assert me.run("foreign", status=400)["error"]["code"] == "no_such_export"


def test_a_trap_goes_to_the_owner_whole(me):
    me.push("foreign", small_module([("wbg", "now")], b"\x00\x10\x00\x0b"), {"operations": ["run"]})
    error = me.run("foreign", status=422, operation="run")["error"]
    assert error["code"] == "unknown_import"
    assert "wbg.now" in error["message"]
    assert error["details"]["backtrace"]


def test_limits_of_the_manifest_apply(me):
    spin = small_module(body=b"\x00\x03\x40\x0c\x00\x0b\x0b")
    me.push("spin", spin, {"operations": ["run"], "limits": {"cpu_ms": 20}})
    error = me.run("spin", status=422, operation="run")["error"]
    assert error["code"] == "cpu_time"
    assert "20 ms" in error["message"]
    message = error_of(me.push("spin", spin, {"limits": {"cpu_ms": 10001}}), 400,
                       "invalid_manifest")
    assert message == "manifest: limits.cpu_ms is 10001, above the tenant's limit of 10000"


@pytest.mark.parametrize("module, manifest, code, message", [
    (b"no module", None, "invalid_module", "program 'p': the module does not begin with the header "
     "of WebAssembly, version 1 (at byte 8)"),
    (HELLO[:1000], None, "invalid_module", None),
    (small_module(export="realm_run"), None, "abi_missing", None),
    (small_module([("env", "realm_x")]), None, "abi_missing", None),
    (HELLO, {"nam": "x"}, "invalid_manifest",
     "manifest: 'nam' is no key of a manifest; did you mean 'name'?"),
    (HELLO, {"name": "q"}, "invalid_manifest",
     "manifest: 'name' is 'q', but the program is pushed as 'p'"),
    (HELLO, {"interfaces": ["model"]}, "import_not_granted", None),
    (small_module([("wbg", "x")]), {"strict": True}, "unknown_import",
     "program 'p': it imports 'wbg.x', which this server does not have, and its manifest says "
     "strict"),
    (small_module(body=b"\x00\x41\x00\x0b"), None, "invalid_module", None),
])
def test_refused(me, module, manifest, code, message):
    seen = error_of(me.push("p", module, manifest), 400, code)
    assert message is None or seen == message
    assert me.names() == []


def test_wrong_requests(me):
    error_of(me.push("Name", HELLO), 400, "invalid_program_name")
    error_of(me.send("GET", "/v1/programs/p@@"), 400, "invalid_program_version")
    error_of(me.send("GET", "/v1/programs/p"), 404, "program_not_found")
    error_of(me.send("PUT", "/v1/programs/p", files={"other": b"x"}), 400, "invalid_form")
    me.push("p", HELLO)
    error_of(me.send("POST", "/v1/programs/p", json={}), 400, "method_not_allowed")
    assert me.run("p", status=400, inputs=1)["error"]["message"] == (
        "'inputs' is no parameter of a run; there is: input, operation, steps, stream, session.")
    assert me.run("p", status=400, stream=1)["error"]["message"] == (
        "'stream' must be true or false.")


def test_both_sides_of_the_sizes(start_server):
    size = len(CHAT)
    small = Tenant(start_server("--set", f"limits.module_bytes={size}",
                                "--set", "limits.manifest_bytes=100",
                                "--set", "limits.body_bytes=1024"))
    assert small.push("p", CHAT).status_code == 201
    message = error_of(small.push("p", CHAT + b"\0\2\1n"), 422, "module_bytes")
    assert message == (f"program 'p': its {size + 4} bytes are more than the limit of {size} "
                       "(limits.module_bytes in the configuration raises it)")
    message = error_of(small.push("p", CHAT + bytes(100_000)), 413, "body_too_large")
    assert f"this server accepts {size + 100 + 16384} (limits.module_bytes)" in message
    message = error_of(small.push("p", CHAT, {"description": "x" * 100}), 400, "invalid_manifest")
    assert message == "manifest: its 119 bytes are more than the limit of 100 (limits.manifest_bytes)"
    # Other routes keep their limit.
    error_of(small.send("POST", "/v1/envelope", content=b" " * 1025), 413, "body_too_large")


def test_both_sides_of_the_counts(start_server):
    few = Tenant(start_server("--set", "limits.programs=1", "--set", "limits.program_versions=2"))
    assert few.push("p", HELLO).status_code == 201
    assert few.push("p", variant(HELLO, "2")).status_code == 201
    error_of(few.push("p", variant(HELLO, "3")), 429, "too_many_versions")
    error_of(few.push("q", HELLO), 429, "too_many_programs")


KEYS = {"red": "rk_red_0123456789abcdefghijklmnop", "blue": "rk_blue_0123456789abcdefghijklmno"}


@pytest.fixture
def two_tenants(start_server, tmp_path):
    file = tmp_path / "realm.toml"
    file.write_text("".join(
        f'[[tenants]]\nname = "{name}"\n'
        f'keys = ["{run_realm("key", "hash", key, home=tmp_path).out.strip()}"]\n'
        for name, key in KEYS.items()))
    return start_server("--config", file, "--set", "limits.body_bytes=1024")


def test_tenants_do_not_see_each_other(two_tenants):
    red, blue = (Tenant(two_tenants, key) for key in KEYS.values())
    assert red.push("secret", HELLO).status_code == 201
    assert blue.names() == []
    hidden = blue.send("GET", "/v1/programs/secret")
    missing = blue.send("GET", "/v1/programs/nothing")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text.replace("nothing", "secret")
    assert blue.run("secret", status=404)["error"]["code"] == "program_not_found"
    error_of(blue.send("DELETE", "/v1/programs/secret"), 404, "program_not_found")
    assert blue.push("secret", small_module()).json()["version"] == "1"
    assert red.names() == ["secret@1"]
    stranger = Tenant(two_tenants)
    for method, path in (("GET", ""), ("GET", "/secret"), ("DELETE", "/secret"),
                         ("POST", "/secret/runs"), ("PUT", "/secret")):
        error_of(stranger.send(method, f"/v1/programs{path}"), 401, "missing_key")
    # Without a key nobody may send a large body, either.
    error_of(stranger.push("p", HELLO), 413, "body_too_large")


def test_a_tenants_own_chat(two_tenants):
    red, blue = (Tenant(two_tenants, key) for key in KEYS.values())
    body = {"messages": MESSAGES, "temperature": 0}
    assert red.push("chat", small_module(export="other")).status_code == 201
    error_of(red.send("POST", "/v1/chat/completions", json=body), 400, "no_such_export")
    answered = blue.send("POST", "/v1/chat/completions", json=body)
    assert answered.json()["choices"][0]["message"]["content"] == ANSWER
    assert red.send("DELETE", "/v1/programs/chat").status_code == 200
    answered = red.send("POST", "/v1/chat/completions", json=body)
    assert answered.json()["choices"][0]["message"]["content"] == ANSWER


def test_a_restart_keeps_programs_and_leaves_out_what_is_damaged(start_server, tmp_path):
    first = start_server()
    me = Tenant(first)
    me.push("asker", CHAT)
    me.push("spoilt", HELLO)
    first.close()
    store = tmp_path / ".local" / "share" / "realm"
    (store / "modules" / f"{hashlib.sha256(HELLO).hexdigest()}.wasm").write_bytes(b"short")
    second = start_server()
    me = Tenant(second)
    assert me.names() == ["asker@1"]
    assert me.run("asker", input=INPUT)["output"]["content"] == ANSWER
    assert me.push("spoilt", HELLO).status_code == 201
    second.close()
    assert "a stored program is left out" in second.log()
    assert "program 'spoilt@1'" in second.log()


def test_a_directory_of_its_own(start_server, tmp_path):
    directory = tmp_path / "elsewhere"
    me = Tenant(start_server(REALM_PROGRAM_DIRECTORY=str(directory)))
    assert me.push("p", HELLO).status_code == 201
    assert (directory / "tenants" / "t.local" / "p" / "1.json").exists()


def test_the_command(me, realm, tmp_path):
    file = tmp_path / "hello.wasm"
    file.write_bytes(HELLO)
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"version": "1.0"}')
    at = ("--server", me.server.url)

    checked = realm("program", "check", file)
    assert (checked.code, checked.err) == (0, "")
    assert checked.out == f"{file} is accepted; digest {hashlib.sha256(HELLO).hexdigest()}\n"
    seen = realm("program", "inspect", file, "--manifest", manifest)
    assert seen.code == 0
    assert "  provided  env.realm_emit function (i32, i32) -> i32\n" in seen.out
    assert seen.out.endswith('manifest     {"version":"1.0"}\nverdict      accepted\n')
    assert json.loads(realm("program", "inspect", file, "--json").out)["abi"] == "1.5"

    assert realm("program", "list", *at).out == (
        "No programs; push one with: realm program push NAME FILE\n")
    pushed = realm("program", "push", "p", file, "--manifest", manifest, *at)
    assert (pushed.code, pushed.err) == (0, "")
    assert pushed.out.startswith("p@1.0 is there; digest ")
    assert json.loads(realm("program", "list", "--json", *at).out)[0]["newest"] == "1.0"
    assert realm("program", "list", *at).out.startswith("p@1.0 ")
    removed = realm("program", "remove", "p@1.0", *at)
    assert (removed.code, removed.out) == (0, "p@1.0 is removed\n")
    gone = realm("program", "remove", "p", *at)
    assert (gone.code, gone.out) == (3, "")
    assert gone.err == "realm: there is no program 'p'; GET /v1/programs lists yours\n"


def test_the_command_says_what_is_wrong(realm, tmp_path):
    file = tmp_path / "bad.wasm"
    file.write_bytes(small_module([("env", "realm_x")], export="realm_run"))
    checked = realm("program", "check", file)
    assert (checked.code, checked.out) == (2, "")
    assert "it does not say which version" in checked.err
    seen = realm("program", "inspect", file)
    assert seen.code == 0
    assert "verdict      refused: program 'module': it imports 'env.realm_x', which" in seen.out
    file.write_bytes(b"nothing here")
    assert realm("program", "inspect", file).code == 2
    assert realm("program", "check", tmp_path / "none.wasm").code == 3
    away = realm("program", "list", "--server", "http://127.0.0.1:1", "--json")
    assert away.code == 5
    assert json.loads(away.err)["error"]["code"] == "server_unreachable"
    assert realm("program").code == 2


def steps_of(tenant, name, *steps, **more):
    """The results of steps against a program, {"do", "args", "as"} each."""
    return tenant.run(name, steps=list(steps), **more)["output"]["results"]


def envelope_of(tenant, operation, data, session=None):
    meta = {"operation": operation} | ({"session": session} if session else {})
    return tenant.send("POST", "/v1/envelope", json={"meta": meta, "data": data})


def test_steps_call_any_export_and_a_session_keeps_their_state(me):
    me.push("counter", (PROGRAMS / "counter.wasm").read_bytes())
    add = {"do": "add", "args": [1]}
    assert steps_of(me, "counter", add, add) == [{"ok": 101}, {"ok": 102}]
    assert steps_of(me, "counter", add) == [{"ok": 101}]
    assert steps_of(me, "counter", add, session="s") == [{"ok": 101}]
    assert steps_of(me, "counter", add, session="s") == [{"ok": 102}]
    (trap, after) = steps_of(me, "counter", {"do": "crash", "args": [0]}, add, session="s")
    assert trap["error"]["code"] == "integer_divide_by_zero" and after == {"ok": 103}
    ended = envelope_of(me, "session.end", {"program": "counter"}, "s")
    assert (ended.status_code, ended.json()["data"]) == (200, {"ended": True})
    assert steps_of(me, "counter", add, session="s") == [{"ok": 101}]
    envelope_of(me, "session.end", {"program": "counter"}, "s")
    again = envelope_of(me, "session.end", {"program": "counter"}, "none")
    assert again.status_code == 404
    assert again.json()["error"]["code"] == "session_not_found"


def test_the_forerunners_class_answers_envelopes_with_200(me):
    me.push("shape", (PROGRAMS / "realm_shape.wasm").read_bytes())
    first = envelope_of(me, "program.run", {"program": "shape", "steps": [
        {"do": "new Realm", "as": "r"}, {"do": "r.loadModel", "args": [""]},
        {"do": "r.generate", "args": ["What is the capital of France?"]}]}, "chat")
    assert first.status_code == 200, first.text
    made, loaded, answer = first.json()["data"]["output"]["results"]
    assert (made, loaded) == ({"ok": {"$ref": "r"}}, {"ok": None})
    assert answer["ok"] == ANSWER
    second = envelope_of(me, "program.run", {"program": "shape", "steps": [
        {"do": "r.contextLength"}, {"do": "r.max_tokens"}, {"do": "new Broken"}]}, "chat")
    length, tokens, broken = second.json()["data"]["output"]["results"]
    assert length["ok"] > 24 and tokens == {"ok": 24}
    assert broken["error"] == {"type": "invalid_request", "code": "refused_by_module",
                               "message": "no weights were found"}
    envelope_of(me, "session.end", {"program": "shape"}, "chat")


def test_steps_and_sessions_that_are_wrong_are_refused(me):
    me.push("counter", (PROGRAMS / "counter.wasm").read_bytes())
    for body in ({"steps": {}}, {"steps": [], "input": 1}, {"steps": [], "operation": "x"}):
        assert "steps" in error_of(me.send("POST", "/v1/programs/counter/runs", json=body),
                                   400, "invalid_value")
    for name in ("", "a b", "x" * 65):
        error_of(me.send("POST", "/v1/programs/counter/runs",
                            json={"steps": [], "session": name}), 400, "invalid_value")
    answer = envelope_of(me, "program.run", {"program": "counter", "steps": []}, "a/b")
    assert answer.json()["error"]["message"] == (
        "meta.session must be 1 to 64 letters, digits, '.', '_' or '-'.")
