"""Fixtures: a server for the whole session, servers with flags of their own, the command."""

import functools

import openai
import pytest

import support


@pytest.fixture(autouse=True)
def limit_time(request):
    """No test may hang for longer than this, in seconds."""
    request.node.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    started = support.Server(tmp_path_factory.mktemp("home"))
    yield started
    started.close()


@pytest.fixture
def server(shared_server):
    """The server of the session; it must still be there, and idle, after each test."""
    yield shared_server
    assert shared_server.process.poll() is None, "the server died"
    shared_server.wait_until_idle()


@pytest.fixture
def start_server(tmp_path):
    """Starts servers that end with the test."""
    started = []

    def start(*flags, **extra):
        started.append(support.Server(tmp_path, *flags, **extra))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def realm(tmp_path):
    """Runs the command in a home of its own."""
    return functools.partial(support.run_realm, home=tmp_path)


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the logs of the test's servers beside its failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, support.Server):
                report.sections.append((f"log of {name}", value.log()[-8000:]))
