"""The small room that a server goes into once it is up; every other test runs against it too."""

import json
import pathlib
import re

from support import ANSWER


def statuses(server):
    """What the kernel says of each thread: {thread: (NoNewPrivs, Seccomp)}."""
    found = {}
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        text = (task / "status").read_text()
        found[task.name] = tuple(int(re.search(rf"^{name}:\s+(\d+)$", text, re.MULTILINE)[1])
                                 for name in ("NoNewPrivs", "Seccomp"))
    return found


def log_of(server):
    """All that it logged: it is stopped first, so that no line is still on its way."""
    server.signal()
    assert server.wait_for_exit() == 0
    return server.log()


def test_every_thread_is_in_the_room(server):
    server.chat(max_tokens=1)
    found = statuses(server)
    assert len(found) > 5
    assert set(found.values()) == {(1, 2)}


def test_the_log_says_what_is_active(start_server):
    server = start_server("--set", "server.lockdown=required", "--set", "server.log_format=json")
    assert server.chat()["choices"][0]["message"]["content"] == ANSWER
    lines = [json.loads(line) for line in log_of(server).splitlines()]
    [line] = [line for line in lines if line["message"] == "lockdown"]
    assert (line["no_new_privileges"], line["seccomp"]) == (True, True)
    assert line["landlock_abi"] >= 1


def test_off_means_off(start_server):
    server = start_server(REALM_LOCKDOWN="off")
    assert set(statuses(server).values()) == {(0, 0)}
    assert "seccomp=false" in log_of(server)


def test_doctor_says_what_is_active(realm):
    done = realm("doctor", "--json")
    findings = {finding["subject"]: finding for finding in json.loads(done.out)}
    assert findings["seccomp"] == {
        "subject": "seccomp", "health": "ok", "advice": "",
        "detail": "system calls are filtered, no new privileges"}
    assert re.fullmatch(r"ABI \d: files.* are confined", findings["landlock"]["detail"])
    off = realm("doctor", "--json", REALM_LOCKDOWN="off")
    findings = {finding["subject"]: finding for finding in json.loads(off.out)}
    assert findings["lockdown"]["detail"] == "server.lockdown is off"
    assert "seccomp" not in findings
