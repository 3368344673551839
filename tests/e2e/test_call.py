"""`realm call`: modules that were not written for Realm, driven by steps."""

import json
import pathlib
import shutil

from support import MODEL, PROGRAMS

ROOT = pathlib.Path(__file__).parents[2]
COUNTER = PROGRAMS / "counter.wasm"
SHAPE = PROGRAMS / "realm_shape.wasm"


def call(realm, path, *steps, **more):
    """The lines that the steps print, parsed."""
    text = "".join((step if isinstance(step, str) else json.dumps(step)) + "\n" for step in steps)
    done = realm("call", path, "--steps", "-", "--model", MODEL, input_text=text, **more)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def step(do, *arguments, **more):
    return {"do": do, "args": list(arguments), **more}


def error_of(line):
    return line["error"]["code"]


def test_short_form(realm):
    done = realm("call", COUNTER, "add", "5")
    assert (done.code, done.out) == (0, '{"ok":105}\n'), done.err
    done = realm("call", COUNTER, "sum", "1.5", "0.25", "9007199254740993")
    assert (done.code, done.out) == (0, '{"ok":9.007199254740994e+15}\n'), done.err
    done = realm("call", COUNTER, "subtract", "5")
    assert done.code == 2
    assert json.loads(done.out)["error"] == {
        "type": "invalid_request", "code": "no_such_export",
        "message": "program 'counter' exports no function 'subtract'; it exports '_initialize', "
                   "'add', 'sum', 'greet', 'crash'"}


def test_state_initialised_at_load_serves_all_steps(realm):
    lines = call(realm, COUNTER, step("add", 1), step("add", 41), step("crash", 0),
                 step("add", -142))
    assert [line.get("ok") for line in lines] == [101, 142, None, 0]
    assert error_of(lines[2]) == "integer_divide_by_zero"


def test_steps_from_a_file_and_malformed_lines(realm, tmp_path):
    steps = tmp_path / "steps"
    steps.write_text('{"do": "add", "args": [1]}\n\n{"do": \n[]\n{"do": "add"}\n'
                     '{"do": "add", "args": [1], "extra": 1}\n{"do": "add", "args": [1]}\n')
    done = realm("call", COUNTER, "--steps", steps)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line.get("ok") or error_of(line) for line in lines] == [
        101, "invalid_json", "invalid_step", "bad_arguments", "invalid_step", 102]


def test_trap_names_function_and_source_line(realm):
    (line,) = call(realm, COUNTER, step("crash", 0))
    number = 1 + next(i for i, text in enumerate(
        (ROOT / "programs/foreign/counter.c").read_text().splitlines()) if "total / divisor" in text)
    assert line["error"]["type"] == "program_trap"
    assert line["error"]["message"].startswith(
        "program 'counter' trapped in function 'crash' at ")
    assert f"programs/foreign/counter.c:{number}:" in line["error"]["message"]


def test_package_directory_with_a_description(realm, tmp_path):
    package = tmp_path / "package" / "dist"
    package.mkdir(parents=True)
    shutil.copy(COUNTER, package / "counter.wasm")
    (package / "conventions.json").write_text(json.dumps(
        {"exports": {"greet": {"params": ["cstring"], "returns": "cstring"}}}))
    assert call(realm, package.parent, step("greet", "world"), step("greet", "wörld")) == [
        {"ok": "world"}, {"ok": "wörld"}]
    (package / "conventions.json").write_text('{"exports": {"greet": {"returns": 3}}}')
    done = realm("call", package.parent, "greet", "x", "--json")
    assert done.code == 2
    assert json.loads(done.err)["error"]["message"] == (
        "conventions.exports.greet.returns: must be a string")
    shutil.copy(COUNTER, package / "other.wasm")
    done = realm("call", package.parent, "greet", "x", "--json")
    assert json.loads(done.err)["error"]["code"] == "invalid_package"


def test_a_step_beyond_its_cpu_time_leaves_the_next_one_a_fresh_instance(realm, tmp_path):
    module = tmp_path / "spin.wat"
    module.write_text('(module (global $n (mut i32) (i32.const 0)) (func (export "spin") '
                      '(loop $l br $l)) (func (export "count") (result i32) (global.set $n '
                      '(i32.add (global.get $n) (i32.const 1))) (global.get $n)))')
    lines = call(realm, module, step("count"), step("count"), step("spin"), step("count"),
                 REALM_LIMIT_CPU_MS="100")
    assert [line.get("ok") or error_of(line) for line in lines] == [1, 2, "cpu_time", 1]


def test_a_module_has_more_room_than_a_run_of_a_server_unless_configured(realm, tmp_path):
    module = tmp_path / "large.wat"
    module.write_text('(module (memory 16384) (table 100000 funcref) (func (export "pages") '
                      '(result i32) memory.size))')
    assert call(realm, module, step("pages")) == [{"ok": 16384}]
    small = realm("call", module, "pages", REALM_LIMIT_MEMORY_BYTES="1073676288")
    assert small.code == 6
    assert "at most 1073676288 bytes are allowed (limits.memory_bytes" in small.err
    module.write_text('(module (table 100001 funcref) (func (export "f")))')
    wide = realm("call", module, "f")
    assert wide.code == 6
    assert "100000" in wide.err
    assert "limits.table_elements" in wide.err


def test_class_of_the_forerunners_shape_generates_with_the_real_model(realm):
    first, loaded, field, answer, length, again, longer, freed, gone = call(
        realm, SHAPE, step("new Realm", **{"as": "r"}), step("r.loadModel", ""),
        step("r.max_tokens", 8), step("r.generate", "What is the capital of France?"),
        step("r.contextLength"), step("r.generate", "And of Italy?"), step("r.contextLength"),
        step("r.free"), step("r.contextLength"))
    assert first == {"ok": {"$ref": "r"}}
    assert loaded == {"ok": None} and field == {"ok": None} and freed == {"ok": None}
    assert answer["ok"].startswith("The capital of France"), answer
    assert again["ok"] and again != answer
    assert longer["ok"] > length["ok"] > 8
    assert error_of(gone) == "no_such_name"


def test_error_side_of_a_constructor_is_text(realm):
    lines = call(realm, SHAPE, step("new Broken", **{"as": "b"}),
                 step("new Realm", **{"as": "r"}), step("r.generate", "x"),
                 step("r.loadModel", "no-such-model"), step("r.max_tokens"))
    assert lines[0] == {"error": {"type": "invalid_request", "code": "refused_by_module",
                                  "message": "no weights were found"}}
    assert lines[1] == {"ok": {"$ref": "r"}}
    assert lines[2]["error"]["message"] == "load a model first"
    assert "no-such-model" in lines[3]["error"]["message"]
    assert lines[4] == {"ok": 24}


def test_what_cannot_be_called_is_said(realm, tmp_path):
    done = realm("call", COUNTER, "--json")
    assert done.code == 2
    assert json.loads(done.err)["error"]["code"] == "no_steps"
    done = realm("call", tmp_path / "none.wasm", "f", "--json")
    assert json.loads(done.err)["error"]["type"] == "not_found"
    (tmp_path / "text.wasm").write_bytes(b"\0asm garbage")
    done = realm("call", tmp_path / "text.wasm", "f", "--json")
    assert json.loads(done.err)["error"]["code"] == "invalid_module"
