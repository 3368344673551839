"""All hostile modules against one server, beside a tenant that behaves well.

Tenant evil pushes each module of the corpus (tests/hostile/cases.py) and runs what was not
refused, round after round; tenant good asks the same greedy chats all the while. Each module must
end as the table says, each chat must be answered as it was before, and what the server holds after
a round must be what it held after the first. REALM_SOAK_ROUNDS sets the rounds."""

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
import threading
import time

import httpx
import pytest

from support import (ANSWER, MESSAGES, MODEL_NAME, POLL_S, POLLS, PROGRAMS, SYSTEM,
                     Server, run_realm)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hostile"))

import cases  # noqa: E402
import generate  # noqa: E402
import host_calls  # noqa: E402

ROUNDS = int(os.environ.get("REALM_SOAK_ROUNDS", "20"))
AT_ONCE = 8  # runs of the evil tenant
LONG_S = 600  # compilers give way to everybody else
SLICES = 20  # a case of very many runs does one part of them in a round

# A round may leave the server with that much more than the first did; allocators keep some.
MORE_RSS_BYTES = 64 << 20

KEYS = {"good": "rk_good_0123456789abcdefghijklmnop", "evil": "rk_evil_0123456789abcdefghijklmnop"}
CHATS = [
    {"messages": MESSAGES},
    {"messages": [{"role": "system", "content": SYSTEM},
                  {"role": "user", "content": "Name three colours."}], "max_tokens": 16},
]
HTTP_STATUS = {"program_trap": 422, "program_limit": 422, "deadline_exceeded": 504,
               "invalid_request": 400}


def client(server, tenant):
    return httpx.Client(base_url=server.url, timeout=LONG_S,
                        headers={"Authorization": f"Bearer {KEYS[tenant]}"},
                        limits=httpx.Limits(max_connections=AT_ONCE))


@pytest.fixture
def server(tmp_path):
    hashes = {name: run_realm("key", "hash", key, home=tmp_path).out.strip()
              for name, key in KEYS.items()}
    config = tmp_path / "realm.toml"
    limits = "".join(f"{name} = {value}\n" for name, value in cases.SERVER_LIMITS.items())
    config.write_text(f"[limits]\n{limits}" + "".join(
        f'[[tenants]]\nname = "{name}"\nkeys = ["{digest}"]\n' for name, digest in hashes.items()))
    started = Server(tmp_path, "--config", config)
    yield started
    started.close()


class GoodTenant:
    """Asks the same chats again and again, in threads of its own."""

    def __init__(self, server):
        self.server = server
        self.wanted = None
        self.answered = 0
        self.connected = 0
        self.wrong = []
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._keep_asking, args=(chat,))
                         for chat in CHATS]

    def ask(self, http, chat):
        response = http.post("/v1/chat/completions",
                             json={"model": MODEL_NAME, "temperature": 0} | chat)
        if response.status_code != 200:
            return response.text
        return response.json()["choices"][0]["message"]["content"]

    def __enter__(self):
        with client(self.server, "good") as http:
            self.wanted = [self.ask(http, chat) for chat in CHATS]
        assert self.wanted[0] == ANSWER
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _keep_asking(self, chat):
        wanted = self.wanted[CHATS.index(chat)]
        connected = False
        with client(self.server, "good") as http:
            while not self._over.is_set():
                try:
                    answer = self.ask(http, chat)
                except httpx.HTTPError as error:
                    answer = repr(error)
                with self._changed:
                    self.answered += 1
                    self.connected += not connected
                    connected = True
                    if answer != wanted:
                        self.wrong.append(answer)
                        self._over.set()
                    self._changed.notify_all()

    def wait_until_connected(self):
        self._wait_for(lambda: self.connected == len(CHATS))

    def wait_for_more_than(self, answered):
        self._wait_for(lambda: self.answered > answered)

    def _wait_for(self, condition):
        with self._changed:
            done = self._changed.wait_for(lambda: condition() or self.wrong, LONG_S)
        assert done, "the neighbour's chats are not answered any more"
        assert self.wrong == [], f"a neighbour's answer changed; it should be one of {self.wanted}"


@dataclasses.dataclass
class Holdings:
    """What a process holds."""

    sockets: int
    files: int  # descriptors of anything else
    threads: int
    rss: int

    @classmethod
    def of(cls, pid):
        proc = pathlib.Path(f"/proc/{pid}")
        open_files = [os.readlink(file) for file in (proc / "fd").iterdir()]
        sockets = sum(file.startswith("socket:") for file in open_files)
        pages = int((proc / "statm").read_text().split()[1])
        return cls(sockets, len(open_files) - sockets, len(list((proc / "task").iterdir())),
                   pages * os.sysconf("SC_PAGE_SIZE"))


def module_bytes(name):
    if name in generate.MODULES:
        return generate.build(name)
    return (PROGRAMS / f"{name}.wasm").read_bytes()


def push(http, case):
    """What is wrong with how the server takes this module, or None."""
    content = module_bytes(case.name)
    if case.name.startswith("manifest_"):
        response = http.put(f"/v1/programs/{case.name}", content=content)
    else:
        files = {"module": content, "manifest": json.dumps(case.whole_manifest())}
        response = http.put(f"/v1/programs/{case.name}", files=files)
    if case.refused is None:
        return None if response.status_code == 201 else f"refused: {response.text[:500]}"
    if response.status_code != case.status:
        return f"status {response.status_code}, not {case.status}: {response.text[:500]}"
    error = response.json()["error"]
    if error["code"] != case.refused or case.says not in error["message"]:
        return f"not {case.refused} with {case.says!r}: {error}"
    return None


def execute(http, case, run, in_envelope):
    """What is wrong with how this run ends, or None."""
    body = {"steps": run.steps} if run.steps else {"input": run.input}
    if in_envelope:
        response = http.post("/v1/envelope", json={
            "meta": {"operation": "program.run"}, "data": {"program": case.name} | body})
    else:
        response = http.post(f"/v1/programs/{case.name}/runs", json=body)
    status = HTTP_STATUS[run.type] if run.type else 200
    if response.status_code != status:
        return f"status {response.status_code}, not {status}: {response.text[:500]}"
    body = response.json()
    if run.type is None:
        output = (body["data"] if in_envelope else body)["output"]
        if run.steps:
            output = [result["ok"] if "ok" in result else result["error"]["code"]
                      for result in output["results"]]
        return None if output == run.reply else f"replied {output}, not {run.reply}"
    error = body["error"]
    if in_envelope and error["type"] != run.type:
        return f"not {run.type}: {error}"
    if error["code"] != run.code or run.says not in error["message"]:
        return f"not {run.code} with {run.says!r}: {error}"
    return None


def runs_of_round(number):
    for case in cases.CASES:
        if len(case.runs) > SLICES:
            yield from ((case, run) for run in case.runs[number % SLICES::SLICES])
        else:
            yield from ((case, run) for run in case.runs)


def all_at(pool, function, items):
    """The complaints of function(*item) for all items, several at a time."""
    futures = {pool.submit(function, *item): item for item in items}
    found = []
    for future, item in futures.items():
        if (problem := future.result()) is not None:
            label = " ".join(filter(None, (getattr(part, "name", "") or getattr(part, "label", "")
                                           for part in item)))
            found.append(f"{label}: {problem}")
    return found


def holdings_after(server, quiet):
    """Once the connections of the last round are closed, and there are no more than in `quiet`."""
    for _ in range(POLLS):
        with contextlib.suppress(FileNotFoundError):  # one that closes while it is looked at
            now = Holdings.of(server.process.pid)
            if now.sockets <= quiet.sockets:
                return now
        time.sleep(POLL_S)
    raise AssertionError(f"{now.sockets} sockets are open; before there were {quiet.sockets}")


@contextlib.contextmanager
def evil_tenant(server):
    with client(server, "evil") as http, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield http, pool


def check_log(text):
    """Nobody forged a line, and nobody logged more than it may."""
    lines = text.splitlines()
    strange = [line for line in lines
               if not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARN|ERROR) ", line)]
    assert strange == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    logged = {}
    for line in lines:
        found = re.search(r'program log run=(\S+) .*text="(.*)"$', line)
        if found:
            logged[found[1]] = logged.get(found[1], 0) + len(found[2])
    assert logged
    assert max(logged.values()) <= 2 * cases.SERVER_LIMITS["log_bytes"]


@pytest.mark.timeout(900 + 60 * ROUNDS)
def test_the_neighbours_notice_nothing(server):
    first = None
    with GoodTenant(server) as good:
        good.wait_until_connected()
        quiet = Holdings.of(server.process.pid)
        with evil_tenant(server) as (http, pool):
            problems = all_at(pool, lambda case: push(http, case),
                              [(case,) for case in cases.CASES])
        assert not problems, "\n".join(problems)
        for number in range(ROUNDS):
            answered = good.answered
            with evil_tenant(server) as (http, pool):
                problems = all_at(pool, lambda case, run: execute(http, case, run, number % 2 == 1),
                                  runs_of_round(number))
            assert not problems, f"round {number}:\n" + "\n".join(problems)
            good.wait_for_more_than(answered)
            now = holdings_after(server, quiet)
            first = first or now
            print(f"round {number + 1} of {ROUNDS}: {now.sockets} sockets, {now.files} files, "
                  f"{now.threads} threads, {now.rss >> 20} MiB; {good.answered} chats answered",
                  flush=True)
            assert now.files <= first.files
            assert now.threads <= first.threads
            assert now.rss <= first.rss + MORE_RSS_BYTES
    server.signal()
    assert server.wait_for_exit() == 0
    check_log(server.log())


def test_the_corpus_is_whole():
    written = {file.stem for file in (ROOT / "programs" / "hostile").glob("*.c")}
    named = [case.name for case in cases.CASES]
    assert len(named) == len(set(named))
    assert set(named) == written | set(generate.MODULES)
    assert len(named) >= 45
    readme = (ROOT / "programs" / "hostile" / "README.md").read_text()
    assert [name for name in named if f"`{name}`" not in readme] == []


def test_every_pointer_of_every_host_function_is_in_the_corpus():
    assert host_calls.missing_functions(
        (ROOT / "sdk" / "cpp" / "include" / "realm" / "realm.h").read_text(),
        (ROOT / "src" / "interfaces" / "wasi_functions.cc").read_text()) == []
