#!/usr/bin/env python3
"""Checks that each header of src/ compiles alone, with the flags of its folder and all warnings.

usage: scripts/check_headers.py [HEADER...]   (after scripts/build.sh --configure-only)
"""

import pathlib
import subprocess
import sys

import lint_cache


def flags_for(header, commands):
    """The flags of a source file of the header's own folder, else of the nearest one above it."""
    folder = header.parent
    while lint_cache.ROOT in folder.parents:
        for source in sorted(commands):
            if source.parent == folder or (folder.name != "src" and folder in source.parents):
                return commands[source]
        folder = folder.parent
    return None


def main():
    if set(sys.argv[1:]) & {"-h", "--help"}:
        print(__doc__.strip())
        return 0
    wanted = {pathlib.Path(name).resolve() for name in sys.argv[1:]}
    commands = lint_cache.compile_commands()
    version = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout
    inputs, tasks, orphans = lint_cache.Inputs(), [], []
    for header in sorted((lint_cache.ROOT / "src").rglob("*.h")):
        if wanted and header not in wanted:
            continue
        flags = flags_for(header, commands)
        name = header.relative_to(lint_cache.ROOT / "src")
        if flags is None:
            orphans.append(name)
            continue
        key = lint_cache.key_of(inputs.closure(header), version, flags)
        command = ["g++", *flags, "-fsyntax-only", "-x", "c++", "-"]
        tasks.append((f"src/{name}", key, command, f'#include "{name}"\n'))
    for name in orphans:
        print(f"headers: src/{name}: no realm_module() compiles anything in its folder")
    failed = lint_cache.run_all("headers", tasks, lint_cache.cache_dir("headers"))
    return 1 if failed or orphans else 0


if __name__ == "__main__":
    sys.exit(main())
