#!/usr/bin/env python3
"""Runs clang-tidy over all of our C++ files, or over those named. A file that passed is not checked
again until it, a header it reads, its flags, .clang-tidy or clang-tidy changes.

Most of the time goes to the headers of libraries, so files with the same flags are checked together,
as one that includes them. Where that does not compile (for two files may use a name twice) halves
are tried, down to the single file.

usage: scripts/tidy.py [FILE...]   (after scripts/build.sh --configure-only)
"""

import concurrent.futures
import itertools
import pathlib
import re
import subprocess
import sys

import lint_cache

TIDY = "clang-tidy-19"
GROUP = 8
DIAGNOSTIC = re.compile(r"^(/[^:\n]+):\d+:\d+: (?:error|warning): .*\[([\w.,-]+)\]$", re.MULTILINE)
# GCC's warning flags mean other things to clang; GCC has checked them in the build.
CLANG_FLAGS = ["-w"]
# What GoogleTest's and google-benchmark's macros expand to.
TEST_CHECKS = ["--checks=-cppcoreguidelines-owning-memory,"
               "-cppcoreguidelines-avoid-non-const-global-variables,"
               "-cppcoreguidelines-special-member-functions,-readability-function-size"]


def is_test(path):
    return bool({"tests", "bench"} & set(path.relative_to(lint_cache.ROOT).parts))


class Checker:
    def __init__(self, cache, keys):
        self._cache = cache
        self._keys = keys
        self._units = lint_cache.BUILD / "lint"
        self._units.mkdir(exist_ok=True)

    def _tidy(self, paths, flags):
        unit = paths[0]
        if len(paths) > 1:
            unit = self._units / f"{self._keys[paths[0]]}_{len(paths)}.cc"
            unit.write_text("".join(f'#include "{path}"\n' for path in paths))
        checks = TEST_CHECKS if is_test(paths[0]) else []
        return subprocess.run(
            [TIDY, "--quiet", *checks, str(unit), "--", *flags, *CLANG_FLAGS], cwd=lint_cache.BUILD,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def failures(self, paths, flags):
        """[(files, findings)] of these files; remembers those that pass."""
        result = self._tidy(paths, flags)
        found = DIAGNOSTIC.findall(result.stdout)
        broken = result.returncode != 0 and (
            not found or any("clang-diagnostic-error" in check for _, check in found))
        if broken and len(paths) > 1:
            middle = len(paths) // 2
            return self.failures(paths[:middle], flags) + self.failures(paths[middle:], flags)
        named = {pathlib.Path(name).resolve() for name, _ in found}
        # What is found in a header is every file's.
        failed = paths if broken or named - set(paths) else [p for p in paths if p in named]
        for path in paths:
            if path not in failed:
                (self._cache / self._keys[path]).touch()
        return [(failed, result.stdout)] if failed else []


def groups_of(paths, commands):
    """Lists of at most GROUP files of one folder with the same flags."""
    def same(path):
        return str(path.parent), commands[path]
    for _, members in itertools.groupby(sorted(paths, key=same), key=same):
        members = list(members)
        # Equal shares: ten files make two groups of five.
        count = -(-len(members) // GROUP)
        for i in range(count):
            yield members[i::count]


def main():
    if set(sys.argv[1:]) & {"-h", "--help"}:
        print(__doc__.strip())
        return 0
    wanted = {pathlib.Path(name).resolve() for name in sys.argv[1:]}
    version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    config = (lint_cache.ROOT / ".clang-tidy").read_text()
    cache, inputs = lint_cache.cache_dir("tidy"), lint_cache.Inputs()
    commands = {path: flags for path, flags in lint_cache.compile_commands().items()
                if path.exists() and path.suffix == ".cc" and (not wanted or path in wanted)}
    keys = {path: lint_cache.key_of(inputs.closure(path), version, config, CLANG_FLAGS, TEST_CHECKS,
                                    flags)
            for path, flags in commands.items()}
    todo = [path for path in commands if not (cache / keys[path]).exists()]
    print(f"clang-tidy: {len(commands)} files, {len(todo)} not checked before", flush=True)

    checker, failed = Checker(cache, keys), 0
    with concurrent.futures.ThreadPoolExecutor(lint_cache.JOBS) as pool:
        checks = [pool.submit(checker.failures, group, commands[group[0]])
                  for group in groups_of(todo, commands)]
        for check in concurrent.futures.as_completed(checks):
            for paths, text in check.result():
                failed += 1
                names = ", ".join(str(path.relative_to(lint_cache.ROOT)) for path in paths)
                print(f"--- clang-tidy: {names}\n{text.rstrip()}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
