"""What becomes of each hostile module: one table, CASES."""

import dataclasses

import host_calls

TRAP, LIMIT, DEADLINE, INVALID = (
    "program_trap", "program_limit", "deadline_exceeded", "invalid_request")
# In the manifest of a program that names none; those that are to use up their time get little.
DEFAULT_LIMITS = {"cpu_ms": 1000}
SPINNING_LIMITS = {"cpu_ms": 20}
SERVER_LIMITS = {
    "memory_bytes": 4 << 20, "output_bytes": 200_000, "chunk_bytes": 1 << 16, "log_bytes": 4096,
    "contexts": 2, "module_bytes": 8 << 20, "manifest_bytes": 1 << 16, "programs": 200,
    "programs_loaded": 200, "compile_cpu_ms": 2000,
    # Compilers and large texts get only time that nobody else on the machine wants.
    "compile_wall_ms": 600_000, "wall_ms": 600_000,
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run and its end: an error of that type and code, else a reply. Steps reply with what each
    gave: a value, or the code of its error."""

    input: object = None
    type: str | None = None
    code: str | None = None
    says: str = ""  # part of the error's message
    reply: object = None
    label: str = ""
    steps: tuple = ()


@dataclasses.dataclass(frozen=True)
class Case:
    """A module: refused when it is pushed, or run with these ends."""

    name: str
    refused: str | None = None  # the error's code
    status: int = 400           # of the refusal
    says: str = ""
    runs: tuple = ()
    manifest: dict = dataclasses.field(default_factory=dict)

    def whole_manifest(self):
        spins = any(run.code == "cpu_time" for run in self.runs)
        return {"limits": SPINNING_LIMITS if spins else DEFAULT_LIMITS} | self.manifest


def refused(name, code="invalid_module", says="", status=400, manifest=None):
    return Case(name, refused=code, says=says, status=status, manifest=manifest or {})


def ends(name, type_, code, says="", **manifest):
    return Case(name, runs=(Run(type=type_, code=code, says=says),), manifest=manifest)


def replies(name, reply, **manifest):
    return Case(name, runs=(Run(reply=reply),), manifest=manifest)


def calls(steps, results=None, **end):
    """Raw calls of exports, of (name, arguments...)."""
    return Run(steps=tuple({"do": name, "args": arguments} for name, *arguments in steps),
               reply=results, **end)


def bad_arguments():
    """One run for each call; a bad one ends with function, parameter and offset in its message."""
    runs = []
    calls = host_calls.calls() + [call for call, _ in host_calls.buffer_calls()]
    for number, call in enumerate(calls):
        if call.refused is None:
            runs.append(Run(number, label=f"{call.label}: {call.note}"))
            continue
        says = f"{call.function}: "
        if call.refused > 0:
            says += f"parameter {call.refused}: offset {call.pointer} "
        runs.append(Run(number, TRAP, "bad_pointer", says, label=f"{call.label}: {call.note}"))
    return Case("bad_arguments", runs=tuple(runs), manifest={
        "wasi": {"args": ["x"], "env": {"A": "1"}, "scratch_bytes": 65536}})


CASES = [
    # Loops and recursion.
    Case("spin", runs=(Run(type=LIMIT, code="cpu_time", says="20 ms (limits.cpu_ms"),
                       calls([["realm_abi_version"], ["realm_run"]], type=LIMIT, code="cpu_time"))),
    ends("spin_calling", LIMIT, "cpu_time", "20 ms (limits.cpu_ms"),
    ends("spin_waiting", DEADLINE, "wall_time", "200 ms", limits={"cpu_ms": 5000, "wall_ms": 200}),
    ends("sleeper", DEADLINE, "wall_time", "200 ms", limits={"wall_ms": 200}),
    ends("start_spins", LIMIT, "cpu_time", "20 ms (limits.cpu_ms"),
    ends("initialize_spins", LIMIT, "cpu_time", "20 ms (limits.cpu_ms"),
    ends("tail_calls_itself", LIMIT, "cpu_time", "20 ms (limits.cpu_ms"),
    ends("throws_for_ever", LIMIT, "cpu_time", "20 ms (limits.cpu_ms"),
    ends("unread_generation", LIMIT, "cpu_time", "20 ms (limits.cpu_ms"),
    ends("stack_overflow", LIMIT, "stack", "'dive'"),
    ends("recursion_through_a_table", LIMIT, "stack", "limits.stack_bytes"),
    ends("recursion_with_large_frames", LIMIT, "stack", "limits.stack_bytes"),

    # Memory, tables, segments.
    ends("memory_hog", LIMIT, "memory", "limit is 4194304 bytes (limits.memory_bytes"),
    ends("memory_grows_by_all", LIMIT, "memory", "asked for 281474976710656 bytes"),
    ends("memory_beyond_its_maximum", LIMIT, "memory_maximum", "asked for 196608 bytes"),
    ends("table_hog", LIMIT, "table", "limit is 16384 (limits.table_elements"),
    ends("gc_hog", LIMIT, "memory", "limits.memory_bytes"),
    ends("gc_array_too_large", TRAP, "allocation_too_large"),
    ends("data_outside", TRAP, "out_of_bounds"),
    ends("elements_outside", TRAP, "table_out_of_bounds"),
    replies("data_huge", None),
    refused("data_in_too_many_segments", says="data segments count exceeds limit of 100000"),
    refused("memory_starts_too_large", "memory", "limits.memory_bytes", 422),
    refused("table_starts_too_large", "table", "limits.table_elements", 422),
    refused("too_many_memories", "memories", "has 5 memories; 4 are allowed", 422),
    refused("too_many_tables", "tables", "has 17 tables; 16 are allowed", 422),
    refused("larger_than_allowed", "module_bytes", "limits.module_bytes", 422),

    # Pointers and values.
    bad_arguments(),
    Case("bad_pointer", runs=tuple(
        Run(number, TRAP, "bad_pointer", "parameter") for number in range(19)) +
        (Run(19, reply="no such case"),)),
    ends("out_of_bounds", TRAP, "out_of_bounds", "'peek'"),
    ends("memory64", TRAP, "out_of_bounds"),
    ends("no_memory", TRAP, "bad_pointer", "memory of 0 bytes"),
    ends("memory_is_a_function", TRAP, "bad_pointer", "memory of 0 bytes"),
    ends("start_calls_the_host", TRAP, "bad_pointer", "realm_reply: parameter 1: offset 65536"),
    Case("lying_malloc", runs=(
        Run(type=TRAP, code="out_of_bounds", says="'realm_run'"),
        calls([["takes_text", "hello"], ["malloc", 5], ["takes_text", ""], ["realm_run"],
               ["free", 0], ["no_such"], ["nobody.free"], ["new Nothing"], ["takes_text", 1]],
              ["bad_allocation", -21, 0, "out_of_bounds", "unreachable", "no_such_export",
               "no_such_name", "no_such_class", "bad_arguments"]))),
    replies("bad_values",
            [-1, -9] + [-1] * 5 + [-5] * 2 + [-1] * 15 + [0] * 2 + [-1] * 2 + [0]),
    replies("bad_contexts", [-5, -5, -1, 0, -1, -9, -1, -1, -1, -1, -1, -9, -1, -4, 0, -4, -4, -4, -4,
                             -4, -4, -1, -4, -4, -1, -1, -1, 0, 0, 0, 1, 5, 4, 0, 0, 1]),
    replies("freed_handles", [0, 0, 0] + [-4] * 8),
    replies("guessed_handles", [0, 0, -4, -4]),
    replies("answers_twice", [4]),

    # Large inputs and outputs.
    replies("slow_tokenizer", [-9, -9, 1, -9, -1]),
    replies("slow_template", [-9] + [-1] * 6),
    replies("deep_json", [-1] * 10),
    replies("chunk_too_large", [-9, -9]),
    ends("output_flood", LIMIT, "output_bytes", "limits.output_bytes"),
    ends("context_hog", LIMIT, "contexts", "limits.contexts"),
    replies("log_flood", "logged"),
    replies("print_flood", "printed"),
    replies("scratch_hog", [76, 76, 0, 51, 51, 33, 8, 8], wasi={"scratch_bytes": 65536}),
    replies("no_reply", None),

    # Traps and ends.
    ends("unreachable", TRAP, "unreachable", "'realm_run'"),
    ends("start_traps", TRAP, "unreachable"),
    ends("divides_by_zero", TRAP, "integer_divide_by_zero"),
    ends("overflows", TRAP, "integer_overflow"),
    ends("converts_nan", TRAP, "bad_float_to_integer"),
    ends("calls_null", TRAP, "null_function"),
    ends("calls_another_type", TRAP, "indirect_call_type"),
    ends("calls_outside_its_table", TRAP, "table_out_of_bounds"),
    ends("throws", TRAP, "uncaught_exception"),
    ends("exits", TRAP, "exit", "exit status 77"),
    ends("unknown_import", TRAP, "unknown_import", "'elsewhere.help'"),
    ends("many_imports", TRAP, "unknown_import", "'elsewhere.f1999'"),
    ends("name_section_lies", TRAP, "unreachable", "'evil?nnn"),
    ends("name_section_is_broken", TRAP, "unreachable", "'#1'"),

    # Imports and exports.
    refused("unknown_realm_import", "unknown_import", "'env.realm_teleport'"),
    refused("import_of_another_type", "import_type",
            "'env.realm_reply' with the type (i64) -> i64"),
    Case("imported_memory", runs=(
        calls([["run"]], type=LIMIT, code="memory", says="asked for 4294967296 bytes"),)),
    Case("imported_table", runs=(
        calls([["run"]], type=LIMIT, code="table", says="a table of 4294967295 elements"),)),
    refused("imported_shared_memory", "unsupported_import", "memory 'env.it'"),
    refused("imported_global", "unsupported_import", "global 'env.it'"),
    refused("import_name_of_a_megabyte"),
    refused("too_many_imports", says="100001 of the imports; 100000 are allowed"),
    refused("duplicate_exports", says="duplicate export name `memory`"),
    replies("many_exports", None),
    ends("run_takes_parameters", INVALID, "bad_export_type", "(i32) -> (); it must be () -> ()"),
    ends("run_is_a_global", INVALID, "no_such_export", "exports no function 'realm_run'"),
    ends("initialize_takes_parameters", INVALID, "bad_export_type", "'_initialize'"),
    refused("newer_abi", "abi_version", "version 2.0"),
    refused("no_marker", "abi_missing"),
    refused("version_that_loops", says="does more than return a constant"),
    refused("manifest_is_deep", "invalid_manifest", "nested deeper than"),
    refused("manifest_is_large", "invalid_manifest", "limits.manifest_bytes"),
    refused("manifest_wants_too_much", "invalid_manifest", "limits.memory_bytes"),

    # Bytes.
    refused("empty", says="too short"),
    refused("text", says="does not begin with the header"),
    refused("header_only_half", says="too short"),
    refused("truncated", says="ends within"),
    refused("random_bytes", says="does not begin with the header"),
    refused("random_sections"),
    refused("newer_version", says="version 1"),
    refused("component", says="is a component"),
    refused("components_in_components", says="is a component"),
    replies("modules_in_custom_sections", None),
    refused("section_beyond_the_end", says="ends within a section"),
    refused("section_size_overlong", says="a number that is too long"),
    refused("unknown_section", says="unknown kind 99"),
    refused("types_without_end", says="4294967295 of the types"),
    refused("imports_without_end", says="4294967295 of the imports"),
    refused("exports_without_end", says="4294967295 of the exports"),
    refused("name_beyond_the_end", says="ends within a custom section"),
    refused("sections_twice", says="twice"),
    refused("sections_out_of_order", says="has section 1 behind section 5"),
    refused("code_of_too_few", says="declares 1 functions and has the code of 0"),
    refused("invalid_code", says="unknown local 7"),
    refused("parameters_without_end", says="100000 parameters"),

    # Proposals that are not allowed.
    refused("shared_memory", "shared_memory", "threads"),
    refused("atomic_wait", says="threads support is not enabled"),

    # For the compiler.
    replies("thousands_of_functions", None),
    replies("thousands_of_locals", None),
    replies("deep_nesting", None),
    refused("more_locals_than_allowed", says="too many locals"),
    refused("deep_br_table", says="200000 targets"),
    refused("compile_bomb_of_functions", "compile_time", "limits.compile_cpu_ms", status=422),
    refused("compile_bomb_of_locals", "compile_time", "limits.compile_cpu_ms", status=422),
    refused("compile_bomb_of_branches", "compile_time", "limits.compile_cpu_ms", status=422),
]

