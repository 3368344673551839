#!/usr/bin/env python3
"""Measures Realm and writes build/bench.json, an array of rows {name, value, unit, peer, peer_value,
ratio, better}; prints them as a table.

single_stream_vs_raw_decode: tokens per second of one greedy stream over HTTP against llama_decode in
a loop, with the same weights, threads, prompt and number of tokens. The two take turns, so that a
change of the machine's speed hits both; each row holds the medians of all rounds. Both must give the
same text.

neighbour_slowdown: the 99th percentile of the gaps between the tokens of one stream while another
tenant has 64 instances that spin, over the same alone; in turns, on one server.

The rows against llama-server are those of peer.py.

The programs in build/release/bin that print rows of their own (sandbox_bench, warm_start_bench,
instances_bench, contexts_bench, speculation_bench, sampler_bench) run afterwards."""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import socket
import sys
import tempfile
import urllib.request

import peer
from servers import Realm
from support import BIN, COMMAND_S, ROOT, median, percentile_99, print_table, row, run

OUTPUT = ROOT / "build" / "bench.json"
SPINNERS = 64
KEYS = {"calm": "rk_calm_0123456789abcdefghijklmnop", "busy": "rk_busy_0123456789abcdefghijklmnop"}
MESSAGES = [{"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Write a very long story about a lighthouse."}]


def quiet_realm(model, options, folder, *flags, tenants=None):
    # Without guesses a token is a step, as it is in the raw loop.
    return Realm(model, folder, "--threads", options.threads, "--log-level", "warn", "--set",
                 "model.speculation=false", *flags, tenants=tenants)


def single_stream(model, options):
    """Rows of one stream over HTTP against the raw loop."""
    request = {"messages": MESSAGES, "temperature": 0, "max_tokens": options.tokens, "stream": True}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file = folder / "request.json"
        file.write_text(json.dumps(request))
        with quiet_realm(model, options, folder) as server:
            rounds = []
            for turn in range(options.rounds + 1):
                stream = json.loads(run(BIN / "stream_client", server.port, file))
                raw = json.loads(run(BIN / "raw_decode", model, file, options.threads))
                check_same(stream, raw, options.tokens)
                # The first turn warms caches up and does not count.
                if turn > 0:
                    rounds.append((stream, raw))
                    print(f"  round {turn}: {stream['tokens_per_second']:.1f} tok/s over HTTP, "
                          f"{raw['tokens_per_second']:.1f} raw", flush=True)
    # Of the round whose ratio is the median: a machine that changes its speed between two rounds
    # would make one side's median that of a fast one and the other's that of a slow one.
    rounds.sort(key=lambda both: both[0]["tokens_per_second"] / both[1]["tokens_per_second"])
    stream, raw = rounds[len(rounds) // 2]
    return [
        row("single_stream_vs_raw_decode", stream["tokens_per_second"], "tok/s", "higher",
            "llama_decode loop", raw["tokens_per_second"]),
        row("single_stream_first_token_ms", median([both[0] for both in rounds], "first_token_ms"),
            "ms", "lower")]


def spinner():
    """A program that sends one chunk, so that one can see it run, and never ends."""
    sys.path.insert(0, str(ROOT / "tests" / "hostile"))
    import wasm
    program = wasm.Module()
    emit = program.imported("env", "realm_emit", wasm.I32 * 2, wasm.I32)
    program.data.append(b"\x00" + wasm.i32(0) + wasm.END + wasm.name("1"))
    return program.realm(wasm.i32(0) + wasm.i32(1) + wasm.call(emit) + wasm.DROP +
                         wasm.FOREVER).binary()


@contextlib.contextmanager
def spinning(port):
    """64 instances of the busy tenant that spin; they end when their clients go."""
    body = b'{"stream": true}'
    head = (f"POST /v1/programs/spinner/runs HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {KEYS['busy']}\r\nContent-Length: {len(body)}\r\n\r\n")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), COMMAND_S))
                   for _ in range(SPINNERS)]
        for client in clients:
            client.sendall(head.encode() + body)
        for client in clients:
            answer = b""
            while b'{"chunk":1}' not in answer:
                piece = client.recv(4096)
                if not piece:
                    sys.exit(f"bench: a spinning program ended: {answer!r}")
                answer += piece
        yield


def gap_p99(rounds):
    return percentile_99([gap for stream in rounds for gap in stream["gaps_ms"]])


def neighbour_slowdown(model, options):
    """Rows of one tenant's stream beside another's spinning programs."""
    request = {"messages": MESSAGES, "temperature": 0, "max_tokens": options.tokens, "stream": True}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file = folder / "request.json"
        file.write_text(json.dumps(request))
        forever = 86_400_000
        with quiet_realm(model, options, folder, "--set", f"program.directory={folder}",
                         "--set", f"limits.cpu_ms={forever}", "--set",
                         f"limits.wall_ms={forever}", tenants=KEYS) as server:
            port = server.port
            put = urllib.request.Request(f"http://127.0.0.1:{port}/v1/programs/spinner", spinner(),
                                         {"Authorization": f"Bearer {KEYS['busy']}"}, method="PUT")
            urllib.request.urlopen(put, timeout=COMMAND_S).close()

            def stream():
                return json.loads(run(BIN / "stream_client", port, file, KEYS["calm"]))
            alone, beside = [], []
            for turn in range(options.rounds):
                stream()  # the spinning ones of the last turn have ended by its end
                alone.append(stream())
                with spinning(port):
                    beside.append(stream())
                if beside[-1]["text"] != alone[-1]["text"]:
                    sys.exit("bench: the text beside a neighbour is another one")
                print(f"  round {turn + 1}: p99 of the gaps {gap_p99(alone[-1:]):.1f} ms "
                      f"alone, {gap_p99(beside[-1:]):.1f} ms beside {SPINNERS}", flush=True)
    slow, quiet = gap_p99(beside), gap_p99(alone)
    return [row("neighbour_slowdown", round(slow / quiet, 3), "ratio", "lower"),
            row("neighbour_gap_p99_ms", round(slow, 2), "ms", "lower", "alone", round(quiet, 2))]


def check_same(stream, raw, tokens):
    """A fast answer that is another one is worth nothing."""
    if stream["tokens"] != tokens or raw["tokens"] != tokens:
        sys.exit(f"bench: {stream['tokens']} tokens over HTTP, {raw['tokens']} raw, not {tokens}")
    # Bytes of an unfinished character at the end are not sent over HTTP.
    if not raw["text"].startswith(stream["text"].rstrip("\ufffd")):
        sys.exit("bench: the text over HTTP is not that of llama_decode")


def own_rows(program, *arguments):
    lines = [json.loads(line) for line in run(BIN / program, *arguments).splitlines()
             if line.startswith("{")]
    return [row(**line) for line in lines]


def rows_of_our_own(model, options):
    print(f"workload: {model.name}, {options.threads} threads, greedy, {options.tokens} tokens of "
          f"\"{MESSAGES[-1]['content']}\", {options.rounds} rounds in turns, medians")
    rows = single_stream(model, options)
    rows += neighbour_slowdown(model, options)
    rows += own_rows("sandbox_bench") + own_rows("warm_start_bench")
    return (rows + own_rows("instances_bench", model) + own_rows("contexts_bench", model) +
            own_rows("speculation_bench", model) + own_rows("sampler_bench"))


def main():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", choices=["own", "peer", "all"], default="all",
                        help="the rows that need nothing else, those against llama-server, or both")
    parser.add_argument("--cases", nargs="+", choices=peer.CASES,
                        help="of the rows against llama-server, only these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256, help="of the own rows' streams")
    parser.add_argument("--threads", type=int, default=cores,
                        help="threads that compute, in the own rows")
    parser.add_argument("--model", default="default", help="a pulled model, or a .gguf file")
    options = parser.parse_args()
    model = pathlib.Path(options.model)
    if model.suffix != ".gguf":
        model = pathlib.Path(run(BIN / "realm", "models", "--path", options.model).strip())

    print(f"machine: {platform.machine()}, {cores} cores for this process")
    rows = []
    if options.only != "own":
        rows += peer.rows_against_llama_server(model, options)
    if options.only != "peer":
        rows += rows_of_our_own(model, options)
    print_table(rows)
    OUTPUT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\nwritten: {OUTPUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
