"""Packages of npm, driven by `realm call`, against Node running the package's own JavaScript."""

import pytest

import packages


@pytest.mark.parametrize("file", sorted(packages.CASES.glob("*.json")), ids=lambda file: file.stem)
def test_package_gives_what_its_own_javascript_gives(realm, file):
    case = packages.read_case(file)
    expected = packages.play_with_node(case)
    problems = packages.differences(case, expected, packages.play_with_realm(case, realm))
    assert not problems, "\n".join(problems)
