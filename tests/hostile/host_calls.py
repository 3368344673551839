"""Every pointer of every host function, and the module that passes bad ones.

HOST_CALLS lists the functions of realm.h and of WASI that take pointers, each with its parameters:
  N        a number (i32), as it is        Nl       the same, of 64 bits
  r<S>     a range: pointer, count; elements of S bytes
  p<S>     a pointer to one thing of S bytes
Elements of 1 to 8 bytes are aligned to their size, larger ones to 8; `a4` after it says otherwise.
"""

import dataclasses
import functools
import re

import wasm

WASI = "wasi_snapshot_preview1"
PAGE = 65536
GOOD_PLACE = 512  # where parameters lie that are not the bad one

HOST_CALLS = {
    "env": {
        "realm_request_data": "r1", "realm_request_meta": "r1", "realm_emit": "r1",
        "realm_reply": "r1", "realm_fail": "r1", "realm_take": "r1", "realm_last_error": "r1",
        "realm_log": "1 r1", "realm_model_open": "r1", "realm_model_describe": "0 p16a4",
        "realm_model_name": "0 r1", "realm_tokenize": "0 r1 0", "realm_detokenize": "0 r4",
        "realm_apply_template": "0 r1 1", "realm_context_prefill": "0 r4",
        "realm_context_sampling": "0 p32a4", "realm_context_generate": "0 1 r1",
        "realm_context_mask": "0 r4", "realm_context_logit_bias": "0 r8a4",
        "realm_context_step_many": "r4",
    },
    WASI: {
        "args_get": "p8a4 p16a1", "args_sizes_get": "p4 p4", "environ_get": "p4 p4a1",
        "environ_sizes_get": "p4 p4", "clock_res_get": "0 p8", "clock_time_get": "0 0l p8",
        "fd_fdstat_get": "1 p24", "fd_filestat_get": "1 p64", "fd_pread": "3 r8a4 0l p4",
        "fd_prestat_get": "3 p8a4", "fd_prestat_dir_name": "3 r1", "fd_pwrite": "3 r8a4 0l p4",
        "fd_read": "0 r8a4 p4", "fd_readdir": "3 r1 0l p4", "fd_seek": "3 0l 0 p8",
        "fd_tell": "3 p8", "fd_write": "1 r8a4 p4", "path_create_directory": "3 r1",
        "path_filestat_get": "3 0 r1 p64", "path_filestat_set_times": "3 0 r1 0l 0l 0",
        "path_link": "3 0 r1 3 r1", "path_open": "3 0 r1 0 0l 0l 0 p4",
        "path_readlink": "3 r1 r1 p4", "path_remove_directory": "3 r1",
        "path_rename": "3 r1 3 r1", "path_symlink": "r1 3 r1", "path_unlink_file": "3 r1",
        "poll_oneoff": "p48 p32 1 p4", "random_get": "r1", "sock_accept": "3 0 p4",
        "sock_recv": "3 r8a4 0 p4 p2", "sock_send": "3 r8a4 0 p4",
    },
}
WITHOUT_POINTERS = {
    "env": {"realm_cancelled", "realm_time_left_ms", "realm_context_create",
            "realm_context_reused",
            "realm_context_length", "realm_context_drop", "realm_context_step",
            "realm_context_next", "realm_context_stop", "realm_context_fork",
            "realm_context_truncate", "realm_context_logits", "realm_context_top",
            "realm_context_share", "realm_context_min_tokens", "realm_context_typical",
            "realm_context_repetition", "realm_context_priority"},
    WASI: {"fd_advise", "fd_allocate", "fd_close", "fd_datasync", "fd_fdstat_set_flags",
           "fd_fdstat_set_rights", "fd_filestat_set_size", "fd_filestat_set_times", "fd_renumber",
           "fd_sync", "proc_exit", "proc_raise", "sched_yield", "sock_shutdown"},
}
WITHOUT_RESULT = {"realm_log"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    kind: str  # "number", "long", "range" or "place"
    value: int = 0
    size: int = 1
    alignment: int = 1


@dataclasses.dataclass(frozen=True)
class Call:
    """One call with its arguments, and the parameter that must be refused (None: it is taken)."""

    module: str
    function: str
    arguments: tuple  # of (value, is of 64 bits)
    refused: int | None
    pointer: int
    note: str

    @property
    def label(self):
        return f"{self.function}({', '.join(str(value) for value, _ in self.arguments)})"


def parameters_of(text):
    found = []
    for word in text.split():
        if word[0] in "rp":
            size, _, alignment = word[1:].partition("a")
            size = int(size)
            found.append(Parameter("range" if word[0] == "r" else "place", 0, size,
                                   int(alignment or min(size, 8))))
        else:
            found.append(Parameter("long" if word.endswith("l") else "number",
                                   int(word.rstrip("l"))))
    return found


def bad_values(parameter):
    """(pointer, count, why it is bad) of one pointer."""
    size, alignment = parameter.size, parameter.alignment
    yield 2**32 - 1, 1, "2^32-1"
    yield 2**32 - alignment, 1, "the last aligned place"
    yield PAGE, 1, "the end of the memory"
    if size > alignment:
        yield PAGE - alignment, 1, "it begins inside and ends outside"
    if alignment > 1:
        yield GOOD_PLACE + 1, 1, "unaligned"
        yield PAGE - size + 1, 1, "unaligned at the end of the memory"
    if parameter.kind == "range":
        yield 0, 2**32 - 1, "2^32-1 elements"
        yield GOOD_PLACE, 2**32 // size + 1 if size > 1 else 2**31, "a product that overflows"
        yield GOOD_PLACE, 2**32 - GOOD_PLACE, "a sum that overflows"


def arguments_for(parameters, chosen, pointer, count):
    arguments = []
    for index, parameter in enumerate(parameters):
        if parameter.kind in ("number", "long"):
            arguments.append((parameter.value, parameter.kind == "long"))
            continue
        place = pointer if index == chosen else GOOD_PLACE
        arguments.append((place, False))
        if parameter.kind == "range":
            arguments.append((count if index == chosen else 1, False))
    return tuple(arguments)


@functools.cache
def calls():
    """All calls, bad and good, each function's together."""
    found = []
    for module, functions in HOST_CALLS.items():
        for function, text in functions.items():
            parameters = parameters_of(text)
            for index, parameter in enumerate(parameters):
                if parameter.kind not in ("range", "place"):
                    continue
                for pointer, count, note in bad_values(parameter):
                    found.append(Call(module, function,
                                      arguments_for(parameters, index, pointer, count),
                                      index + 1,
                                      pointer, note))
                # What is at the edge and still inside is taken; so is anything of length 0.
                inside = PAGE - (parameter.size + 7 if parameter.alignment > 1
                                 else parameter.size) // parameter.alignment * parameter.alignment
                good = [(0, 1, "zero"), (inside, 1, "up to the end of the memory")]
                if parameter.kind == "range":
                    good.append((2**32 - 1, 0, "no elements at 2^32-1"))
                for pointer, count, note in good:
                    found.append(Call(module, function,
                                      arguments_for(parameters, index, pointer, count), None,
                                      pointer, note))
            # All pointers of the call at one place: what goes in lies where its answer goes.
            found.append(Call(module, function, arguments_for(parameters, None, 0, 0), None,
                              GOOD_PLACE, "overlapping"))
    return found


# Buffers that lie outside, overlap their own list, or together have more bytes than there are, and
# whether that ends the guest: descriptor 3 is a directory, so nobody looks at its buffers.
BUFFERS = [
    ("fd_write", [(2**32 - 1, 1)], True), ("fd_write", [(0, 2**32 - 1)], True),
    ("fd_write", [(PAGE, 1)], True), ("fd_write", [(0, 1), (PAGE - 1, 2)], True),
    ("fd_read", [(2**32 - 1, 1)], True), ("fd_pwrite", [(2**32 - 8, 8)], False),
    ("fd_pread", [(0, 2**31)], False), ("fd_write", [(2**32 - 1, 0)], False),
    ("fd_write", [(0, PAGE)] * 4, False), ("fd_read", [(1024, 64), (1024, 64)], False),
]
BUFFER_LIST = 1024  # where the list lies

TEXT = 32  # where the request's data lie
# Locals of realm_run.
NUMBER, TEXT_END, AT = 0, 1, 2
LOCALS = 3


def read_number():
    """The request's data, digits, into NUMBER."""
    at_end = wasm.get(AT) + wasm.get(TEXT_END) + b"\x4f" + b"\x0d\x01"  # i32.ge_u, br_if 1
    digit = wasm.get(AT) + b"\x2d\x00\x00" + wasm.i32(48) + b"\x6b"  # i32.load8_u, i32.sub
    step = (wasm.get(NUMBER) + wasm.i32(10) + b"\x6c" + digit + b"\x6a" + wasm.put(NUMBER) +
            wasm.get(AT) + wasm.i32(1) + b"\x6a" + wasm.put(AT))
    return (wasm.i32(TEXT) + wasm.i32(16) + wasm.call(0) + wasm.i32(TEXT) + b"\x6a" +
            wasm.put(TEXT_END) + wasm.i32(TEXT) + wasm.put(AT) +
            wasm.BLOCK + wasm.LOOP + at_end + step + b"\x0c\x00" + wasm.END + wasm.END)


def body_of(call, number_of):
    """Calls it and drops what it returns."""
    code = b"".join(wasm.i64(value) if long else wasm.i32(value) for value, long in call.arguments)
    code += wasm.call(number_of[call.module, call.function])
    return code if call.function in WITHOUT_RESULT else code + wasm.DROP


def buffer_calls():
    """The calls of BUFFERS, whose lists are written before."""
    found = []
    for function, buffers, bad in BUFFERS:
        arguments = arguments_for(parameters_of(HOST_CALLS[WASI][function]), 1, BUFFER_LIST,
                                  len(buffers))
        found.append((Call(WASI, function, arguments, 0 if bad else None, 0, "buffers"), buffers))
    return found


def store_buffers(buffers):
    words = [word for buffer in buffers for word in buffer]
    return b"".join(wasm.i32(BUFFER_LIST) + wasm.i32(word) + b"\x36\x02" + wasm.u(4 * index)
                    for index, word in enumerate(words))  # i32.store


def build():
    """A program that makes the call whose number the request's data is; its memory is one page that
    cannot grow, and it replies nothing."""
    module = wasm.Module(pages=None)
    module.memories.append(wasm.limits(1, 1))
    module.export("memory", wasm.MEMORY, 0)
    number_of = {}
    for source, functions in HOST_CALLS.items():
        for function, text in functions.items():
            types = b"".join({"long": wasm.I64, "range": wasm.I32 * 2}.get(parameter.kind, wasm.I32)
                             for parameter in parameters_of(text))
            number_of[source, function] = module.imported(
                source, function, types, b"" if function in WITHOUT_RESULT else wasm.I32)
    bodies = [body_of(call, number_of) for call in calls()]
    bodies += [store_buffers(buffers) + body_of(call, number_of)
               for call, buffers in buffer_calls()]
    first = [module.function(body) for body in bodies][0]
    module.tables.append(wasm.FUNCREF + wasm.limits(len(bodies)))
    module.elements.append(b"\x00" + wasm.i32(0) + wasm.END +
                           wasm.vector(wasm.u(first + index) for index in range(len(bodies))))
    kind = wasm.u(module.type())
    module.realm(read_number() + wasm.get(NUMBER) + b"\x11" + kind + b"\x00",  # call_indirect
                 local_groups=[(LOCALS, wasm.I32)])
    return module.binary()


def missing_functions(header, wasi_source):
    """Host functions that the lists above do not know, given realm.h and wasi_functions.cc."""
    known = {module: set(HOST_CALLS[module]) | WITHOUT_POINTERS[module] for module in HOST_CALLS}
    declared = {"env": set(re.findall(r"REALM_IMPORT\((realm_\w+)\)", header)),
                WASI: set(re.findall(r'_call<[^>]+>\("(\w+)"\)', wasi_source))}
    return sorted(name for module in declared for name in declared[module] ^ known[module])
