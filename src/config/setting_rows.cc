// The rows of the table of settings.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "config/exposure.h"
#include "config/setting_table.h"

namespace realm::config {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;
constexpr std::int64_t kDayMs = std::int64_t{24} * 60 * 60 * 1000;

constexpr std::array<std::string_view, 4> kLevelWords{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kFormatWords{"text", "json"};
constexpr std::array<std::string_view, 3> kLockdownWords{"off", "auto", "required"};

template <auto Section, auto Member>
using FieldType = std::remove_cvref_t<decltype(std::declval<Settings&>().*Section.*Member)>;

template <auto Section, auto Member>
constexpr IntegerSlot integer(std::int64_t minimum, std::int64_t maximum) {
    using Field = FieldType<Section, Member>;
    return {
        .minimum = minimum,
        .maximum = maximum,
        .get =
            [](const Settings& settings) {
                const Field& field = settings.*Section.*Member;
                if constexpr (std::is_arithmetic_v<Field>) {
                    return static_cast<std::int64_t>(field);
                } else {
                    return static_cast<std::int64_t>(field.count());
                }
            },
        .set = [](Settings& settings,
                  std::int64_t value) { settings.*Section.*Member = static_cast<Field>(value); }};
}

template <auto Section, auto Member>
constexpr BooleanSlot boolean() {
    return {.get = [](const Settings& settings) { return settings.*Section.*Member; },
            .set = [](Settings& settings, bool value) { settings.*Section.*Member = value; }};
}

template <auto Section, auto Member>
constexpr TextSlot text(std::string_view allowed, bool (*accepts)(const std::string&)) {
    return {.accepts = accepts,
            .allowed = allowed,
            .get = [](const Settings& settings) -> const std::string& {
                return settings.*Section.*Member;
            },
            .set = [](Settings& settings,
                      std::string value) { settings.*Section.*Member = std::move(value); }};
}

template <auto Section, auto Member>
constexpr ChoiceSlot choice(std::span<const std::string_view> words) {
    return {.words = words,
            .get =
                [](const Settings& settings) {
                    return static_cast<std::size_t>(settings.*Section.*Member);
                },
            .set =
                [](Settings& settings, std::size_t index) {
                    settings.*Section.*Member = static_cast<FieldType<Section, Member>>(index);
                }};
}

// Paths and names go to the C library, for which a zero byte ends the text.
bool has_no_zero(const std::string& value) {
    return value.find('\0') == std::string::npos;
}

template <auto Member>
constexpr IntegerSlot limit(std::int64_t minimum, std::int64_t maximum) {
    return integer<&Settings::limits, Member>(minimum, maximum);
}

constexpr auto kServer = &Settings::server;
constexpr auto kModel = &Settings::model;

constexpr std::array kTable{
    SettingRow{"server.address", "REALM_ADDRESS",
               text<kServer, &ServerSettings::address>("an IP address or localhost", is_address),
               "address to listen on; other than this machine's own only with tenants"},
    SettingRow{"server.port", "REALM_PORT", integer<kServer, &ServerSettings::port>(0, 65535),
               "port to listen on; 0 takes any free one"},
    SettingRow{"server.grace_ms", "REALM_GRACE_MS",
               integer<kServer, &ServerSettings::grace_ms>(0, kDayMs),
               "how long running requests may go on when the server stops, in milliseconds"},
    SettingRow{"server.log_level", "REALM_LOG_LEVEL",
               choice<kServer, &ServerSettings::log_level>(kLevelWords),
               "lowest level that is logged"},
    SettingRow{"server.log_format", "REALM_LOG_FORMAT",
               choice<kServer, &ServerSettings::log_format>(kFormatWords),
               "lines of text, or one JSON object a line"},
    SettingRow{"server.lockdown", "REALM_LOCKDOWN",
               choice<kServer, &ServerSettings::lockdown>(kLockdownWords),
               "give up files and system calls that a server does not need; auto: as far as the "
               "kernel can, required: or do not start"},
    SettingRow{"model.name", "REALM_MODEL",
               text<kModel, &ModelSettings::name_or_path>("a name or a path", has_no_zero),
               "a known model's name (realm models) or the path of a .gguf file; empty: the "
               "default model"},
    SettingRow{"model.context", "REALM_CONTEXT",
               integer<kModel, &ModelSettings::context>(256, 16'777'216),
               "tokens of KV cache, shared by all contexts"},
    SettingRow{"model.max_contexts", "REALM_MAX_CONTEXTS",
               integer<kModel, &ModelSettings::max_contexts>(1, 255),
               "contexts with cells in the KV cache at one time"},
    SettingRow{"model.cached_contexts", "REALM_CACHED_CONTEXTS",
               integer<kModel, &ModelSettings::cached_contexts>(0, 255),
               "finished contexts whose beginning is kept for their tenant's next prompts, in "
               "cells that nobody needs; 0: none"},
    SettingRow{"model.swap_memory_bytes", "REALM_SWAP_MEMORY_BYTES",
               integer<kModel, &ModelSettings::swap_memory_bytes>(0, 1024 * kGiB),
               "memory for the KV cells of contexts that have been idle for a second while others "
               "need the cache; 0: none"},
    SettingRow{"model.swap_disk_bytes", "REALM_SWAP_DISK_BYTES",
               integer<kModel, &ModelSettings::swap_disk_bytes>(0, 1024 * kGiB),
               "the same on the disk, in the cache directory, for what that memory does not hold; "
               "0: none"},
    SettingRow{"model.threads", "REALM_THREADS", integer<kModel, &ModelSettings::threads>(0, 1024),
               "threads that compute; 0: one per core that the process may use"},
    SettingRow{"model.prefill_chunk", "REALM_PREFILL_CHUNK",
               integer<kModel, &ModelSettings::prefill_chunk>(1, 65536),
               "tokens of a prompt that are computed in one step"},
    SettingRow{"model.flash_attention", "REALM_FLASH_ATTENTION",
               boolean<kModel, &ModelSettings::flash_attention>(),
               "use the flash attention kernel"},
    SettingRow{"model.speculation", "REALM_SPECULATION",
               boolean<kModel, &ModelSettings::speculation>(),
               "compute several tokens at once where a context repeats itself; changes no token"},
    SettingRow{"program.chat", "REALM_CHAT_PROGRAM",
               text<&Settings::program, &ProgramSettings::chat>("a path, or nothing", has_no_zero),
               "path of the WebAssembly module that answers chats; empty: the built-in one"},
    SettingRow{
        "program.directory", "REALM_PROGRAM_DIRECTORY",
        text<&Settings::program, &ProgramSettings::directory>("a path, or nothing", has_no_zero),
        "where the programs that tenants push are kept; empty: $XDG_DATA_HOME/realm or "
        "~/.local/share/realm"},
    SettingRow{"limits.body_bytes", "REALM_LIMIT_BODY_BYTES",
               limit<&Limits::body_bytes>(kKiB, kGiB), "bytes of a request's body"},
    SettingRow{"limits.header_bytes", "REALM_LIMIT_HEADER_BYTES",
               limit<&Limits::header_bytes>(kKiB, kMiB), "bytes of a request's header"},
    SettingRow{"limits.connections", "REALM_LIMIT_CONNECTIONS",
               limit<&Limits::connections>(1, 1'000'000), "connections open at one time"},
    SettingRow{"limits.header_ms", "REALM_LIMIT_HEADER_MS", limit<&Limits::header_ms>(1, kDayMs),
               "milliseconds for a request's header to arrive"},
    SettingRow{"limits.body_ms", "REALM_LIMIT_BODY_MS", limit<&Limits::body_ms>(1, kDayMs),
               "milliseconds for a request's body to arrive"},
    SettingRow{"limits.idle_ms", "REALM_LIMIT_IDLE_MS", limit<&Limits::idle_ms>(1, kDayMs),
               "milliseconds that a connection may stay open between requests"},
    SettingRow{"limits.write_ms", "REALM_LIMIT_WRITE_MS", limit<&Limits::write_ms>(1, kDayMs),
               "milliseconds for a client to read one piece of a response"},
    SettingRow{"limits.memory_bytes", "REALM_LIMIT_MEMORY_BYTES",
               limit<&Limits::memory_bytes>(64 * kKiB, 4 * kGiB), "linear memory of one run",
               SettingScope::kRun},
    SettingRow{"limits.table_elements", "REALM_LIMIT_TABLE_ELEMENTS",
               limit<&Limits::table_elements>(1, 10'000'000), "elements of one run's tables",
               SettingScope::kRun},
    SettingRow{"limits.cpu_ms", "REALM_LIMIT_CPU_MS", limit<&Limits::cpu_ms>(1, kDayMs),
               "milliseconds of CPU time of one run", SettingScope::kRun},
    SettingRow{"limits.wall_ms", "REALM_LIMIT_WALL_MS", limit<&Limits::wall_ms>(1, kDayMs),
               "milliseconds from the start of a run to its end, waiting included",
               SettingScope::kRun},
    SettingRow{"limits.output_bytes", "REALM_LIMIT_OUTPUT_BYTES",
               limit<&Limits::output_bytes>(1, kGiB),
               "bytes of one run's reply and chunks together", SettingScope::kRun},
    SettingRow{"limits.chunk_bytes", "REALM_LIMIT_CHUNK_BYTES",
               limit<&Limits::chunk_bytes>(1, kGiB), "bytes of one chunk", SettingScope::kRun},
    SettingRow{"limits.log_bytes", "REALM_LIMIT_LOG_BYTES", limit<&Limits::log_bytes>(0, kGiB),
               "bytes that one run may log", SettingScope::kRun},
    SettingRow{"limits.log_lines", "REALM_LIMIT_LOG_LINES", limit<&Limits::log_lines>(1, 1'000'000),
               "lines that one run may log in a second; more are dropped", SettingScope::kRun},
    SettingRow{"limits.contexts", "REALM_LIMIT_CONTEXTS", limit<&Limits::contexts>(1, 256),
               "contexts of one run at one time", SettingScope::kRun},
    SettingRow{
        "limits.kv_tokens", "REALM_LIMIT_KV_TOKENS", limit<&Limits::kv_tokens>(1, 16'777'216),
        "tokens for which the contexts of one run reserve room together", SettingScope::kRun},
    SettingRow{"limits.operations", "REALM_LIMIT_OPERATIONS", limit<&Limits::operations>(1, 256),
               "operations on contexts that one run may have going on at one time",
               SettingScope::kRun},
    SettingRow{"limits.prefill_tokens", "REALM_LIMIT_PREFILL_TOKENS",
               limit<&Limits::prefill_tokens>(1, 16'777'216),
               "tokens that a program gives to one prefill", SettingScope::kRun},
    SettingRow{"limits.text_bytes", "REALM_LIMIT_TEXT_BYTES", limit<&Limits::text_bytes>(1, kMiB),
               "bytes of the text, messages or tokens that a program gives to one call",
               SettingScope::kRun},
    SettingRow{"limits.stop_bytes", "REALM_LIMIT_STOP_BYTES", limit<&Limits::stop_bytes>(1, kMiB),
               "bytes of the stop strings of one generation, as JSON", SettingScope::kRun},
    SettingRow{"limits.scratch_bytes", "REALM_LIMIT_SCRATCH_BYTES",
               limit<&Limits::scratch_bytes>(0, kGiB),
               "bytes of the files in one run's scratch directory, where its manifest asks for one",
               SettingScope::kRun},
    SettingRow{"limits.scratch_entries", "REALM_LIMIT_SCRATCH_ENTRIES",
               limit<&Limits::scratch_entries>(1, 65'536),
               "files and directories in one run's scratch directory", SettingScope::kRun},
    SettingRow{"limits.host_values", "REALM_LIMIT_HOST_VALUES",
               limit<&Limits::host_values>(1, 100'000'000),
               "values of JavaScript's that one instance holds at one time, and handles to them",
               SettingScope::kRun},
    SettingRow{"limits.host_value_bytes", "REALM_LIMIT_HOST_VALUE_BYTES",
               limit<&Limits::host_value_bytes>(1024, kGiB),
               "bytes of the values that one instance holds", SettingScope::kRun},
    SettingRow{"limits.host_steps", "REALM_LIMIT_HOST_STEPS",
               limit<&Limits::host_steps>(1000, 1'000'000'000'000),
               "steps of work on such values in one call", SettingScope::kRun},
    SettingRow{
        "limits.host_turn_ms", "REALM_LIMIT_HOST_TURN_MS", limit<&Limits::host_turn_ms>(1, kDayMs),
        "milliseconds of such work at a time that no other run can interrupt", SettingScope::kRun},
    SettingRow{"limits.host_timers", "REALM_LIMIT_HOST_TIMERS",
               limit<&Limits::host_timers>(0, 1'000'000),
               "timers of one instance that wait at one time", SettingScope::kRun},
    SettingRow{"limits.host_microtasks", "REALM_LIMIT_HOST_MICROTASKS",
               limit<&Limits::host_microtasks>(1, 100'000'000),
               "microtasks of one instance that wait at one time", SettingScope::kRun},
    SettingRow{"limits.nesting", "REALM_LIMIT_NESTING", limit<&Limits::nesting>(0, 256),
               "calls of a guest from within an import that it has called", SettingScope::kRun},
    SettingRow{"limits.named_results", "REALM_LIMIT_NAMED_RESULTS",
               limit<&Limits::named_results>(0, 1'000'000),
               "results that steps have given names to, in one session", SettingScope::kRun},
    SettingRow{"limits.max_tokens", "REALM_LIMIT_MAX_TOKENS",
               limit<&Limits::max_tokens>(1, 16'777'216),
               "tokens of a generation that names no number"},
    SettingRow{"limits.sessions", "REALM_LIMIT_SESSIONS", limit<&Limits::sessions>(0, 100'000),
               "instances that one tenant keeps between requests"},
    SettingRow{"limits.session_idle_ms", "REALM_LIMIT_SESSION_IDLE_MS",
               limit<&Limits::session_idle_ms>(1, kDayMs),
               "milliseconds that such an instance is kept without a request"},
    SettingRow{"limits.runs", "REALM_LIMIT_RUNS", limit<&Limits::runs>(1, 100'000),
               "runs at one time on the whole server"},
    SettingRow{"limits.queue", "REALM_LIMIT_QUEUE", limit<&Limits::queue>(0, 1'000'000),
               "contexts that wait for cells of the KV cache"},
    SettingRow{"limits.instances", "REALM_LIMIT_INSTANCES", limit<&Limits::instances>(1, 100'000),
               "instances of programs alive at one time"},
    SettingRow{"limits.stack_bytes", "REALM_LIMIT_STACK_BYTES",
               limit<&Limits::stack_bytes>(16 * kKiB, 64 * kMiB),
               "bytes of stack for the calls of a program's functions"},
    SettingRow{"limits.memories", "REALM_LIMIT_MEMORIES", limit<&Limits::memories>(1, 64),
               "linear memories of one program"},
    SettingRow{"limits.tables", "REALM_LIMIT_TABLES", limit<&Limits::tables>(1, 256),
               "tables of one program"},
    SettingRow{"limits.module_bytes", "REALM_LIMIT_MODULE_BYTES",
               limit<&Limits::module_bytes>(kKiB, kGiB), "bytes of a program's WebAssembly module"},
    SettingRow{"limits.compile_cpu_ms", "REALM_LIMIT_COMPILE_CPU_MS",
               limit<&Limits::compile_cpu_ms>(1, kDayMs),
               "milliseconds of processor time to compile one program"},
    SettingRow{"limits.compile_wall_ms", "REALM_LIMIT_COMPILE_WALL_MS",
               limit<&Limits::compile_wall_ms>(1, kDayMs),
               "milliseconds from start to end of compiling one program"},
    SettingRow{"limits.compile_memory_bytes", "REALM_LIMIT_COMPILE_MEMORY_BYTES",
               limit<&Limits::compile_memory_bytes>(kMiB, 64 * kGiB),
               "bytes of memory to compile one program"},
    SettingRow{"limits.code_bytes", "REALM_LIMIT_CODE_BYTES",
               limit<&Limits::code_bytes>(kKiB, 4 * kGiB), "bytes of a program's machine code"},
    SettingRow{"limits.compile_jobs", "REALM_LIMIT_COMPILE_JOBS",
               limit<&Limits::compile_jobs>(1, 64), "programs that are compiled at one time"},
    SettingRow{"limits.code_cache_bytes", "REALM_LIMIT_CODE_CACHE_BYTES",
               limit<&Limits::code_cache_bytes>(0, 1024 * kGiB),
               "bytes of machine code kept on the disk for the next start"},
    SettingRow{"limits.manifest_bytes", "REALM_LIMIT_MANIFEST_BYTES",
               limit<&Limits::manifest_bytes>(2, kMiB), "bytes of a program's manifest"},
    SettingRow{"limits.programs", "REALM_LIMIT_PROGRAMS", limit<&Limits::programs>(0, 100'000),
               "programs that one tenant may keep"},
    SettingRow{"limits.program_versions", "REALM_LIMIT_PROGRAM_VERSIONS",
               limit<&Limits::program_versions>(1, 100'000), "versions of one program"},
    SettingRow{"limits.programs_loaded", "REALM_LIMIT_PROGRAMS_LOADED",
               limit<&Limits::programs_loaded>(1, 100'000),
               "tenants' programs that are kept compiled in memory"},
};

}  // namespace

std::span<const SettingRow> setting_table() {
    return kTable;
}

}  // namespace realm::config
