"""`realm run`: programs in the process of the command, friendly and hostile ones."""

import json
import re

import pytest

from support import ANSWER, MESSAGES, MODEL, PROGRAMS, QUESTION, SYSTEM, reference

REFUSED = 2
PROGRAM_FAULT = 6


def error_of(done, code=PROGRAM_FAULT):
    """The error of a command that was given --json."""
    assert done.code == code, done.err
    return json.loads(done.err.splitlines()[-1])["error"]


def hostile(realm, name, *flags, **more):
    return realm("run", PROGRAMS / f"{name}.wasm", "--json", *flags, **more)


def test_prompt(realm):
    done = realm("run", "--model", MODEL, "--system", SYSTEM, "--prompt", QUESTION)
    assert (done.code, done.out) == (0, ANSWER + "\n"), done.err


def test_prompt_with_a_limit(realm, tmp_path):
    done = realm("run", "--model", MODEL, "--prompt", QUESTION, "--max-tokens", 5)
    expected = reference([[{"role": "user", "content": QUESTION}]], 5, tmp_path)[0]
    assert (done.code, done.out) == (0, expected["text"] + "\n"), done.err


def test_input_from_file_and_standard_input(realm, tmp_path):
    data = json.dumps({"messages": MESSAGES, "temperature": 0})
    file = tmp_path / "request.json"
    file.write_text(data)
    from_file = realm("run", "--model", MODEL, "--input", file)
    piped = realm("run", "--model", MODEL, "--input", "-", input_text=data)
    assert (from_file.code, from_file.out) == (0, ANSWER + "\n"), from_file.err
    assert (piped.code, piped.out) == (0, ANSWER + "\n"), piped.err


def test_json_output(realm, tmp_path):
    done = realm("run", "--model", MODEL, "--system", SYSTEM, "--prompt", QUESTION, "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    expected = reference([MESSAGES], 64, tmp_path)[0]
    reply = lines.pop()["reply"]
    assert "".join(line["chunk"]["content"] for line in lines) == ANSWER
    assert len(lines) == len(expected["tokens"])
    assert reply == {"content": ANSWER, "finish_reason": "stop", "tail": "",
                     "usage": {"prompt_tokens": expected["prompt_tokens"],
                               "completion_tokens": len(lines),
                               "total_tokens": expected["prompt_tokens"] + len(lines),
                               "prompt_tokens_details": {"cached_tokens": 0}}}


def test_hello(realm, tmp_path):
    done = realm("run", PROGRAMS / "hello.wasm", "--model", MODEL)
    messages = [MESSAGES[0], {"role": "user", "content": "Say hello to the world."}]
    assert done.code == 0, done.err
    assert done.out == reference([messages], 32, tmp_path)[0]["text"] + "\n"


def test_program_that_replies_nothing(realm):
    assert realm("run", PROGRAMS / "no_reply.wasm").out == "null\n"


@pytest.mark.parametrize("data, message", [
    ("{}", "'messages' must be an array of at least one message."),
    ("[1]", 'The request must be a JSON object with "model" and "messages".'),
    ('{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
     "'max_tokens' must be a whole number from 1 to 2147483647, not 0."),
    ('{"messages": [{"role": "user", "content": "x"}], "temperature": 3}',
     "'temperature' must be a number from 0 to 2, not 3."),
    ('{"messages": [{"role": "user", "content": "x"}], "logit_bias": {"5": 100.5}}',
     "'logit_bias' must be an object of at most 1024 token ids, each with a number from -100 to 100, "
     "not 100.5."),
    ('{"messages": [{"role": "user", "content": "x"}], "logit_bias": {"05": 1}}',
     "'logit_bias' must be an object of at most 1024 token ids, each with a number from -100 to "
     "100."),
    ('{"messages": [{"role": "user", "content": "x"}], "typical_p": 0}',
     "'typical_p' must be a number above 0 and at most 1, not 0."),
    ('{"messages": [{"role": "user", "content": "x"}], "repeat_penalty": 0}',
     "'repeat_penalty' must be a number from 0.01 to 100, not 0."),
    ('{"messages": [{"role": "user", "content": "x"}], "priority": 1001}',
     "'priority' must be a whole number from -1000 to 1000, not 1001."),
    ('{"messages": [{"role": "user", "content": "x"}], "priority": -1001}',
     "'priority' must be a whole number from -1000 to 1000, not -1001."),
    ('{"messages": [{"role": "user", "content": "x"}], "priority": 1.5}',
     "'priority' must be a whole number from -1000 to 1000, not 1.5."),
    ('{"messages": [{"role": "", "content": "x"}]}',
     "'messages[0].role' must be a string such as \"user\"."),
    ('{"messages": [{"role": "user", "content": "x"}], "n": 2}',
     "'n' must be 1 (this server makes one choice for a request), not 2."),
    ('{"messages": [{"role": "user", "content": "x"}], "stop": ["a", ""]}',
     "'stop' must be a string of 1 to 256 bytes, or an array of at most 16 of them."),
])
def test_the_chat_program_checks_for_itself(realm, data, message):
    done = realm("run", "--model", MODEL, "--input", "-", input_text=data)
    assert (done.code, done.out, done.err) == (REFUSED, "", f"realm: {message}\n")


def test_nothing_to_do(realm):
    done = realm("run", "--model", MODEL)
    assert done.code == REFUSED
    assert done.err == ("realm: nothing to ask: give --prompt TEXT or --input FILE (- for standard "
                        "input)\n")


def test_input_that_is_no_json(realm, tmp_path):
    piped = realm("run", "--model", MODEL, "--input", "-", input_text="{")
    assert piped.code == REFUSED
    assert piped.err == ("realm: the input '-': The body is not valid JSON: it breaks at byte 2.\n")
    missing = realm("run", "--model", MODEL, "--input", tmp_path / "none")
    assert missing.code == 3
    assert missing.err == f"realm: cannot read the input file '{tmp_path}/none'\n"


def test_program_that_is_not_there(realm, tmp_path):
    done = realm("run", tmp_path / "none.wasm")
    assert done.code == 3
    assert done.err.startswith("realm: program 'none': ")
    assert str(tmp_path / "none.wasm") in done.err


@pytest.mark.parametrize("content, reason", [
    (b"", "is not WebAssembly"), (b"hello, world", "is not WebAssembly"),
    (b"\0asm\1\0\0\0\1\xff", "the module"),
])
def test_program_that_is_no_module(realm, tmp_path, content, reason):
    file = tmp_path / "odd.wasm"
    file.write_bytes(content)
    error = error_of(realm("run", file, "--json"), REFUSED)
    assert (error["type"], error["code"]) == ("invalid_request", "invalid_module")
    assert "odd" in error["message"]


def test_every_cut_of_a_module_is_refused(realm, tmp_path):
    module = (PROGRAMS / "no_reply.wasm").read_bytes()
    file = tmp_path / "cut.wasm"
    for size in (4, 7, 8, 9, 20, len(module) // 2, len(module) - 1):
        file.write_bytes(module[:size])
        done = realm("run", file, "--json")
        assert done.code == REFUSED, (size, done.err)
        assert error_of(done, REFUSED)["type"] == "invalid_request"


def test_endless_loop(realm):
    error = error_of(hostile(realm, "spin", "--set", "limits.cpu_ms=150"))
    assert (error["type"], error["code"]) == ("program_limit", "cpu_time")
    assert error["message"] == ("program 'spin' used up its CPU time of 150 ms (limits.cpu_ms in the "
                                "configuration raises it)")


def test_wall_clock(realm):
    error = error_of(hostile(realm, "spin", "--set", "limits.wall_ms=150"), 5)
    assert error["type"] == "deadline_exceeded"
    assert "spin" in error["message"] and "150" in error["message"]


def test_memory(realm):
    error = error_of(hostile(realm, "memory_hog", "--set", "limits.memory_bytes=8388608"))
    assert (error["type"], error["code"]) == ("program_limit", "memory")
    assert re.fullmatch(r"program 'memory_hog' asked for \d+ bytes of memory; its limit is 8388608 "
                        r"bytes.* \(limits\.memory_bytes in the configuration raises it\)",
                        error["message"])


@pytest.mark.parametrize("name, code, function", [
    ("out_of_bounds", "out_of_bounds", "peek"),
    ("unreachable", "unreachable", "realm_run"),
])
def test_trap(realm, name, code, function):
    error = error_of(hostile(realm, name))
    assert (error["type"], error["code"], error["retryable"]) == ("program_trap", code, False)
    assert re.match(rf"program '{name}' trapped in function '{function}' \(offset 0x[0-9a-f]+\): ",
                    error["message"])
    assert error["details"]["function"] == function
    assert error["details"]["program"] == name
    assert error["details"]["backtrace"][0]["function"] == function


@pytest.mark.parametrize("stack", [65536, 1 << 20])
def test_a_full_stack(realm, stack):
    error = error_of(hostile(realm, "stack_overflow", "--set", f"limits.stack_bytes={stack}"))
    assert (error["type"], error["code"]) == ("program_limit", "stack")
    assert f"used up its stack of {stack} bytes in function 'dive'" in error["message"]
    assert "limits.stack_bytes in the configuration raises it" in error["message"]
    assert error["details"]["value"] == stack
    assert error["details"]["backtrace"][0]["function"] == "dive"


def test_a_trap_in_words(realm):
    done = realm("run", PROGRAMS / "out_of_bounds.wasm")
    assert done.code == PROGRAM_FAULT
    assert re.fullmatch(r"realm: program 'out_of_bounds' trapped in function 'peek' \(offset "
                        r"0x[0-9a-f]+\): out of bounds memory access; called from 'realm_run'.*\n"
                        r"  in export 'realm_run' of program 'out_of_bounds'\n"
                        r"  in run [0-9a-f-]{36} of tenant 'local', operation 'run'\n",
                        done.err)


def test_unknown_realm_import_is_refused_by_name(realm):
    error = error_of(hostile(realm, "unknown_realm_import"), REFUSED)
    assert error["type"] == "invalid_request"
    assert "unknown_realm_import" in error["message"]
    assert "env.realm_teleport" in error["message"]


def test_unknown_import_traps_when_it_is_called(realm):
    done = hostile(realm, "unknown_import")
    error = error_of(done)
    assert (error["type"], error["code"]) == ("program_trap", "unknown_import")
    assert error["message"] == ("program 'unknown_import' called import 'elsewhere.help', which this "
                                "server does not provide")
    assert done.out.splitlines()[0] == '{"chunk":"before"}'


def test_program_for_a_newer_interface(realm):
    error = error_of(hostile(realm, "newer_abi"), REFUSED)
    assert error["type"] == "invalid_request"
    assert "2.0" in error["message"] and "1.5" in error["message"]


def test_program_without_a_version(realm):
    error = error_of(hostile(realm, "no_marker"), REFUSED)
    assert error["type"] == "invalid_request"
    assert "realm_abi_version" in error["message"]


def test_output_limit(realm):
    done = hostile(realm, "output_flood", "--set", "limits.output_bytes=200000")
    error = error_of(done)
    assert (error["type"], error["code"]) == ("program_limit", "output_bytes")
    assert error["message"] == ("A run may send 200000 bytes in all, chunks and reply; with this they "
                                "were 262144 (limits.output_bytes in the configuration raises it)")
    assert error["details"] == {"limit": "output_bytes", "value": 200000,
                                "setting": "limits.output_bytes", "asked": 262144}
    assert len(done.out.splitlines()) == 3


def test_chunk_limit(realm):
    done = hostile(realm, "output_flood", "--set", "limits.chunk_bytes=65535")
    error = error_of(done)
    assert (error["type"], error["code"], done.out) == ("program_limit", "chunk_bytes", "")
    fits = hostile(realm, "output_flood", "--set", "limits.chunk_bytes=65536",
                   "--set", "limits.output_bytes=65536")
    assert error_of(fits)["code"] == "output_bytes"
    assert len(fits.out.splitlines()) == 1


def test_context_limit(realm):
    error = error_of(hostile(realm, "context_hog", "--model", MODEL, "--set", "limits.contexts=3"))
    assert (error["type"], error["code"]) == ("program_limit", "contexts")
    assert error["message"] == ("A run may hold 3 contexts at one time; drop one first "
                                "(limits.contexts in the configuration raises it)")


BAD_POINTERS = [("realm_request_data", 1, 64), ("realm_request_meta", 1, 64), ("realm_emit", 1, 64),
                ("realm_reply", 1, 64), ("realm_fail", 1, 64), ("realm_take", 1, 64),
                ("realm_last_error", 1, 64), ("realm_log", 2, 64), ("realm_model_open", 1, 64),
                ("realm_model_describe", 2, 16), ("realm_model_name", 2, 64),
                ("realm_tokenize", 2, 64), ("realm_detokenize", 2, 256),
                ("realm_apply_template", 2, 64), ("realm_context_prefill", 2, 256),
                ("realm_context_prefill", 2, 2**32), ("realm_context_sampling", 2, 32),
                ("realm_context_generate", 3, 64)]


@pytest.mark.parametrize("case", range(len(BAD_POINTERS)),
                         ids=[f"{i}-{name}" for i, (name, _, _) in enumerate(BAD_POINTERS)])
def test_bad_pointer(realm, case):
    function, parameter, size = BAD_POINTERS[case]
    error = error_of(hostile(realm, "bad_pointer", "--input", "-", input_text=str(case)))
    assert (error["type"], error["code"]) == ("program_trap", "bad_pointer")
    assert re.fullmatch(rf"program 'bad_pointer': {function}: parameter {parameter}: offset "
                        rf"4294967280 with {size} bytes lies outside the guest's memory of \d+ bytes",
                        error["message"])


def test_unaligned_pointer(realm):
    case = len(BAD_POINTERS)
    error = error_of(hostile(realm, "bad_pointer", "--input", "-", input_text=str(case)))
    assert (error["type"], error["code"]) == ("program_trap", "bad_pointer")
    assert error["message"] == ("program 'bad_pointer': realm_detokenize: parameter 2: offset 1025 is "
                                "not a multiple of 4")


def test_every_case_of_bad_pointers_is_tested(realm):
    done = realm("run", PROGRAMS / "bad_pointer.wasm", "--input", "-",
                 input_text=str(len(BAD_POINTERS) + 1))
    assert (done.code, done.out) == (0, "no such case\n"), done.err
