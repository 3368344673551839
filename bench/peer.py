"""Realm against llama-server, the server that people use: the same GGUF, context, slots and
requests, driven in turns by the same load_client; the medians of all rounds."""

import contextlib
import itertools
import os
import pathlib
import statistics
import sys
import tempfile

import tree_search
import workload
from servers import CONTEXT, LlamaServer, Realm, alone, drive, warm_up
from support import ROOT, median, percentile_99, row, run

DEFAULT_BATCHES = (2048, 512)
BATCHES = (DEFAULT_BATCHES, (2048, 2048), (512, 512), (256, 256))
STALL_BATCHES = (DEFAULT_BATCHES, (512, 512), (256, 256), (128, 128), (64, 64))
GRID_TOKENS = 48
GRID_PROMPTS = 2
PEER = "llama-server"
CASES = ("single_stream", "tenants", "stall", "step_many")


def program():
    path = pathlib.Path(run(ROOT / "scripts" / "llama_server.sh", "--print").strip())
    if not path.exists():
        sys.exit("bench: llama-server is missing; scripts/llama_server.sh builds it")
    return path


# ---- What is read out of the results of one plan.

def of_group(results, group):
    return [result for result in results if result["group"] == group]


def token_times(result):
    """When each token came, in ms since the start of the whole."""
    first = result["begin_ms"] + result["first_token_ms"]
    return list(itertools.accumulate(result["gaps_ms"], initial=first))


def stream_rate(result):
    times = token_times(result)
    return 1000 * (len(times) - 1) / (times[-1] - times[0])


def single_figures(results):
    return {"rate": stream_rate(results[0])}


def total_figures(results):
    begin = min(result["begin_ms"] for result in results)
    end = max(result["end_ms"] for result in results)
    return {"rate": 1000 * sum(result["tokens"] for result in results) / (end - begin)}


def stall_figures(results):
    """Gaps of the running streams that touch the time in which long prompts were computed."""
    prompts = of_group(results, "long")
    begin = min(result["begin_ms"] for result in prompts)
    end = max(result["end_ms"] for result in prompts)
    gaps = [after - before for result in of_group(results, "running")
            for before, after in itertools.pairwise(token_times(result))
            if after > begin and before < end]
    return {"gap": percentile_99(gaps),
            "first": statistics.median(result["first_token_ms"] for result in prompts)}


def share_figures(results):
    """The calm stream's rate, and that of all while it ran."""
    calm = token_times(of_group(results, "calm")[0])
    inside = sum(calm[0] < time <= calm[-1] for result in results for time in token_times(result))
    return {"rate": 1000 * (len(calm) - 1) / (calm[-1] - calm[0]),
            "total": 1000 * inside / (calm[-1] - calm[0])}


# ---- llama-server's flags.

def batch_flags(batches):
    return ["-b", batches[0], "-ub", batches[1]]


def text_of(flags):
    return " ".join(map(str, flags))


class Grid:
    """Tries flags with a short form of a case and prints what each gave."""

    def __init__(self, llama, model, folder, runs):
        self._llama, self._model, self._folder, self._runs = llama, model, folder, runs

    def best(self, candidates, slots, plan, score, unit):
        """The flags with the highest score of a plan's results."""
        return self.best_by(candidates, slots, unit, lambda server, _: score(
            drive(server, [], plan, self._folder)))

    def best_by(self, candidates, slots, unit, score):
        """The flags with the highest score(server, run), each scored by its best run."""
        scored = []
        for flags in candidates:
            with LlamaServer(self._llama, self._model, self._folder, slots, flags) as server:
                warm_up(server, self._folder)
                scores = [score(server, i) for i in range(self._runs)]
            scored.append((max(scores), len(scored), flags))
            print(f"  {text_of(flags):<42} {abs(max(scores)):9.1f} {unit}", flush=True)
        chosen = max(scored, key=lambda entry: (entry[0], -entry[1]))[2]
        print(f"  chosen: {text_of(chosen)}", flush=True)
        return chosen

    def general(self, cores):
        """Threads, flash attention and cache first, with the default batches; then those."""
        def total(results):
            return total_figures(results)["rate"]
        plan = workload.tenants16("grid", GRID_TOKENS)
        slots = len(workload.TENANTS)
        print(f"grid of llama-server's flags: {slots} streams at once, {GRID_TOKENS} tokens out:")
        candidates = [["-t", threads, "-fa", attention, cache, *batch_flags(DEFAULT_BATCHES)]
                      for threads in sorted({cores, max(1, cores // 2)}, reverse=True)
                      for attention in ("on", "off")
                      for cache in ("-kvu", "-no-kvu")]
        chosen = self.best(candidates, slots, plan, total, "tok/s")[:5]
        return chosen, self.best([chosen + batch_flags(batches) for batches in BATCHES], slots, plan,
                                 total, "tok/s")[5:]

    def stall(self, general):
        print(f"grid of its batches: p99 gap of {workload.RUNNING} streams beside {GRID_PROMPTS} "
              f"prompts of {workload.LONG_WORDS} words:")
        return self.best([general + batch_flags(batches) for batches in STALL_BATCHES],
                         workload.RUNNING + 1, workload.stall("grid", GRID_PROMPTS),
                         lambda results: -stall_figures(results)["gap"], "ms")

    def search(self, general, batches, search):
        def rate(server, i):
            prompt = tree_search.prefix(server, f"grid {i}")
            return tree_search.figures(alone(server, [], lambda: search(server, prompt)))["rate"]
        print("grid of its cache: the tree search, the prefix computed in "
              f"{'each slot' if search is tree_search.with_requests else 'one slot and copied'}:")
        return self.best_by([[*general[:4], cache, *batches, "--slot-save-path", self._folder]
                             for cache in ("-kvu", "-no-kvu")],
                            tree_search.WIDTH, "tok/s", rate)


# ---- The cases.

class Case:
    """Starts the servers of a case and drives them in turns."""

    def __init__(self, model, folder, rounds):
        self.model, self.folder, self._rounds = model, folder, rounds

    def measure(self, name, servers, turns):
        """`turns` maps a label to (server, ask), where ask(turn, other servers) gives the figures of
        one round; gives all rounds' figures."""
        for server in servers:
            warm_up(server, self.folder)
            print(f"{name}: {' '.join(server.command)}", flush=True)
        rounds = {label: [] for label in turns}
        for turn in range(self._rounds):
            # Whoever went first in one round goes last in the next.
            order = list(turns) if turn % 2 == 0 else list(reversed(turns))
            for label in order:
                server, ask = turns[label]
                others = [other for other in servers if other is not server]
                rounds[label].append(ask(turn, others))
            print(f"  round {turn + 1}: " + "; ".join(
                f"{label} " + ", ".join(f"{key} {value:.1f}" for key, value in
                                        rounds[label][-1].items()) for label in turns), flush=True)
        return rounds

    def load(self, server, plan, figures):
        """A turn in which load_client drives the server with the plan of the round."""
        return server, lambda turn, others: figures(
            drive(server, others, plan(turn), self.folder))


def stream_rows(case, llama, flags):
    """Realm with its defaults, and without guessed tokens: these count only where texts repeat."""
    with Realm(case.model, case.folder) as realm, \
            Realm(case.model, case.folder, "--set", "model.speculation=false",
                  name="realm, no guesses") as plain, \
            LlamaServer(llama, case.model, case.folder, 1, flags) as peer:
        servers = [realm, plain, peer]
        found = case.measure("single_stream", servers, {
            server.name: case.load(server, workload.single_stream, single_figures)
            for server in servers})
    return [row(name, median(found[server.name], "rate"), "tok/s", "higher", PEER,
                median(found[PEER], "rate"))
            for name, server in (("single_stream", realm), ("single_stream_plain", plain))]


def tenant_rows(case, llama, flags):
    """Both cases with 16 slots, on the same two servers."""
    with Realm(case.model, case.folder, tenants=workload.TENANTS) as realm, \
            LlamaServer(llama, case.model, case.folder, len(workload.TENANTS), flags) as peer:
        plan = workload.tenants16
        all_at_once = case.measure("tenants16", [realm, peer], {
            "realm": case.load(realm, plan, total_figures),
            PEER: case.load(peer, plan, total_figures)})
        shared = case.measure("fair_share", [realm, peer], {
            "realm": case.load(realm, workload.fair_share, share_figures),
            PEER: case.load(peer, workload.fair_share, share_figures),
            "realm, one tenant": case.load(
                realm, lambda turn: workload.fair_share(turn, "tenant00"), share_figures)})
    return [
        row("tenants16", median(all_at_once["realm"], "rate"), "tok/s", "higher", PEER,
            median(all_at_once[PEER], "rate")),
        row("fair_share", median(shared["realm"], "rate"), "tok/s", "higher", PEER,
            median(shared[PEER], "rate")),
        row("fair_share_total", median(shared["realm"], "total"), "tok/s", "higher",
            "realm, one tenant", median(shared["realm, one tenant"], "total"))]


def stall_rows(case, llama, default, tuned):
    slots = workload.RUNNING + 1
    with contextlib.ExitStack() as stack:
        realm = stack.enter_context(Realm(case.model, case.folder))
        tuned_name = f"{PEER} {text_of(tuned[-4:])}"
        peers = {name: stack.enter_context(
            LlamaServer(llama, case.model, case.folder, slots, flags, name))
            for name, flags in ((PEER, default), (tuned_name, tuned))}
        turns = {server.name: case.load(server, workload.stall, stall_figures)
                 for server in (realm, *peers.values())}
        found = case.measure("stall", [realm, *peers.values()], turns)
    rows = []
    for name, label in (("stall", PEER), ("stall_tuned", tuned_name)):
        rows += [row(name, median(found["realm"], "gap"), "ms", "lower", label,
                     median(found[label], "gap")),
                 row(f"{name}_first_token", median(found["realm"], "first"), "ms", "lower", label,
                     median(found[label], "first"))]
    return rows


def search_rows(case, llama, flags):
    """`flags`: llama-server's for a prefix that each slot computes, and for one that is copied."""
    kinds = {PEER: tree_search.with_requests, f"{PEER}, prefix copied": tree_search.with_copies}
    with contextlib.ExitStack() as stack:
        realm = stack.enter_context(Realm(
            case.model, case.folder, "--set", f"program.directory={case.folder}",
            tenants=tree_search.KEYS))
        tree_search.install(realm)
        peers = {label: stack.enter_context(LlamaServer(
            llama, case.model, case.folder, tree_search.WIDTH, flags[search], label))
            for label, search in kinds.items()}
        comparison = tree_search.Comparison(peers[PEER])
        turns = {"realm": comparison.turn("realm", realm, tree_search.inside_realm)} | {
            label: comparison.turn(label, peers[label], search)
            for label, search in kinds.items()}
        found = case.measure("step_many", [realm, *peers.values()], turns)
    print("\n".join(comparison.remarks()), flush=True)
    return [row(name, median(found["realm"], "rate"), "tok/s", "higher", label,
                median(found[label], "rate"))
            for name, label in zip(("step_many", "step_many_copied"), kinds, strict=True)]


def rows_against_llama_server(model, options):
    llama = program()
    cores = len(os.sched_getaffinity(0))
    print(f"against llama-server: {model.name} and {CONTEXT} tokens of context on both sides; Realm "
          f"with its defaults; {options.rounds} rounds in turns, medians")
    print("\n".join([*workload.description(), tree_search.DESCRIPTION]), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        grid = Grid(llama, model, folder, min(options.rounds, 2))
        case = Case(model, folder, options.rounds)
        general, batches = grid.general(cores)
        both = general + batches

        def stalls():
            return stall_rows(case, llama, general + batch_flags(DEFAULT_BATCHES),
                              grid.stall(general))

        def searches():
            return search_rows(case, llama, {search: grid.search(general, batches, search)
                                             for search in (tree_search.with_requests,
                                                            tree_search.with_copies)})
        cases = {"single_stream": lambda: stream_rows(case, llama, both),
                 "tenants": lambda: tenant_rows(case, llama, both),
                 "stall": stalls, "step_many": searches}
        return [made for wanted in options.cases or cases for made in cases[wanted]()]
