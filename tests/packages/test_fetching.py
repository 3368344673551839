"""How packages come into the cache, with a command in npm's place."""

import base64
import concurrent.futures
import hashlib
import os
import tarfile

import pytest

import packages

NPM = """#!/bin/sh
# pack --silent --pack-destination FOLDER NAME
echo "$5" >> "$REALM_CACHE_DIR/calls"
[ "$5" != missing@1.0.0 ] || { echo "no such package" >&2; exit 1; }
cp "$REALM_CACHE_DIR/archive.tgz" "$4/package.tgz"
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own, and the integrity of the archive that npm gives."""
    (tmp_path / "index.js").write_text("exports.answer = 42;\n")
    with tarfile.open(tmp_path / "archive.tgz", "w:gz") as archive:
        archive.add(tmp_path / "index.js", "package/index.js")
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(NPM)
    npm.chmod(0o755)
    monkeypatch.setenv("REALM_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
    digest = hashlib.sha512((tmp_path / "archive.tgz").read_bytes()).digest()
    return tmp_path, f"sha512-{base64.b64encode(digest).decode()}"


def test_several_at_once_fetch_once(cache):
    folder, integrity = cache
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: packages.fetch("@a/b", "1.2.3", integrity), range(8)))
    (place,) = places
    assert (place / "index.js").read_text() == "exports.answer = 42;\n"
    assert place.parent == folder / "packages" and place.name.startswith("a-b-1.2.3-")
    assert (folder / "calls").read_text() == "@a/b@1.2.3\n"


def test_another_content_is_refused_and_not_kept(cache):
    folder, integrity = cache
    other = "sha512-" + base64.b64encode(bytes(64)).decode()
    with pytest.raises(AssertionError, match="package.tgz is sha512-.*, not sha512-AAAA"):
        packages.fetch("a", "1.0.0", other)
    assert not [entry for entry in (folder / "packages").iterdir() if entry.is_dir()]
    assert (packages.fetch("a", "1.0.0", integrity) / "index.js").exists()


def test_what_npm_says_is_shown(cache):
    with pytest.raises(AssertionError, match="npm pack missing@1.0.0 failed: no such package"):
        packages.fetch("missing", "1.0.0", cache[1])
