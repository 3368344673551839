// What `realm doctor` looks at. Each check takes what it judges, so that tests can feed it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace realm::app {

enum class Health : std::uint8_t { kOk, kWarning, kProblem };

struct Finding {
    std::string subject;  // "memory"
    Health health = Health::kOk;
    std::string detail;  // what was found
    std::string advice;  // what to do; empty when all is well

    friend bool operator==(const Finding&, const Finding&) = default;
};

// `cpuinfo` is the text of /proc/cpuinfo.
Finding check_cpu(std::string_view cpuinfo);
// `meminfo` is the text of /proc/meminfo; `wanted` the bytes that the server is about to use.
Finding check_memory(std::string_view meminfo, std::uint64_t wanted);
// `limit` is vm.max_map_count; an instance takes up to seven mappings.
Finding check_mappings(std::uint64_t limit, std::uint32_t instances);
// `limit` is the soft limit of open files.
Finding check_open_files(std::uint64_t limit, std::uint32_t connections);
// `limit` is the soft limit of the address space; the pool of instances reserves terabytes of it.
Finding check_address_space(std::uint64_t limit);
// Tries to create a file there.
Finding check_directory(const std::filesystem::path& directory);
// Tries to listen there.
Finding check_port(const std::string& address, std::uint16_t port);
// What a server can give up at start: whether the kernel filters system calls, and its Landlock ABI
// (0: none). Two findings, or one where the settings switch it off.
std::vector<Finding> check_lockdown(config::Lockdown wanted, bool seccomp, int landlock_abi);
// Loads the model of the settings.
Finding check_model(const config::Settings& settings);

// All of them, on this machine.
std::vector<Finding> examine(const config::Settings& settings);

}  // namespace realm::app
