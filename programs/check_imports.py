#!/usr/bin/env python3
"""Usage: check_imports.py MODULE.wasm [--allow MODULE.NAME]...

Fails unless every import of the module is a function env.realm_* (or one that is allowed) and the
exports that Realm needs are there. The build runs it after linking each program, so that no
library function that prints or opens files slips in unnoticed."""
import argparse
import pathlib
import sys

IMPORT_SECTION = 2
EXPORT_SECTION = 7
KINDS = {0: "function", 1: "table", 2: "memory", 3: "global"}
NEEDED = {"memory": "memory", "realm_abi_version": "function", "realm_run": "function"}


class Reader:
    """Reads the values of a module's binary form, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def take(self, length: int) -> bytes:
        self.at += length
        return self.data[self.at - length : self.at]

    def name(self) -> str:
        return self.take(self.number()).decode()

    def skip_limits(self) -> None:
        if self.number() & 1:
            self.number()
        self.number()

    def skip_import_type(self, kind: int) -> None:
        if kind == 0:
            self.number()
        elif kind == 1:
            self.byte()
            self.skip_limits()
        elif kind == 2:
            self.skip_limits()
        else:
            self.take(2)


def sections(data: bytes) -> dict[int, Reader]:
    if data[:8] != b"\0asm\1\0\0\0":
        raise SystemExit("no WebAssembly module")
    reader = Reader(data)
    reader.at = 8
    found = {}
    while reader.at < len(data):
        section = reader.byte()
        found[section] = Reader(reader.take(reader.number()))
    return found


def imports(reader: Reader) -> list[tuple[str, str]]:
    found = []
    for _ in range(reader.number()):
        name = f"{reader.name()}.{reader.name()}"
        kind = reader.byte()
        reader.skip_import_type(kind)
        found.append((name, KINDS[kind]))
    return found


def exports(reader: Reader) -> dict[str, str]:
    found = {}
    for _ in range(reader.number()):
        name = reader.name()
        kind = KINDS[reader.byte()]
        reader.number()
        found[name] = kind
    return found


def problems(data: bytes, allowed: set[str]) -> list[str]:
    found = sections(data)
    empty = b"\0"
    texts = []
    for name, kind in imports(found.get(IMPORT_SECTION, Reader(empty))):
        if name not in allowed and not (name.startswith("env.realm_") and kind == "function"):
            texts.append(f"imports {kind} {name}")
    present = exports(found.get(EXPORT_SECTION, Reader(empty)))
    for name, kind in NEEDED.items():
        if present.get(name) != kind:
            texts.append(f"does not export {kind} {name}")
    return texts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("module", type=pathlib.Path)
    parser.add_argument("--allow", action="append", default=[])
    options = parser.parse_args()
    found = problems(options.module.read_bytes(), set(options.allow))
    for text in found:
        print(f"{options.module}: {text}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
