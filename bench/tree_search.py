"""A tree search of width 8 behind a prefix of 600 tokens: the program tree_search inside Realm,
which is called once, against a client of llama-server, which sends the branches of a round as
parallel requests. The rule is that of the program: a branch gets one of its parent's likeliest next
tokens, then greedy ones, and its score is the sum of all their log probabilities; the best KEEP of
a round go on, each with its WIDTH / KEEP likeliest next tokens."""

import dataclasses
import http.client
import json
import socket
import sys
import time
import urllib.request

import workload
from servers import alone
from support import BIN, COMMAND_S

PREFIX = 600
WIDTH = 8
KEEP = 2
ROUNDS = 8
TOKENS = 8
SAVED = "prefix"
# llama-server hangs up on connections that were idle for 5 s.
IDLE_S = 3
GENERATED = WIDTH * ROUNDS * TOKENS
PROGRAM = BIN.parent / "programs" / "tree_search.wasm"
DESCRIPTION = (
    f"step_many: a tree search, {PREFIX} tokens in, {ROUNDS} rounds of {WIDTH} branches, {TOKENS} "
    f"tokens each, the best {KEEP} go on with {WIDTH // KEEP} continuations each; one run inside "
    f"Realm, {WIDTH} POST /completion at once to llama-server; the time includes the prefix")
KEYS = {"search": "rk_search_0123456789abcdefghijklm"}


def post(port, path, body, key="", method="POST"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
    with urllib.request.urlopen(request, timeout=COMMAND_S) as answer:
        return json.load(answer)


def prefix(llama, turn):
    """Another one for each turn, so that no server has computed its beginning."""
    text = workload.prose(f"search {turn}", PREFIX)
    tokens = post(llama.port, "/tokenize", {"content": text})["tokens"]
    if len(tokens) < PREFIX:
        sys.exit(f"bench: {PREFIX} words are only {len(tokens)} tokens")
    return tokens[:PREFIX]


@dataclasses.dataclass
class Found:
    """What a search found, and what it took; client_s is the client's own processor time."""
    tokens: list
    score: float
    seconds: float
    client_s: float


def figures(found):
    return {"rate": GENERATED / found.seconds}


# ---- In Realm.

def install(realm):
    post(realm.port, "/v1/programs/tree_search", PROGRAM.read_bytes(), realm.key, "PUT")


def inside_realm(realm, prompt):
    run = {"input": {"prompt": prompt, "width": WIDTH, "keep": KEEP, "rounds": ROUNDS,
                     "tokens": TOKENS}}
    begin, client = time.monotonic(), time.process_time()
    output = post(realm.port, "/v1/programs/tree_search/runs", run, realm.key)["output"]
    best = output["branches"][0]
    return Found(best["tokens"], best["log_probability"], time.monotonic() - begin,
                 time.process_time() - client)


# ---- With requests.

@dataclasses.dataclass
class Branch:
    tokens: list
    score: float
    next: list


class Client:
    """Keeps a connection for each branch and remembers what llama-server's slots hold."""

    def __init__(self, port):
        self._lines = [http.client.HTTPConnection("127.0.0.1", port, COMMAND_S)
                       for _ in range(WIDTH)]
        self._used = [0.0] * WIDTH
        self._slots = [[] for _ in range(WIDTH)]

    def close(self):
        for line in self._lines:
            line.close()

    def begin(self, prompt):
        """Has one slot compute the prefix and gives its next tokens."""
        answer, = self._ask([self._completion(prompt, 1, WIDTH, 0)])
        self._slots[0] = prompt
        return self._candidates(answer["completion_probabilities"][0])

    def copy_prefix(self):
        """From the first slot to all others; there is no way but through a file."""
        self._ask([("/slots/0?action=save", {"filename": SAVED})])
        self._ask([(f"/slots/{slot}?action=restore", {"filename": SAVED})
                   for slot in range(1, WIDTH)])
        self._slots = [self._slots[0]] * WIDTH

    def extend(self, prompt, branches, last):
        """Greedy tokens for all branches at once, and the candidates behind them. The token that
        comes with the candidates is not computed, so that each branch takes TOKENS steps."""
        places = self._places([prompt + branch.tokens for branch in branches])
        asked = [self._completion(prompt + branch.tokens, TOKENS - last, WIDTH // KEEP, slot)
                 for branch, slot in zip(branches, places, strict=True)]
        for branch, slot, answer in zip(branches, places, self._ask(asked), strict=True):
            steps = answer["completion_probabilities"]
            if len(steps) != TOKENS - last:
                sys.exit(f"bench: llama-server gave {len(steps)} of {TOKENS - last} tokens")
            for step in steps[:TOKENS - 1]:
                branch.tokens.append(step["id"])
                branch.score += step["logprob"]
            branch.next = [] if last else self._candidates(steps[-1])
            self._slots[slot] = prompt + branch.tokens

    @staticmethod
    def _completion(prompt, tokens, candidates, slot):
        return "/completion", {"prompt": prompt, "n_predict": tokens, "n_probs": candidates,
                               "temperature": 0, "cache_prompt": True, "ignore_eos": True,
                               "id_slot": slot}

    @staticmethod
    def _candidates(step):
        return [(entry["id"], entry["logprob"]) for entry in step["top_logprobs"]]

    def _places(self, prompts):
        """A slot for each: whoever finds the most of its tokens computed chooses first."""
        def common(prompt, held):
            return next((i for i, (one, other) in enumerate(zip(prompt, held)) if one != other),
                        min(len(prompt), len(held)))
        pairs = sorted(((common(prompt, held), -i, -slot) for i, prompt in enumerate(prompts)
                        for slot, held in enumerate(self._slots)), reverse=True)
        places = {}
        for _, i, slot in pairs:
            if -i not in places and -slot not in places.values():
                places[-i] = -slot
        return [places[i] for i in range(len(prompts))]

    def _ask(self, asked):
        """All requests are sent before the first answer is read: one thread is enough."""
        for line, used, (path, body) in zip(self._lines, self._used, asked):
            if time.monotonic() - used > IDLE_S:
                line.close()
            line.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            # Else the kernel may hold the server's answer back until we have acknowledged its head.
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        answers = []
        for i, line in enumerate(self._lines[:len(asked)]):
            answer = line.getresponse()
            text = answer.read()
            self._used[i] = time.monotonic()
            if answer.status != http.client.OK:
                sys.exit(f"bench: llama-server answers {answer.status}: {text[:500]!r}")
            answers.append(json.loads(text))
        return answers


def best_of(branches, count):
    return sorted(branches, key=lambda branch: -branch.score)[:count]


def _search(llama, prompt, copies):
    begin, used = time.monotonic(), time.process_time()
    client = Client(llama.port)
    branches = [Branch([], 0.0, client.begin(prompt))]
    if copies:
        client.copy_prefix()
    for i in range(ROUNDS):
        branches = [Branch([*parent.tokens, token], parent.score + chance, [])
                    for parent in best_of(branches, KEEP) for token, chance in parent.next]
        client.extend(prompt, branches, i + 1 == ROUNDS)
    client.close()
    best = best_of(branches, 1)[0]
    return Found(best.tokens, best.score, time.monotonic() - begin, time.process_time() - used)


def with_requests(llama, prompt):
    """Parallel requests; each slot computes the prefix when its first branch comes."""
    return _search(llama, prompt, False)


def with_copies(llama, prompt):
    """The same by a client that has the prefix copied from slot to slot."""
    return _search(llama, prompt, True)


# ---- Both.

class Comparison:
    """Gives all servers the same prefixes and remembers what they found."""

    def __init__(self, llama):
        self._llama = llama
        self._prompts = {}
        self._found = {}

    def turn(self, label, server, search):
        """For Case.measure."""
        def ask(turn, others):
            if turn not in self._prompts:
                self._prompts[turn] = prefix(self._llama, turn)
            found = alone(server, others, lambda: search(server, self._prompts[turn]))
            self._found.setdefault(label, []).append(found)
            return figures(found)
        return server, ask

    def remarks(self):
        """Whether the sides agree. Scores that lie close may change places with the kernels that
        computed them, so that this is for the reader to judge."""
        ours = self._found["realm"]
        lines = []
        for label, theirs in self._found.items():
            share = max(found.client_s / found.seconds for found in theirs)
            line = f"  {label}: the client's own processor time was at most {share:.1%} of a search"
            if theirs is not ours:
                same = sum(one.tokens == other.tokens
                           for one, other in zip(ours, theirs, strict=True))
                apart = max(abs(one.score - other.score)
                            for one, other in zip(ours, theirs, strict=True))
                line += (f"; the best branch is Realm's in {same} of {len(theirs)} rounds, the "
                         f"scores at most {apart:.2f} apart")
            lines.append(line)
        return lines
