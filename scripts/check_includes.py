#!/usr/bin/env python3
"""Checks the direction of includes in src/: a folder includes itself and folders of lower levels
that it names in DEPENDS (or that those name), and libraries that only one folder may know stay
there. Levels and DEPENDS are read from the realm_module() calls.

usage: scripts/check_includes.py [ROOT]   (another project root, for a try)
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
MODULE = re.compile(r"realm_module\(([^)]*)\)")
KEYWORDS = {"SOURCES", "DEPENDS", "LIBRARIES", "PUBLIC_LIBRARIES", "TESTS", "TEST_LIBRARIES"}
# Pattern of an include, the places that may use it.
OWNED = [
    (re.compile(r"^(wasm|wasi|wasmtime|realm_native)(\.hh?$|/)"), ["src/sandbox"]),
    (re.compile(r"^(llama|llama-cpp|realm_llama|ggml[a-z-]*|gguf)\.h$|^common/"),
     ["src/inference", "bench", "tests/reference"]),
    (re.compile(r"^boost/beast"), ["src/net"]),
]


def read_modules(root):
    """{folder: (level, depends)} of every realm_module() below src/."""
    modules = {}
    for path in sorted(root.glob("src/*/CMakeLists.txt")):
        text = re.sub(r"#.*", "", path.read_text())
        for body in MODULE.findall(text):
            words = body.split()
            fields, key = {"DEPENDS": []}, None
            for word in words:
                if word in KEYWORDS or word in ("NAME", "LEVEL"):
                    key = word
                    fields.setdefault(key, [])
                elif key:
                    fields[key].append(word)
            modules[fields["NAME"][0]] = (int(fields["LEVEL"][0]), fields["DEPENDS"])
    return modules


def reachable(folder, modules):
    seen, todo = set(), [folder]
    while todo:
        for other in modules.get(todo.pop(), (0, []))[1]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def check_folder_include(folder, is_test, target, modules):
    """Why `folder` must not include a file of the folder `target`, or None."""
    if target == folder:
        return None
    level, other = modules[folder][0], modules[target][0]
    if other >= level:
        return f"'{folder}' (level {level}) must not include '{target}' (level {other})"
    if not is_test and target not in reachable(folder, modules):
        return f"'{folder}' does not name '{target}' in its DEPENDS"
    return None


def check_line(root, path, line, modules):
    match = INCLUDE.match(line)
    if not match:
        return None
    quoted, name = match[1] == '"', match[2]
    relative = path.relative_to(root).as_posix()
    parts = relative.split("/")
    in_src = parts[0] == "src"
    is_test = "tests" in parts[2:-1]
    first = name.split("/")[0]
    if in_src and first in modules and (root / "src" / name).exists():
        return check_folder_include(parts[1], is_test, first, modules)
    for pattern, places in OWNED:
        if pattern.match(name) and not any(relative.startswith(place + "/") for place in places):
            return f"<{name}> belongs to {', '.join(places)}"
    if in_src and quoted and not is_test and (path.parent / name).exists():
        return f'"{name}" must be named from src/, as in "{parts[1]}/{name}"'
    return None


def main():
    if set(sys.argv[1:]) & {"-h", "--help"}:
        print(__doc__.strip())
        return 0
    root = pathlib.Path(sys.argv[1] if sys.argv[1:] else pathlib.Path(__file__).parent.parent).resolve()
    modules = read_modules(root)
    problems, count = [], 0
    for top in ("src", "bench", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            count += 1
            if top == "src" and path.relative_to(root).parts[1] not in modules:
                problems.append(f"{path.relative_to(root)}: its folder has no realm_module()")
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                problem = check_line(root, path, line, modules)
                if problem:
                    problems.append(f"{path.relative_to(root)}:{number}: {problem}")
    print("\n".join(problems), end="\n" if problems else "")
    print(f"includes: {count} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
