"""Packages of npm: fetched once into Realm's cache, outside the checkout, and played twice."""

import base64
import dataclasses
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

FOLDER = pathlib.Path(__file__).parent
CASES = FOLDER / "cases"
FIXTURES = FOLDER / "fixtures"
ARCHIVE = ".package.tgz"  # the tarball, in the folder of the package
FETCH_S = 300
PLAY_S = 120


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    chosen = pathlib.Path(os.environ.get("REALM_CACHE_DIR") or pathlib.Path(base) / "realm")
    folder = chosen / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _verify(archive, integrity):
    algorithm, _, expected = integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode()
    if found != expected:
        raise AssertionError(f"{archive.name} is {algorithm}-{found}, not {integrity}")


def fetch(package, version, integrity):
    """The folder that the package was unpacked into. Safe for several runs at once."""
    key = hashlib.sha256(f"{package}@{version} {integrity}".encode()).hexdigest()[:12]
    place = cache_folder() / f"{package.replace('/', '-').lstrip('@')}-{version}-{key}"
    with (cache_folder() / f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
                _fetch_to(pathlib.Path(scratch), place, f"{package}@{version}", integrity)
    return place


def _fetch_to(scratch, place, wanted, integrity):
    done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", scratch, wanted],
                          capture_output=True, text=True, timeout=FETCH_S, check=False,
                          cwd=scratch, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError(f"npm pack {wanted} failed: {done.stderr.strip()}")
    (archive,) = scratch.glob("*.tgz")
    _verify(archive, integrity)
    with tarfile.open(archive) as packed:
        packed.extractall(scratch / "unpacked", filter="data")
    (folder,) = (scratch / "unpacked").iterdir()
    shutil.move(archive, folder / ARCHIVE)
    folder.rename(place)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One package (or fixture) and the steps to play, see README.md."""
    name: str
    root: pathlib.Path
    entry: pathlib.Path
    path: pathlib.Path
    init: dict | None
    steps: tuple


@functools.cache
def read_case(file):
    described = json.loads(file.read_text(encoding="utf-8"))
    root = fetch(described["package"], described["version"], described["integrity"])
    return make_case(file.stem, root, described)


def read_fixture(file, module, modules, folder):
    """A case of a module among `modules`, laid out as a package in `folder`."""
    shutil.copy(FIXTURES / f"{module}.js", folder)
    shutil.copy(modules / f"{module}.wasm", folder / f"{module}_bg.wasm")
    described = json.loads(file.read_text(encoding="utf-8"))
    return make_case(f"{file.stem} of {module}", folder, described | {"entry": f"{module}.js"})


def make_case(name, root, described):
    entry = root / described["entry"]
    init = described.get("init")
    if init:
        init = {"function": init.get("function", "default"), "module": str(root / init["module"])}
    path = root / described["path"] if "path" in described else entry.parent
    steps = tuple(_fill(step, root) for step in described["steps"])
    return Case(name, root, entry, path, init, steps)


def _fill(form, root):
    """The form with {"$file": NAME} replaced by what that file of the package holds."""
    if isinstance(form, list):
        return [_fill(item, root) for item in form]
    if not isinstance(form, dict):
        return form
    if "$file" not in form:
        return {key: _fill(item, root) for key, item in form.items()}
    file = root / form["$file"]
    if form.get("bytes"):
        return {"$bytes": base64.b64encode(file.read_bytes()).decode()}
    text = file.read_text(encoding="utf-8")
    return json.loads(text)[form["member"]] if "member" in form else text


@functools.cache
def play_with_node(case):
    """The lines that the package's own JavaScript gives."""
    job = {"entry": str(case.entry), "init": case.init, "steps": case.steps}
    done = subprocess.run(["node", "--no-warnings", "--experimental-wasm-modules",
                           FOLDER / "play.mjs"], input=json.dumps(job), capture_output=True,
                          encoding="utf-8", timeout=PLAY_S, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()


def play_with_realm(case, run):
    """The lines that `realm call PATH --steps` gives; `run` runs the command."""
    text = "".join(json.dumps(step, ensure_ascii=False) + "\n" for step in case.steps)
    done = run("call", case.path, "--steps", "-", input_text=text, timeout=PLAY_S)
    assert done.code == 0, done.err[-4000:]
    return done.out.splitlines()


def differences(case, expected, found):
    """What Realm's lines have that Node's have not, as text to read; empty where they agree."""
    problems = [f"{len(found)} lines instead of {len(expected)}"] if len(found) != len(
        expected) else []
    steps = iter(case.steps)
    for wanted, line in zip(expected, found):
        parsed = json.loads(wanted)
        step = "a callback" if "callback" in parsed else next(steps)["do"]
        if not _agree(parsed, wanted, line):
            problems.append(f"{step}\n  Node:  {wanted[:2000]}\n  Realm: {line[:2000]}")
    return problems


def _agree(parsed, wanted, line):
    """Of errors the message counts; of traps, whose words are the engine's, that it is one."""
    if "error" not in parsed:
        return wanted == line
    error = json.loads(line).get("error", {})
    if parsed["error"].get("trap"):
        return error.get("type") == "program_trap"
    return error.get("message") == parsed["error"]["message"]
