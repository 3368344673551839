"""The tree search, a program that needs all of contexts: forks, masks, steps of many, chances."""

import json

import pytest

from support import MODEL, PROGRAMS

PROMPT = ("The old sailor followed the river to the village. The young doctor opened the library "
          "near the station. The quiet painter watched the mountain behind the harbour.")
SEARCH = PROGRAMS / "tree_search.wasm"


def run(realm, tmp_path, order):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    return realm("run", SEARCH, "--model", MODEL, "--input", file, "--json")


def search(realm, tmp_path, **order):
    done = run(realm, tmp_path, {"prompt": PROMPT, "tokens": 3} | order)
    assert done.code == 0, done.err
    return json.loads(done.out.splitlines()[-1])["reply"]["branches"]


def test_the_search_finds_what_computing_each_branch_alone_finds(realm, tmp_path):
    order = {"width": 6, "keep": 2, "rounds": 3}
    together = search(realm, tmp_path, **order)
    assert together == search(realm, tmp_path, **order, together=False)
    assert [len(branch["tokens"]) for branch in together] == [9] * 6
    chances = [branch["log_probability"] for branch in together]
    assert chances == sorted(chances, reverse=True) and chances[0] < 0
    assert len({tuple(branch["tokens"]) for branch in together}) == 6


def test_each_round_goes_on_from_the_best_of_the_last(realm, tmp_path):
    first, second = (search(realm, tmp_path, width=6, keep=2, rounds=rounds) for rounds in (1, 2))
    # Six different beginnings; then the two best of them, three branches each.
    assert len({branch["tokens"][0] for branch in first}) == 6
    parents = [tuple(branch["tokens"][:3]) for branch in second]
    best = [tuple(branch["tokens"]) for branch in first[:2]]
    assert sorted(parents) == sorted(best * 3)
    for parent in first[:2]:
        children = [branch for branch in second if branch["tokens"][:3] == parent["tokens"]]
        assert len({branch["tokens"][3] for branch in children}) == 3
        assert all(branch["log_probability"] < parent["log_probability"] for branch in children)


def test_a_search_of_width_1_is_greedy(realm, tmp_path):
    greedy, = search(realm, tmp_path, width=1, keep=1, rounds=1, tokens=12)
    rounds, = search(realm, tmp_path, width=1, keep=1, rounds=4, tokens=3)
    assert rounds["tokens"] == greedy["tokens"]
    # The sums are of the same numbers in the same order.
    assert rounds == greedy


@pytest.mark.parametrize("order", [
    {}, {"prompt": 1}, {"prompt": [-1]}, {"prompt": ["a"]}, {"prompt": "x", "width": 0},
    {"prompt": "x", "width": 16, "keep": 1}, {"prompt": "x", "width": 8, "keep": 3},
    {"prompt": "x", "rounds": 65}, {"prompt": "x", "tokens": 1.5}, {"prompt": "x", "together": 1}])
def test_bad_orders(realm, tmp_path, order):
    done = run(realm, tmp_path, order)
    assert done.code != 0
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "invalid_order"


def test_a_prompt_of_tokens_is_checked_by_the_host(realm, tmp_path):
    for prompt, code in (([], "no_tokens"), ([2**31 - 1], "invalid_token")):
        done = run(realm, tmp_path, {"prompt": prompt})
        assert done.code != 0
        assert json.loads(done.err.splitlines()[-1])["error"]["code"] == code
