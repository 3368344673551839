"""Fixtures: the command, in a home whose cache of compiled code outlives the run."""

import functools
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "e2e"))

import packages  # noqa: E402
import support  # noqa: E402


@pytest.fixture(autouse=True)
def limit_time(request):
    """No test may hang for longer than this, in seconds."""
    request.node.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def realm():
    """Runs the command."""
    home = packages.cache_folder() / "home"
    home.mkdir(exist_ok=True)
    return functools.partial(support.run_realm, home=home)
