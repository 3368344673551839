"""The command line: help, usage errors, settings from file, environment and flags."""

import json

import pytest

from support import MODEL, MODEL_NAME

USAGE = 2


@pytest.mark.parametrize("command, words", [
    ([], ["serve", "run", "pull", "models", "doctor", "key", "--version"]),
    (["serve"], ["--port", "--address", "--model", "--config", "--program", "--set"]),
    (["run"], ["PROGRAM", "--prompt", "--system", "--input", "--max-tokens", "--json"]),
    (["pull"], ["MODEL", "--name", "--sha256", "--quiet"]),
    (["models"], ["--path", "--json"]),
    (["doctor"], ["--settings", "--json"]),
    (["key"], ["hash"]),
    (["key", "hash"], ["KEY"]),
])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(realm, command, words, flag):
    done = realm(*command, flag)
    assert (done.code, done.err) == (0, "")
    for word in words:
        assert word in done.out


def test_version(realm):
    done = realm("--version")
    assert (done.code, done.out) == (0, "realm 0.1.0\n")


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["--nonsense"], ["serve", "--nonsense"], ["run", "--nonsense"],
    ["pull", "--nonsense"], ["models", "--nonsense"], ["doctor", "--nonsense"], ["key"],
    ["key", "nonsense"], ["serve", "--port"], ["pull", "a", "b"], ["run", "--system", "x"],
    ["run", "--prompt", "x", "--input", "y"], ["serve", "--set", "novalue"],
])
def test_wrong_usage(realm, arguments):
    done = realm(*arguments)
    assert (done.code, done.out) == (USAGE, "")
    assert done.err != ""


@pytest.mark.parametrize("arguments, message", [
    (["--port", "70000"], "--port: server.port is 70000, allowed is an integer from 0 to 65535"),
    (["--port", "x"], '--port: server.port is "x", allowed is an integer from 0 to 65535'),
    (["--set", "server.prot=1"],
     '--set: unknown setting "server.prot"; did you mean "server.port"?'),
    (["--log-level", "loud"],
     '--log-level: server.log_level is "loud", allowed is one of debug, info, warn, error'),
])
def test_wrong_setting_on_the_command_line(realm, arguments, message):
    done = realm("serve", *arguments)
    assert (done.code, done.out) == (USAGE, "")
    # A flag with a short form may be named with both.
    assert done.err.endswith(message.split(": ", 1)[1] + "\n")
    assert done.err.startswith(f"realm: {arguments[0]}")


@pytest.mark.parametrize("text, message", [
    ("[server]\nprot = 1\n", ':2: unknown setting "server.prot"; did you mean "server.port"?'),
    ("[sever]\nport = 1\n", ':1: unknown setting "sever"; did you mean "server"?'),
    ("[server]\nport = 70000\n", ":2: server.port is 70000, allowed is an integer from 0 to 65535"),
    ("[server]\nport = \"80\"\n",
     ":2: server.port is \"80\", allowed is an integer from 0 to 65535"),
    ("[limits]\n\ncpu_ms = -1\n",
     ":3: limits.cpu_ms is -1, allowed is an integer from 1 to 86400000"),
])
def test_wrong_setting_in_a_file(realm, tmp_path, text, message):
    file = tmp_path / "realm.toml"
    file.write_text(text)
    done = realm("serve", "--config", file)
    assert (done.code, done.out, done.err) == (USAGE, "", f"realm: {file}{message}\n")
    by_variable = realm("serve", REALM_CONFIG=str(file))
    assert by_variable.err == done.err


def test_wrong_setting_in_the_environment(realm):
    done = realm("serve", REALM_PORT="x")
    assert done.code == USAGE
    assert done.err == ('realm: REALM_PORT: server.port is "x", allowed is an integer from 0 to '
                        "65535\n")


def test_file_that_is_not_there(realm, tmp_path):
    done = realm("serve", "--config", tmp_path / "none.toml")
    assert done.code == USAGE
    assert done.err == f"realm: {tmp_path}/none.toml: there is no such file\n"


def test_errors_as_json(realm):
    done = realm("serve", "--port", "70000", "--json")
    error = json.loads(done.err)["error"]
    assert (error["type"], error["code"]) == ("invalid_request", "invalid_config")


def test_flags_win_over_variables_over_the_file(start_server, tmp_path):
    file = tmp_path / "realm.toml"
    file.write_text("[limits]\nbody_bytes = 2000\n")
    flags = ["--config", file]
    variable = {"REALM_LIMIT_BODY_BYTES": "3000"}
    servers = {2000: start_server(*flags), 3000: start_server(*flags, **variable),
               4000: start_server(*flags, "--set", "limits.body_bytes=4000", **variable)}
    for limit, server in servers.items():
        too_long = server.post(content=b" " * (limit + 1))
        assert too_long.status_code == 413
        assert str(limit) in too_long.json()["error"]["message"]
        assert server.post(content=b" " * limit).json()["error"]["code"] == "invalid_json"


def test_port_that_is_taken(realm, shared_server):
    done = realm("serve", "--port", shared_server.port, "--model", MODEL)
    assert done.code != 0
    assert done.out == ""
    assert str(shared_server.port) in done.err.splitlines()[-1]


@pytest.mark.parametrize("model, code, words", [
    ("no-such-model", 3, "no-such-model"),
    ("/nowhere/x.gguf", 3, "there is no model file '/nowhere/x.gguf'"),
])
def test_model_that_is_not_there(realm, model, code, words):
    done = realm("serve", "--port", "0", "--model", model)
    assert (done.code, done.out) == (code, "")
    assert words in done.err.splitlines()[-1]


@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>", b"GGUF\3\0\0\0" + b"\xff" * 64])
def test_model_that_is_no_model(realm, tmp_path, content):
    file = tmp_path / "odd.gguf"
    file.write_bytes(content)
    done = realm("serve", "--port", "0", "--model", file)
    assert (done.code, done.out) == (USAGE, "")
    assert str(file) in done.err.splitlines()[-1]


def test_model_that_is_cut_off(realm, tmp_path):
    file = tmp_path / "cut.gguf"
    with MODEL.open("rb") as whole:
        file.write_bytes(whole.read(20_000_000))
    done = realm("serve", "--port", "0", "--model", file)
    assert (done.code, done.out) == (USAGE, "")
    assert str(file) in done.err.splitlines()[-1]


def test_models(realm, tmp_path):
    empty = realm("models")
    assert (empty.code, empty.err) == (0, "")
    assert empty.out.startswith("No models in ")
    assert json.loads(realm("models", "--json").out) == []
    folder = tmp_path / ".cache" / "realm" / "models"
    folder.mkdir(parents=True)
    (folder / f"{MODEL_NAME}.gguf").symlink_to(MODEL)
    listed = json.loads(realm("models", "--json").out)
    assert [m["name"] for m in listed] == [MODEL_NAME]
    assert listed[0]["bytes"] == MODEL.stat().st_size
    assert MODEL_NAME in realm("models").out
    path = realm("models", "--path", MODEL_NAME)
    assert (path.code, path.out) == (0, f"{folder / MODEL_NAME}.gguf\n")
    unknown = realm("models", "--path", "nope")
    assert (unknown.code, unknown.out) == (3, "")


def test_doctor(realm):
    done = realm("doctor", "--json", "--model", MODEL, "--set", "server.port=0")
    findings = json.loads(done.out)
    health = {f["subject"]: f["health"] for f in findings}
    assert {"cpu", "memory", "model", "port"} <= set(health)
    assert (health["model"], health["port"]) == ("ok", "ok")
    assert all(f["advice"] for f in findings if f["health"] != "ok")
    assert done.code == (1 if "problem" in health.values() else 0)
    text = realm("doctor", "--model", MODEL, "--set", "server.port=0")
    assert text.code == done.code
    assert all(subject in text.out for subject in health)


def test_doctor_says_what_is_wrong(realm, shared_server, tmp_path):
    file = tmp_path / "odd.gguf"
    file.write_bytes(b"<html>")
    done = realm("doctor", "--json", "--model", file, "--set", f"server.port={shared_server.port}")
    found = {f["subject"]: f for f in json.loads(done.out)}
    assert done.code == 1
    assert (found["model"]["health"], found["port"]["health"]) == ("problem", "problem")
    assert found["port"]["advice"] != "" and found["model"]["advice"] != ""


def test_list_of_settings(realm):
    settings = json.loads(realm("doctor", "--settings", "--json").out)
    by_key = {s["key"]: s for s in settings}
    assert by_key["server.port"]["default"] == "8080"
    assert by_key["server.port"]["environment"] == "REALM_PORT"
    text = realm("doctor", "--settings").out
    assert all(key in text for key in by_key)
