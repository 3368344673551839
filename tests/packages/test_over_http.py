"""The same steps over HTTP: a package that was pushed, driven in a session."""

import json

import httpx
import pytest

import packages
import support


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = support.Server(tmp_path_factory.mktemp("home"))
    yield started
    started.close()


def line_of(value):
    """JSON whose members are in the order in which they came."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def steps_of(server, name, steps, session):
    response = httpx.post(f"{server.url}/v1/programs/{name}/runs", timeout=packages.PLAY_S,
                          json={"steps": list(steps), "session": session})
    assert response.status_code == 200, response.text
    return response.json()["output"]["results"]


@pytest.mark.parametrize("name", ["rregex", "brotli", "loro"])
def test_a_package_in_a_session_gives_what_its_own_javascript_gives(realm, server, name):
    case = packages.read_case(packages.CASES / f"{name}.json")
    pushed = realm("program", "push", name, case.path, "--server", server.url)
    assert pushed.code == 0, pushed.err
    half = len(case.steps) // 2
    results = steps_of(server, name, case.steps[:half], "s") + steps_of(
        server, name, case.steps[half:], "s")
    expected = [line_of(json.loads(line)) for line in packages.play_with_node(case)]
    problems = packages.differences(case, expected, [line_of(result) for result in results])
    assert not problems, "\n".join(problems)
