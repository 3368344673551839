"""Hostile modules that no compiler would write: MODULES makes each by its name."""

import random

import host_calls
import wasm
from wasm import (END, FOREVER, I32, I64, UNREACHABLE, Module, call, custom, get, i32, name, u,
                  vector)

MODULES = {}
PAGE = 65536


def module(make):
    MODULES[make.__name__] = make
    return make


def named(*names):
    """Marks the functions below as modules under other names."""
    def keep(make):
        for one in names:
            MODULES[one] = lambda one=one: make(one)
        return make
    return keep


def bytes_of(program):
    return program.binary() if isinstance(program, Module) else program


def build(title):
    return bytes_of(MODULES[title]())


def running(body, **locals_):
    return Module().realm(body, **locals_)


MODULES["bad_arguments"] = host_calls.build


# ---- bytes that are no module ---------------------------------------------------------------

@module
def empty():
    return b""


@module
def text():
    return b'(module (func (export "realm_run")))'


@module
def header_only_half():
    return wasm.HEADER[:7]


@module
def truncated():
    whole = Module().realm(b"").binary()
    return whole[:len(whole) - 3]


@module
def random_bytes():
    return random.Random(1).randbytes(100_000)


@module
def random_sections():
    return wasm.HEADER + random.Random(2).randbytes(100_000)


@module
def newer_version():
    return b"\0asm\2\0\0\0"


@module
def component():
    return b"\0asm\x0d\0\1\0"


@module
def components_in_components():
    inner = b"\0asm\x0d\0\1\0"
    for _ in range(2000):
        inner = b"\0asm\x0d\0\1\0" + wasm.section(4, inner)
    return inner


@module
def modules_in_custom_sections():
    inner = Module().realm(b"").binary()
    for _ in range(1000):
        inner = Module().realm(b"").binary() + custom("module", inner)
    return inner


@module
def section_beyond_the_end():
    return wasm.HEADER + b"\x01" + u(2**32 - 1) + b"\x01"


@module
def section_size_overlong():
    return wasm.HEADER + b"\x01" + b"\x80" * 9 + b"\x01"


@module
def unknown_section():
    return wasm.HEADER + wasm.section(99, b"")


@module
def types_without_end():
    return wasm.HEADER + wasm.section(wasm.TYPE_ID, u(2**32 - 1))


@module
def imports_without_end():
    return wasm.HEADER + wasm.section(wasm.IMPORT_ID, u(2**32 - 1))


@module
def exports_without_end():
    return wasm.HEADER + wasm.section(wasm.EXPORT_ID, u(2**32 - 1))


@module
def name_beyond_the_end():
    return wasm.HEADER + wasm.section(wasm.CUSTOM_ID, u(2**31) + b"name")


@module
def sections_twice():
    once = Module().realm(b"").binary()
    return once + once[len(wasm.HEADER):]


@module
def sections_out_of_order():
    return wasm.HEADER + wasm.section(wasm.MEMORY_ID, vector([wasm.limits(1)])) + wasm.section(
        wasm.TYPE_ID, vector([wasm.function_type()]))


@module
def code_of_too_few():
    return wasm.HEADER + wasm.section(wasm.TYPE_ID, vector([wasm.function_type()])) + wasm.section(
        wasm.FUNCTION_ID, vector([u(0)]))


@module
def invalid_code():
    return running(get(7))


@module
def parameters_without_end():
    program = Module()
    program.function(b"", parameters=I32 * 100_000)
    return program


# ---- imports and exports --------------------------------------------------------------------

@module
def too_many_imports():
    program = Module()
    kind = b"\x00" + u(program.type())
    program.imports = [name("m") + name(f"f{i}") + kind for i in range(100_001)]
    return program.realm(b"")


@module
def many_imports():
    program = Module()
    for i in range(2000):
        program.imported("elsewhere", f"f{i}")
    return program.realm(call(1999))


@module
def many_exports():
    program = Module()
    for i in range(20_000):
        program.export(f"again{i}", wasm.FUNCTION, 0)
    return program.realm(b"")


@module
def duplicate_exports():
    program = Module()
    program.export("memory", wasm.MEMORY, 0)
    return program.realm(b"")


@module
def import_name_of_a_megabyte():
    program = Module()
    program.imported("elsewhere", "x" * 1_000_000)
    return program.realm(call(0))


@module
def import_of_another_type():
    program = Module()
    program.imported("env", "realm_reply", I64, I64)
    return program.realm(b"")


def importing(kind, description):
    program = Module(pages=None)
    program.function(b"", export="run")  # number 0: what is imported is no function
    program.imports.append(name("env") + name("it") + bytes([kind]) + description)
    return program


@module
def imported_memory():
    return importing(wasm.MEMORY, wasm.limits(65536))


@module
def imported_table():
    return importing(wasm.TABLE, wasm.FUNCREF + wasm.limits(2**32 - 1))


@module
def imported_shared_memory():
    return importing(wasm.MEMORY, b"\x03" + u(1) + u(2))


@module
def imported_global():
    return importing(wasm.GLOBAL, I32 + b"\x01")


@module
def run_takes_parameters():
    program = Module()
    program.function(i32(wasm.ABI_VERSION), results=I32, export="realm_abi_version")
    program.function(b"", parameters=I32, export="realm_run")
    return program


@module
def run_is_a_global():
    program = Module()
    program.function(i32(wasm.ABI_VERSION), results=I32, export="realm_abi_version")
    program.globals.append(I32 + b"\x00" + i32(0) + END)
    program.export("realm_run", wasm.GLOBAL, 0)
    return program


@module
def memory_is_a_function():
    program = Module(pages=None)
    program.imported("env", "realm_reply", I32 * 2, I32)
    program.realm(i32(0) + i32(1) + call(0) + wasm.DROP)
    program.export("memory", wasm.FUNCTION, 1)
    return program


@module
def no_memory():
    program = Module(pages=None)
    program.imported("env", "realm_request_data", I32 * 2, I32)
    return program.realm(i32(0) + i32(64) + call(0) + wasm.DROP)


@module
def version_that_loops():
    program = Module()
    program.function(FOREVER + i32(wasm.ABI_VERSION), results=I32, export="realm_abi_version")
    program.function(b"", export="realm_run")
    return program


# ---- names and manifests that lie -----------------------------------------------------------

@module
def name_section_lies():
    program = running(UNREACHABLE)
    names = [(0, "\x1b[2J\r\nforged: line"), (1, "evil\0" + "n" * 1_000_000), (2**31, "nobody")]
    program.tail.append(custom("name", b"\x01" + (lambda part: u(len(part)) + part)(
        vector(u(index) + name(title) for index, title in names))))
    return program


@module
def name_section_is_broken():
    program = running(UNREACHABLE)
    program.tail.append(custom("name", b"\x01" + u(2**31) + u(2**32 - 1) + b"\xff\xfe"))
    return program


def with_manifest(*contents):
    program = Module().realm(b"")
    program.tail += [custom("realm.manifest", content) for content in contents]
    return program


@module
def manifest_is_deep():
    return with_manifest(b'{"description":' + b"[" * 50_000)


@module
def manifest_is_large():
    return with_manifest(b'{"description":"' + b"x" * 200_000 + b'"}')


@module
def manifest_wants_too_much():
    return with_manifest(b'{"limits":{"memory_bytes":4294967296}}')


# ---- memory, tables, segments ---------------------------------------------------------------

@module
def memory_starts_too_large():
    return Module(pages=65536).realm(b"")


@module
def table_starts_too_large():
    program = Module()
    program.tables.append(wasm.FUNCREF + wasm.limits(2**32 - 1))
    return program.realm(b"")


@module
def table_hog():
    program = Module()
    program.tables.append(wasm.FUNCREF + wasm.limits(1))
    grow = b"\xd0\x70" + i32(1000) + b"\xfc\x0f\x00" + wasm.DROP  # ref.null func, table.grow
    return program.realm(wasm.LOOP + grow + b"\x0c\x00" + END)


@module
def memory_beyond_its_maximum():
    program = Module(pages=None)
    program.memories.append(wasm.limits(1, 2))
    return program.realm(i32(2) + b"\x40\x00" + wasm.DROP)


@module
def memory_grows_by_all():
    return running(i32(-1) + b"\x40\x00" + wasm.DROP)


@module
def too_many_memories():
    program = Module()
    program.memories *= 5
    return program.realm(b"")


@module
def too_many_tables():
    program = Module()
    program.tables = [wasm.FUNCREF + wasm.limits(1)] * 17
    return program.realm(b"")


@module
def memory64():
    program = Module(pages=None)
    program.memories.append(b"\x05" + u(1) + u(2**40))
    program.export("memory", wasm.MEMORY, 0)
    return program.realm(wasm.i64(2**40) + b"\x2d\x00\x00" + wasm.DROP)


@module
def shared_memory():
    program = Module(pages=None)
    program.memories.append(b"\x03" + u(1) + u(2))
    return program.realm(b"")


@module
def atomic_wait():
    return running(i32(0) + i32(0) + wasm.i64(-1 % 2**64) + b"\xfe\x01\x02\x00" + wasm.DROP)


def active_data(offset, content):
    return b"\x00" + i32(offset) + END + name(content)


@module
def data_outside():
    program = Module()
    program.data.append(active_data(PAGE - 1, b"xx"))
    return program.realm(b"")


@module
def data_huge():
    program = Module(pages=48)
    program.data.append(active_data(0, b"x" * (3 << 20)))
    return program.realm(b"")


@module
def data_in_too_many_segments():
    program = Module()
    program.data = [active_data(0, b"x")] * 100_001
    return program.realm(b"")


@module
def larger_than_allowed():
    return Module().realm(b"").binary() + custom("x", bytes(8 << 20))


@module
def elements_outside():
    program = Module()
    program.tables.append(wasm.FUNCREF + wasm.limits(1))
    program.elements.append(b"\x00" + i32(1) + END + vector([u(0)]))
    return program.realm(b"")


# ---- traps ----------------------------------------------------------------------------------

@module
def start_traps():
    program = running(b"")
    program.start = program.function(UNREACHABLE)
    return program


@module
def start_spins():
    program = running(b"")
    program.start = program.function(FOREVER)
    return program


@module
def start_calls_the_host():
    """Before it has an instance: a pointer outside."""
    program = Module()
    program.imported("env", "realm_reply", I32 * 2, I32)
    program.realm(b"")
    program.start = program.function(i32(PAGE) + i32(1) + call(0) + wasm.DROP)
    return program


@module
def initialize_spins():
    program = running(b"")
    program.function(FOREVER, export="_initialize")
    return program


@module
def initialize_takes_parameters():
    program = running(b"")
    program.function(b"", parameters=I32, export="_initialize")
    return program


@module
def divides_by_zero():
    return running(i32(1) + i32(0) + b"\x6d" + wasm.DROP)


@module
def overflows():
    return running(i32(2**31) + i32(-1) + b"\x6d" + wasm.DROP)


@module
def converts_nan():
    return running(b"\x43\x00\x00\xc0\x7f" + b"\xa8" + wasm.DROP)  # i32.trunc_f32_s


@named("calls_null", "calls_another_type", "calls_outside_its_table")
def indirect_call(which):
    program = Module()
    program.tables.append(wasm.FUNCREF + wasm.limits(2))
    program.elements.append(b"\x00" + i32(1) + END + vector([u(0)]))
    index = {"calls_null": 0, "calls_another_type": 1, "calls_outside_its_table": 2**31}[which]
    return program.realm(i32(index) + b"\x11" + u(program.type()) + b"\x00")


@module
def tail_calls_itself():
    return running(b"\x12\x01")  # return_call


@module
def recursion_through_a_table():
    program = Module()
    program.tables.append(wasm.FUNCREF + wasm.limits(1))
    program.elements.append(b"\x00" + i32(0) + END + vector([u(1)]))
    return program.realm(i32(0) + b"\x11" + u(program.type()) + b"\x00" + i32(1) + wasm.DROP)


@module
def recursion_with_large_frames():
    return running(b"".join(get(i) + wasm.put(i + 1) for i in range(4000)) + call(1) + get(4000) +
                    wasm.DROP, local_groups=[(4001, I64)])


# ---- proposals ------------------------------------------------------------------------------

@module
def gc_hog():
    """A list of arrays, of Wasmtime's collector, without end."""
    program = Module()
    program.types.append(b"\x5e\x7f\x01")  # array of mutable i32
    program.types.append(b"\x5f\x02\x63\x01\x01\x64\x00\x01")  # struct {next, array}
    link = get(0) + i32(4096) + b"\xfb\x07\x00" + b"\xfb\x00\x01" + wasm.put(0)
    return program.realm(wasm.LOOP + link + b"\x0c\x00" + END, local_groups=[(1, b"\x63\x01")])


@module
def gc_array_too_large():
    program = Module()
    program.types.append(b"\x5e\x7e\x01")
    return program.realm(i32(-1) + b"\xfb\x07\x00" + wasm.DROP)


@module
def throws():
    program = Module()
    program.tags.append(b"\x00" + u(program.type()))
    return program.realm(b"\x08\x00")


@module
def throws_for_ever():
    """Catches what it throws, again and again."""
    program = Module()
    program.tags.append(b"\x00" + u(program.type()))
    # loop (block (try_table (catch_all 0) throw)) br 0
    return program.realm(wasm.LOOP + wasm.BLOCK + b"\x1f\x40\x01\x02\x00" + b"\x08\x00" + END +
                         END + b"\x0c\x00" + END)


# ---- for the compiler -----------------------------------------------------------------------

@module
def thousands_of_functions():
    program = Module()
    for _ in range(10_000):
        program.function(i32(1) + wasm.DROP)
    return program.realm(call(0))


@module
def thousands_of_locals():
    return running(get(49_999) + wasm.DROP, local_groups=[(50_000, I64)])


@module
def more_locals_than_allowed():
    return running(b"", local_groups=[(2**32 - 1, I64)])


@module
def deep_br_table():
    targets = 200_000
    return running(wasm.BLOCK + i32(5) + b"\x0e" + u(targets) + b"\x00" * targets + b"\x00" + END)


@module
def deep_nesting():
    depth = 50_000
    return running(wasm.BLOCK * depth + END * depth)


@module
def compile_bomb_of_functions():
    """As many functions as fit, none of them cheap."""
    program = Module()
    mix = b"".join(get(i % 16) + get((i * 7 + 3) % 16) + b"\x6c" + get((i * 5 + 1) % 16) + b"\x73" +
                   wasm.put((i * 11 + 5) % 16) for i in range(200))
    for _ in range(3500):
        program.function(wasm.LOOP + mix + get(0) + b"\x0d\x00" + END, local_groups=[(16, I32)])
    return program.realm(call(0))


@module
def compile_bomb_of_locals():
    """Functions whose locals all live across each other's loops."""
    program = Module()
    count = 1000
    turn = b"".join(get(i) + get((i + 1) % count) + b"\x7c" + wasm.put((i * 7) % count)
                    for i in range(count))
    body = (wasm.LOOP * 20) + turn + (get(0) + b"\xa7" + b"\x0d\x00" + END) * 20
    for _ in range(200):
        program.function(body, local_groups=[(count, I64)])
    return program.realm(call(0))


@module
def compile_bomb_of_branches():
    """One function: br_tables into a deep nest of blocks, each with as many targets."""
    depth = 1000
    table = b"\x0e" + u(depth) + b"".join(u(i) for i in range(depth)) + b"\x00"
    inner = wasm.BLOCK * depth
    for _ in range(depth):
        inner += get(0) + i32(1) + b"\x6a" + wasm.put(0) + END
    step = wasm.BLOCK * depth + get(0) + table + END * depth
    return running(wasm.LOOP + step * 1500 + END, local_groups=[(1, I32)])
