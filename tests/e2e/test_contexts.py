"""Contexts as values, as a program uses them: forks, steps of many, the likeliest tokens."""

import json

import pytest

from support import MODEL, PROGRAMS

PROMPT = "What is the capital of France?"


def branches(realm, tmp_path, *arguments, **order):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    done = realm("run", PROGRAMS / "branches.wasm", "--model", MODEL, "--input", file, "--json",
                 *arguments)
    assert done.code == 0, done.err
    return json.loads(done.out.splitlines()[-1])["reply"]["branches"]


def test_branches_that_share_a_prompt_are_those_that_compute_it_alone(realm, tmp_path):
    order = {"prompt": PROMPT, "width": 4, "tokens": 24}
    shared = branches(realm, tmp_path, **order)
    alone = branches(realm, tmp_path, fork=False, **order)
    assert shared == alone
    assert [len(branch["tokens"]) for branch in shared] == [24] * 4
    # The likeliest branch is the answer of the chat program, which knows no forks.
    chat = realm("run", "--prompt", PROMPT, "--model", MODEL, "--temperature", "0",
                 "--max-tokens", "24")
    assert shared[0]["text"] == chat.out.rstrip("\n")
    chances = [branch["log_probability"] for branch in shared]
    assert chances == sorted(chances, reverse=True) and chances[0] < 0
    assert len({branch["tokens"][0] for branch in shared}) == 4


def test_a_branch_is_the_same_whatever_is_beside_it(realm, tmp_path):
    narrow = branches(realm, tmp_path, prompt=PROMPT, width=1, tokens=16)
    wide = branches(realm, tmp_path, prompt=PROMPT, width=8, tokens=16)
    assert narrow == wide[:1]


@pytest.mark.parametrize("order", [{}, {"prompt": 1}, {"prompt": "x", "width": 9},
                                   {"prompt": "x", "tokens": 0}, {"prompt": "x", "fork": 1}])
def test_bad_orders(realm, tmp_path, order):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    done = realm("run", PROGRAMS / "branches.wasm", "--model", MODEL, "--input", file, "--json")
    assert done.code != 0
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "invalid_order"


def test_more_branches_than_contexts(realm, tmp_path):
    file = tmp_path / "order.json"
    file.write_text(json.dumps({"prompt": PROMPT, "width": 8, "tokens": 2}))
    done = realm("run", PROGRAMS / "branches.wasm", "--model", MODEL, "--input", file, "--json",
                 "--set", "limits.contexts=8")
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert (error["type"], error["code"]) == ("program_limit", "contexts")
    assert branches(realm, tmp_path, "--set", "limits.contexts=9", prompt=PROMPT, width=8, tokens=2)
