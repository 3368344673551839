"""The servers that are measured: started on free ports, driven one at a time, idle in between."""

import os
import pathlib
import re
import resource
import subprocess
import sys
import time
import urllib.request

import workload
from support import BIN, load, write_tenants

# Realm's default model.context; llama-server gets the same, for all of its slots together.
CONTEXT = 32_768
START_S = 120
# llama-server's threads spin at barriers: what else runs costs it far more than its share.
FOREIGN = 0.05
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A process that serves until close(); its output goes to a file."""

    health = ""
    key = ""

    def __init__(self, name, command, folder):
        self.name = name
        self.command = [str(word) for word in command]
        self._log = folder / f"{name.replace(' ', '_')}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log)
        try:
            self.port = self._find_port()
            self._await(self._is_healthy)
        except BaseException:
            self.close()
            raise

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_seconds(self):
        stat = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _find_port(self):
        found = self._await(lambda: re.search(r"listening on http://[^:]+:(\d+)",
                                              self._log.read_text(errors="replace")))
        return int(found[1])

    def _is_healthy(self):
        url = f"http://127.0.0.1:{self.port}/health{self.health}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except OSError:
            return False

    def _await(self, ask):
        limit = time.monotonic() + START_S
        while time.monotonic() < limit and self._process.poll() is None:
            answer = ask()
            if answer:
                return answer
            time.sleep(0.05)
        return sys.exit(f"bench: {' '.join(self.command)} did not start:\n"
                        f"{self._log.read_text(errors='replace')[-2000:]}")


class Realm(Server):
    """Realm with its defaults but for the flags; with tenants where names and keys are given."""

    health = "/ready"

    def __init__(self, model, folder, *flags, tenants=None, name="realm"):
        if tenants:
            self.key = next(iter(tenants.values()))
            flags += ("--config", write_tenants(folder / "realm.toml", tenants))
        super().__init__(name, [BIN / "realm", "serve", "--port", 0, "--model", model, *flags],
                         folder)


class LlamaServer(Server):
    def __init__(self, program, model, folder, slots, flags, name="llama-server"):
        # No prompt is asked twice: what the cache for that would save costs time and gives nothing.
        super().__init__(name, [program, "-m", model, "--host", "127.0.0.1", "--port", 0, "-np",
                                slots, "-c", CONTEXT, "-cram", 0, *flags], folder)


def settle(servers):
    """Waits until none of them computes."""
    limit = time.monotonic() + START_S
    while time.monotonic() < limit:
        before = [server.cpu_seconds() for server in servers]
        time.sleep(0.1)
        if all(server.cpu_seconds() - was <= 1 / TICKS
               for server, was in zip(servers, before, strict=True)):
            return
    names = ", ".join(server.name for server in servers)
    sys.exit(f"bench: one of {names} computes though nobody asks it anything")


def our_cpu_seconds(server):
    """Of the server, of this process and of the clients that have ended."""
    clients = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return server.cpu_seconds() + sum(client.ru_utime + client.ru_stime for client in clients)


def machine_cpu_seconds():
    """All processors' time at work, what a hypervisor took included, and all of their time."""
    line = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    ticks = [int(word) for word in line.split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS, sum(ticks) / TICKS


def alone(server, others, ask):
    """What ask() gives, which has the server work; the others must have been idle meanwhile."""
    settle([server, *others])
    before = [other.cpu_seconds() for other in others]
    begin = time.monotonic()
    ours, (busy, total) = our_cpu_seconds(server), machine_cpu_seconds()
    answer = ask()
    ours, after = our_cpu_seconds(server) - ours, machine_cpu_seconds()
    foreign = (after[0] - busy - ours) / (after[1] - total)
    if foreign > FOREIGN:
        print(f"  the machine is busy: other processes had {foreign:.0%} of it while {server.name} "
              "was measured", flush=True)
    allowed = 0.05 + 0.01 * (time.monotonic() - begin)
    for other, was in zip(others, before, strict=True):
        if other.cpu_seconds() - was > allowed:
            sys.exit(f"bench: {other.name} computed while {server.name} was measured")
    return answer


def drive(server, others, plan, folder):
    """The results of one plan."""
    results = alone(server, others, lambda: load(server.port, plan, folder))
    check(server, plan, results)
    return results


def check(server, plan, results):
    """Every stream must have brought what was asked for: a shorter one is easier."""
    for request, result in zip(plan, results, strict=True):
        asked, got = request["body"]["max_tokens"], result["tokens"]
        if "until_ends" in request:
            if not result["hung_up"]:
                sys.exit(f"bench: {server.name}: a stream that was to run on ended after {got} "
                         f"tokens ({result['finish_reason']})")
        elif result["completion_tokens"] != asked:
            sys.exit(f"bench: {server.name}: {result['completion_tokens']} tokens instead of "
                     f"{asked} in group {request['group']} ({result['finish_reason']})")
        elif got != asked:
            sys.exit(f"bench: {server.name}: {got} chunks with text for {asked} tokens in group "
                     f"{request['group']}")


def warm_up(server, folder):
    """One request, so that no first time of anything is measured."""
    plan = [{"group": "warm up", "key": server.key, "body": workload.body("Hello", 2)}]
    load(server.port, plan, folder)
