"""What the slow checks share: the compile database, which project headers a file reads, a cache of
successes outside the tree, and a pool of jobs. Used by tidy.py and check_headers.py."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
INCLUDE = re.compile(rb'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)
JOBS = 2


def cache_dir(name):
    base = os.environ.get("REALM_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "realm")
    path = pathlib.Path(base) / "lint" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def compile_commands():
    """Maps each of our C++ files to its compiler arguments, without the compiler, output and input."""
    database = BUILD / "compile_commands.json"
    if not database.exists():
        sys.exit(f"{database} is missing; run scripts/build.sh --configure-only")
    commands = {}
    for entry in json.loads(database.read_text()):
        path = pathlib.Path(entry["file"]).resolve()
        if ROOT not in path.parents or path.is_relative_to(ROOT / "third_party"):
            continue
        words = shlex.split(entry["command"])
        start = next(i for i, word in enumerate(words) if word.endswith(("c++", "g++", "gcc", "cc")))
        arguments, skip = [], False
        for word in words[start + 1:]:
            if skip:
                skip = False
            elif word in ("-o", "-MF", "-MT", "-MQ"):
                skip = True
            elif word not in ("-c", "-MD", "-MMD") and pathlib.Path(word) != path:
                arguments.append(word)
        commands[path] = arguments
    return commands


class Inputs:
    """Finds the project files that a file includes, directly or through others."""

    def __init__(self):
        self._found = {}

    def _includes(self, path):
        if path not in self._found:
            found = set()
            for name in INCLUDE.findall(path.read_bytes()):
                for folder in (path.parent, ROOT / "src", ROOT, ROOT / "build" / "release"):
                    candidate = (folder / name.decode(errors="replace")).resolve()
                    if ROOT in candidate.parents and candidate.is_file():
                        found.add(candidate)
                        break
            self._found[path] = found
        return self._found[path]

    def closure(self, path):
        seen, todo = {path}, [path]
        while todo:
            for other in self._includes(todo.pop()) - seen:
                seen.add(other)
                todo.append(other)
        return sorted(seen)


def key_of(files, *extra):
    digest = hashlib.sha256()
    for text in extra:
        digest.update(str(text).replace(str(ROOT), ".").encode() + b"\0")
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:40]


def run_all(title, tasks, cache):
    """tasks: (label, key, command, stdin text). Runs those whose key the cache lacks; remembers the
    successes; prints the output of the failures. Returns how many failed."""
    todo = [task for task in tasks if not (cache / task[1]).exists()]
    print(f"{title}: {len(tasks)} files, {len(todo)} not checked before", flush=True)

    def run(task):
        label, key, command, text = task
        result = subprocess.run(command, input=text, text=True, cwd=BUILD,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if result.returncode == 0:
            (cache / key).touch()
        return label, result

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for label, result in pool.map(run, todo):
            if result.returncode != 0:
                failed += 1
                print(f"--- {title}: {label}\n{result.stdout.rstrip()}", flush=True)
    return failed
