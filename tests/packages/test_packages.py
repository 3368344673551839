"""Packages of npm, and fixtures for what none of them covers, driven by `realm call`, against Node
running the package's own JavaScript."""

import dataclasses
import json
import shutil

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


def test_a_tarball_is_played_like_its_folder(realm, tmp_path):
    case = packages.read_case(packages.CASES / "rregex.json")
    archive = shutil.copy(case.root / packages.ARCHIVE, tmp_path / "rregex.tgz")
    check(dataclasses.replace(case, path=archive), realm)


@pytest.mark.parametrize("name", ["automerge", "brotli", "cedar", "jieba", "loro", "parquet", "prqlc"])
def test_the_root_of_a_package_with_several_builds_is_enough(realm, name):
    case = packages.read_case(packages.CASES / f"{name}.json")
    check(dataclasses.replace(case, path=case.root), realm)
