// Every limit of the server and its default, in one list.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace realm::config {

// A value; setting_table.cc names the range that each may be set to (key `limits.<field>`).
struct Limits {
    // One HTTP connection.
    std::uint64_t body_bytes = std::uint64_t{8} << 20;     // of a request; above: 413
    std::uint64_t header_bytes = std::uint64_t{32} << 10;  // of a request; above: 431
    std::uint32_t connections = 1024;                      // open at one time; above: 503
    std::chrono::milliseconds header_ms{15'000};           // to send a request's header
    std::chrono::milliseconds body_ms{60'000};             // to send a request's body
    std::chrono::milliseconds idle_ms{60'000};             // between two requests
    std::chrono::milliseconds write_ms{60'000};            // to read one piece of a response

    // One run of a program.
    std::uint64_t memory_bytes = std::uint64_t{64} << 20;  // linear memory
    std::uint32_t table_elements = 16'384;
    std::chrono::milliseconds cpu_ms{10'000};               // on our threads, all polls together
    std::chrono::milliseconds wall_ms{300'000};             // from start to end, waiting included
    std::uint64_t output_bytes = std::uint64_t{8} << 20;    // reply and chunks together
    std::uint64_t chunk_bytes = std::uint64_t{1} << 20;     // one chunk
    std::uint64_t log_bytes = std::uint64_t{64} << 10;      // what realm_log and WASI write
    std::uint32_t log_lines = 200;                          // in a second; more are dropped
    std::uint32_t contexts = 16;                            // at one time
    std::uint32_t kv_tokens = 32'768;                       // of all contexts, by their capacity
    std::uint32_t operations = 16;                          // of contexts, at one time
    std::uint32_t prefill_tokens = 32'768;                  // given to one call
    std::uint64_t text_bytes = std::uint64_t{1} << 20;      // text, messages or tokens of one call
    std::uint64_t stop_bytes = std::uint64_t{16} << 10;     // stop strings of one call
    std::uint64_t scratch_bytes = std::uint64_t{16} << 20;  // of a directory, where one is granted
    std::uint32_t scratch_entries = 1024;                   // files and directories in it
    std::uint32_t max_tokens = 1024;                        // of a generation that names no number
    // What stands in for JavaScript beside a run's instance.
    std::uint64_t host_values = 200'000;                       // alive at one time; handles too
    std::uint64_t host_value_bytes = std::uint64_t{64} << 20;  // of them all
    std::uint64_t host_steps = 1'000'000'000;                  // of its own work, in one call
    std::chrono::milliseconds host_turn_ms{500};               // of it, without giving way
    std::uint32_t host_timers = 1000;                          // waiting at one time
    std::uint32_t host_microtasks = 100'000;                   // the same
    std::uint32_t nesting = 64;          // calls of the guest within imports within calls
    std::uint32_t named_results = 1000;  // of steps, in one session

    // Instances that a tenant keeps between requests.
    std::uint32_t sessions = 64;                         // at one time
    std::chrono::milliseconds session_idle_ms{300'000};  // without a request

    // The whole server.
    std::uint32_t runs = 256;        // at one time; above: overloaded
    std::uint32_t queue = 1024;      // contexts that wait for cells of the model
    std::uint32_t instances = 1024;  // of programs, alive at one time
    std::uint64_t stack_bytes = std::uint64_t{256} << 10;  // of an instance's calls
    std::uint32_t memories = 4;                            // of one program
    std::uint32_t tables = 16;                             // of one program
    std::chrono::milliseconds compile_cpu_ms{10'000};      // processor time to compile one program
    std::chrono::milliseconds compile_wall_ms{120'000};
    std::uint64_t compile_memory_bytes = std::uint64_t{1} << 30;
    std::uint64_t code_bytes = std::uint64_t{256} << 20;      // of one program's machine code
    std::uint32_t compile_jobs = 2;                           // compiled at one time
    std::uint64_t code_cache_bytes = std::uint64_t{1} << 30;  // machine code kept on the disk
    std::uint64_t module_bytes = std::uint64_t{64} << 20;     // of a program's WebAssembly
    std::uint64_t manifest_bytes = std::uint64_t{64} << 10;
    std::uint32_t programs = 64;          // of one tenant
    std::uint32_t program_versions = 32;  // of one program
    std::uint32_t programs_loaded = 64;   // compiled ones that are kept in memory

    friend bool operator==(const Limits&, const Limits&) = default;
};

// Values by name of the limit, without its section: {"cpu_ms", 500}.
using LimitValues = std::map<std::string, std::int64_t>;

}  // namespace realm::config
