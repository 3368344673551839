"""Packages of npm, and fixtures for what none of them covers, driven by `realm call`, against Node
running the package's own JavaScript."""

import json

import pytest

import packages
import support

FIXTURES = [(file, module) for file in sorted(packages.FIXTURES.glob("*.json"))
            for module in json.loads(file.read_text(encoding="utf-8"))["modules"]]


def check(case, realm):
    expected = packages.play_with_node(case)
    problems = packages.differences(case, expected, packages.play_with_realm(case, realm))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("file", sorted(packages.CASES.glob("*.json")), ids=lambda file: file.stem)
def test_package_gives_what_its_own_javascript_gives(realm, file):
    check(packages.read_case(file), realm)


@pytest.mark.parametrize(("file", "module"), FIXTURES,
                         ids=[f"{file.stem}-{module}" for file, module in FIXTURES])
def test_fixture_gives_what_its_javascript_gives(realm, tmp_path, file, module):
    check(packages.read_fixture(file, module, support.PROGRAMS, tmp_path), realm)
