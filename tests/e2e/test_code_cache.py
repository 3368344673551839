"""Machine code of programs: compiled apart within limits, kept, and believed only when it is ours."""

import json
import os
import pathlib
import select
import stat

import pytest
import support

# Too little for any module, so that what starts with it did not compile.
NO_TIME = ("--set", "limits.compile_cpu_ms=1")


def refused(home, *flags):
    """Starts a server that must not come up; gives its error."""
    done = support.run_realm("serve", "--json", "--port", "0", "--model", support.MODEL, *flags,
                             home=home)
    assert done.code == 6, done.err
    return json.loads(done.err.splitlines()[-1])["error"]


def entries(home):
    return sorted((home / ".cache/realm/programs/code").glob("*.code"))


def test_a_compilation_that_takes_too_long_is_an_error_with_its_limit(tmp_path):
    error = refused(tmp_path, *NO_TIME)
    assert error["type"] == "program_limit"
    assert error["code"] == "compile_time"
    assert error["details"] == {"limit": "compile_time", "value": 1,
                                "setting": "limits.compile_cpu_ms"}
    assert error["message"] == ("program 'chat': compiling it takes more than 1 ms of processor "
                                "time (raise limits.compile_cpu_ms)")
    assert not entries(tmp_path)


def test_a_second_start_compiles_nothing(tmp_path, start_server):
    start_server().close()
    [entry] = entries(tmp_path)
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert stat.S_IMODE(entry.parent.stat().st_mode) == 0o700
    server = start_server(*NO_TIME)
    assert server.chat()["choices"][0]["message"]["content"] == support.ANSWER


def test_a_changed_entry_is_not_believed(tmp_path, start_server):
    start_server().close()
    [entry] = entries(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    assert refused(tmp_path, *NO_TIME)["code"] == "compile_time"
    assert not entries(tmp_path)
    server = start_server()
    assert server.chat()["choices"][0]["message"]["content"] == support.ANSWER
    assert [kept.name for kept in entries(tmp_path)] == [entry.name]


def children(pid):
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def test_the_compiling_process_sees_no_secrets_and_ends_with_its_server(start_server):
    server = start_server(HF_TOKEN="secret")
    [broker] = children(server.process.pid)
    command = pathlib.Path(f"/proc/{broker}/cmdline").read_bytes()
    assert command == b"realm\0compile-broker\0"
    variables = pathlib.Path(f"/proc/{broker}/environ").read_bytes().split(b"\0")
    names = {variable.split(b"=")[0] for variable in variables if variable}
    assert names <= {b"WASMTIME_BACKTRACE_DETAILS", b"LD_LIBRARY_PATH"}
    process = os.pidfd_open(broker)
    try:
        server.process.kill()
        server.process.wait()
        # Readable once the process has ended.
        assert select.select([process], [], [], support.START_S)[0] == [process]
    finally:
        os.close(process)


def test_the_command_is_not_for_people(realm):
    done = realm("compile-broker")
    assert done.code == 2
    assert "for a server's own use" in done.err
    assert "compile-broker" not in realm("--help").out


@pytest.mark.parametrize("value", ["0", "86400001"])
def test_the_limits_have_a_range(realm, value):
    done = realm("doctor", "--set", f"limits.compile_cpu_ms={value}")
    assert done.code != 0
    assert "limits.compile_cpu_ms" in done.err
