"""Writes WebAssembly by hand: sections, function bodies, and what no compiler would write."""

I32, I64, F32, F64 = b"\x7f", b"\x7e", b"\x7d", b"\x7c"
FUNCREF = b"\x70"
HEADER = b"\0asm\1\0\0\0"
ABI_VERSION = 1 << 16

FUNCTION, TABLE, MEMORY, GLOBAL = range(4)
CUSTOM_ID, TYPE_ID, IMPORT_ID, FUNCTION_ID, TABLE_ID, MEMORY_ID = range(6)
GLOBAL_ID, EXPORT_ID, START_ID, ELEMENT_ID, CODE_ID, DATA_ID, _, TAG_ID = range(6, 14)

UNREACHABLE, END, DROP, RETURN = b"\x00", b"\x0b", b"\x1a", b"\x0f"
BLOCK, LOOP = b"\x02\x40", b"\x03\x40"  # of no result
FOREVER = LOOP + b"\x0c\x00" + END


def u(value):
    """An unsigned LEB128 number."""
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def s(value):
    """A signed LEB128 number."""
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        if value == (-1 if byte & 0x40 else 0):
            return bytes(out) + bytes([byte])
        out.append(byte | 0x80)


def name(text):
    encoded = text if isinstance(text, bytes) else text.encode()
    return u(len(encoded)) + encoded


def vector(items):
    items = list(items)
    return u(len(items)) + b"".join(items)


def section(number, content):
    return bytes([number]) + u(len(content)) + content


def custom(title, content):
    return section(CUSTOM_ID, name(title) + content)


def i32(value):
    """i32.const of a number of 32 bits, signed or not."""
    return b"\x41" + s(value - (1 << 32) if value >= 1 << 31 else value)


def i64(value):
    return b"\x42" + s(value - (1 << 64) if value >= 1 << 63 else value)


def get(local):
    return b"\x20" + u(local)


def put(local):
    return b"\x21" + u(local)


def store8(offset):
    return b"\x3a\x00" + u(offset)


def call(function):
    return b"\x10" + u(function)


def function_type(parameters=b"", results=b""):
    return b"\x60" + u(len(parameters)) + parameters + u(len(results)) + results


def limits(least, most=None):
    return b"\x00" + u(least) if most is None else b"\x01" + u(least) + u(most)


class Module:
    """A module in the making. Functions are numbered as they come: imports first."""

    def __init__(self, pages=1):
        self.types, self.imports, self.functions, self.exports = [], [], [], []
        self.memories = [] if pages is None else [limits(pages)]
        self.tables, self.globals, self.tags, self.elements, self.data = [], [], [], [], []
        self.tail = []
        self.start = None
        if pages is not None:
            self.export("memory", MEMORY, 0)

    def type(self, parameters=b"", results=b""):
        wanted = function_type(parameters, results)
        if wanted not in self.types:
            self.types.append(wanted)
        return self.types.index(wanted)

    def imported(self, module, title, parameters=b"", results=b""):
        """The number of an imported function; all come before the first one that is defined."""
        assert not self.functions
        self.imports.append(name(module) + name(title) + b"\x00" +
                            u(self.type(parameters, results)))
        return len(self.imports) - 1

    def function(self, body, parameters=b"", results=b"", local_groups=(), export=None):
        """The number of a function with that body (without its end)."""
        code = vector(u(count) + kind for count, kind in local_groups) + body + END
        self.functions.append((self.type(parameters, results), u(len(code)) + code))
        number = len(self.imports) + len(self.functions) - 1
        if export is not None:
            self.export(export, FUNCTION, number)
        return number

    def export(self, title, kind, number):
        self.exports.append(name(title) + bytes([kind]) + u(number))

    def realm(self, body, local_groups=()):
        """Marker and realm_run."""
        self.function(i32(ABI_VERSION), results=I32, export="realm_abi_version")
        self.function(body, local_groups=local_groups, export="realm_run")
        return self

    def binary(self):
        parts = [(TYPE_ID, self.types), (IMPORT_ID, self.imports),
                 (FUNCTION_ID, [u(kind) for kind, _ in self.functions]),
                 (TABLE_ID, self.tables), (MEMORY_ID, self.memories), (TAG_ID, self.tags),
                 (GLOBAL_ID, self.globals), (EXPORT_ID, self.exports), (START_ID, self.start),
                 (ELEMENT_ID, self.elements),
                 (CODE_ID, [code for _, code in self.functions]), (DATA_ID, self.data)]
        sections = (section(number, u(items) if number == START_ID else vector(items))
                    for number, items in parts if items not in (None, []))
        return HEADER + b"".join(sections) + b"".join(self.tail)
