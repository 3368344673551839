"""Modules and JavaScript of wasm-bindgen that lie: each ends in an error of a type, within limits,
and what comes after it goes on."""

import json

import pytest

import packages
import support

LOADER = "const path = require('path')"
LIMITS = {"REALM_LIMIT_CPU_MS": "2000"}
CONTAINED = ("program_trap", "program_limit", "deadline_exceeded", "invalid_request")


@pytest.fixture
def package(tmp_path):
    """A package around the module that lies; `change` edits its JavaScript."""
    def make(change=lambda text: text):
        honest = (packages.FIXTURES / "bindgen_slab.js").read_text(encoding="utf-8")
        before, after = honest.split(LOADER)
        text = before + (packages.FIXTURES / "lies.js").read_text(encoding="utf-8") + LOADER + after
        text = text.replace("bindgen_slab_bg.wasm", "bindgen_lies_bg.wasm")
        (tmp_path / "bindgen_lies.js").write_text(change(text), encoding="utf-8")
        module = (support.PROGRAMS / "bindgen_lies.wasm").read_bytes()
        (tmp_path / "bindgen_lies_bg.wasm").write_bytes(module)
        return tmp_path
    return make


def play(realm, path, *steps, **more):
    text = "".join(json.dumps(step) + "\n" for step in steps)
    done = realm("call", path, "--steps", "-", input_text=text, **(LIMITS | more))
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def step(do, *arguments, **more):
    return {"do": do, "args": list(arguments), **more}


# What JavaScript makes of them, which ends in an error of its own or in no harm.
AS_IN_JAVASCRIPT = [
    step("text_beyond_memory"), step("text_of_no_encoding"), step("handle_of_nothing", 3),
    step("handle_of_nothing", 131), step("drop_nothing", 5), step("drop_nothing", 131),
    step("too_few_arguments"), step("too_many_arguments"), step("number_as_bigint"),
    step("bigint_as_number"), step("local_that_is_not_there"), step("wild_pointer"), step("text_as_pointer"),
]


def test_lies_without_harm_end_as_in_javascript(realm, package):
    root = package()
    described = {"entry": "bindgen_lies.js", "steps": AS_IN_JAVASCRIPT}
    case = packages.make_case("lies", root, described)
    expected = packages.play_with_node(case)
    problems = packages.differences(case, expected, packages.play_with_realm(case, realm))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("do", "arguments"), [
    ("text_without_end", []), ("drop_twice", []), ("no_such_export", []), ("handle_of_nothing", [1 << 30]), ("handle_of_nothing", [-1]),
    ("drop_nothing", [1 << 30]), ("drop_nothing", [-1]), ("read_beyond", []),
    ("write_beyond", [{"$bytes": "YWI="}]), ("echo_in_no_memory", ["text"]),
    ("double_in_no_memory", [[1, 2]]), ("object_of_no_class", []), ("array_of_billions", []),
    ("text_of_billions", []), ("bytes_of_billions", []), ("recurse_forever", []),
])
def test_a_lie_leaves_the_next_step_an_instance(realm, package, do, arguments):
    lied, after = play(realm, package(), step(do, *arguments), step("negate_i8", 5))
    assert "ok" in lied or lied["error"]["type"] in CONTAINED, lied
    assert after == {"ok": -5}


@pytest.mark.parametrize(("do", "arguments"), [
    ("leak_handles", []), ("leak_text", []), ("leak_array", []), ("requeue_forever", [0]),
])
def test_a_leak_is_a_limit_and_the_next_instance_is_fresh(realm, package, do, arguments):
    lied, after = play(realm, package(), step(do, *arguments), step("echo", "after"))
    assert lied["error"]["type"] == "program_limit", lied
    assert after == {"ok": "after"}


@pytest.mark.parametrize("do", ["wait_forever", "loop_forever"])
def test_a_loop_uses_up_the_cpu_time(realm, package, do):
    lied, after = play(realm, package(), step(do), step("echo", "after"))
    assert lied["error"]["type"] == "program_limit", lied
    assert after == {"ok": "after"}


@pytest.mark.parametrize("with_timers", [False, True])
def test_a_promise_that_nobody_settles_is_an_error(realm, package, with_timers):
    lied, after = play(realm, package(), step("never", with_timers), step("echo", "after"),
                       REALM_LIMIT_CPU_MS="200", REALM_LIMIT_WALL_MS="2000")
    assert lied["error"]["type"] in CONTAINED, lied
    assert after == {"ok": "after"}


@pytest.mark.parametrize(("honest", "lie"), [
    ("makeMutClosure(arg0, arg1, 1, __wbg_adapter_20)",
     "makeMutClosure(arg0, arg1, 99999, __wbg_adapter_20)"),
    ("makeMutClosure(arg0, arg1, 1, __wbg_adapter_20)",
     "makeMutClosure(arg0, arg1, 1, __wbg_adapter_31)"),
    ("new Array(128)", "new Array(32)"),
    ("wasm.point_new(retptr, x, y)", "wasm.point_new(x, y)"),
    ("wasm.wasm_bindgen__convert__closures_____invoke__h5f0f4b21e9b2a2c7(arg0, arg1",
     "wasm.wasm_bindgen__convert__closures_____invoke__h5f0f4b21e9b2a2c7(12345, -1"),
    ("wasm.__wbindgen_add_to_stack_pointer(-16)", "wasm.__wbindgen_add_to_stack_pointer(-1)"),
    ("wasm.__wbindgen_free(", "wasm.__wbindgen_malloc("),
    ("getInt32Memory0()[retptr / 4 + 0]", "getInt32Memory0()[retptr + 0]"),
])
def test_javascript_that_lies_about_the_module_is_contained(realm, package, honest, lie):
    def change(text):
        assert honest in text
        return text.replace(honest, lie)
    lines = play(realm, package(change), step("counter", 1, **{"as": "c"}), step("c", 2),
                 step("drop_counter"), step("c", 3), step("new Point", 1, 2, **{"as": "p"}),
                 step("p.x"), step("p.label"), step("double_f64", [1, 2]), step("next_char", "a"))
    assert len(lines) == 9
    for line in lines:
        assert "ok" in line or line["error"]["type"] in CONTAINED, line
    assert lines[-1] == {"ok": "b"}


@pytest.mark.parametrize("change", [
    lambda text: text[:len(text) // 2], lambda text: "(" * 100_000, lambda text: "`" + text,
    lambda text: "", lambda text: text + "\0\xff", lambda text: "a" * 5_000_000,
    lambda text: "function f() {" * 50_000, lambda text: "x = " + "1 + " * 100_000 + "1;",
], ids=["half", "parentheses", "template", "nothing", "bytes", "name", "functions", "sum"])
def test_javascript_that_is_none_ends_in_an_error_or_in_guesses(realm, package, change):
    path = package(change)
    done = realm("call", path, "--steps", "-", "--json", input_text='{"do":"negate_i8","args":[5]}\n')
    if done.code == 0:
        (line,) = map(json.loads, done.out.splitlines())
        assert "ok" in line or line["error"]["type"] in CONTAINED, line
    else:
        assert json.loads(done.err)["error"]["type"] in CONTAINED, done.err
