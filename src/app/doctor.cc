#include "app/doctor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "app/stack.h"
#include "inference/model.h"
#include "process/call_filter.h"
#include "process/landlock.h"

namespace realm::app {
namespace {

constexpr std::uint64_t kMappingsPerInstance = 7;
constexpr std::uint64_t kOtherMappings = 2000;
constexpr std::uint64_t kOtherFiles = 64;

std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::uint64_t number_in(std::string_view text) {
    std::uint64_t number = 0;
    const std::size_t start = text.find_first_of("0123456789");
    if (start != std::string_view::npos) {
        std::from_chars(text.data() + start, text.data() + text.size(), number);
    }
    return number;
}

// The value after "key:" in a text of such lines; nothing found reads as empty.
std::string_view line_value(std::string_view text, std::string_view key) {
    const std::size_t start = text.find(key);
    if (start == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = text.substr(start + key.size());
    return rest.substr(0, rest.find('\n'));
}

bool has_word(std::string_view text, std::string_view word) {
    const std::string padded = fmt::format(" {} ", text);
    return padded.find(fmt::format(" {} ", word)) != std::string::npos;
}

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{} MB", bytes / 1'000'000);
}

std::uint64_t soft_limit(__rlimit_resource resource) {
    rlimit limit{};
    return ::getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// Weights, what computing with them takes besides, and room for programs. A rough figure.
std::uint64_t wanted_memory(const config::Settings& settings) {
    const auto choice = choose_model(settings.model.name_or_path);
    std::error_code ignored;
    const auto weights = choice ? std::filesystem::file_size(choice->path, ignored) : 0;
    return weights * 2 + std::uint64_t{settings.model.context} * 32'768 + (256U << 20);
}

}  // namespace

Finding check_cpu(std::string_view cpuinfo) {
    const std::string_view flags = line_value(cpuinfo, "flags");
    if (flags.empty()) {
        return {"cpu", Health::kWarning, "cannot tell the CPU's features", "see /proc/cpuinfo"};
    }
    if (has_word(flags, "avx512f")) {
        return {"cpu", Health::kOk, "AVX-512", ""};
    }
    if (has_word(flags, "avx2") && has_word(flags, "fma")) {
        return {"cpu", Health::kOk, "AVX2 and FMA", ""};
    }
    return {"cpu", Health::kWarning, "neither AVX2 nor AVX-512",
            "models will be slow here; use a newer CPU"};
}

Finding check_memory(std::string_view meminfo, std::uint64_t wanted) {
    const std::uint64_t available = number_in(line_value(meminfo, "MemAvailable:")) * 1024;
    const std::string detail =
        fmt::format("{} available, about {} wanted", megabytes(available), megabytes(wanted));
    if (available >= wanted) {
        return {"memory", Health::kOk, detail, ""};
    }
    return {"memory", Health::kProblem, detail,
            "close other programs, or give the model less: --context 8192"};
}

Finding check_mappings(std::uint64_t limit, std::uint32_t instances) {
    const std::uint64_t wanted = kMappingsPerInstance * instances + kOtherMappings;
    const std::string detail =
        fmt::format("vm.max_map_count is {}, {} instances may take {}", limit, instances, wanted);
    if (limit >= wanted) {
        return {"mappings", Health::kOk, detail, ""};
    }
    return {
        "mappings", Health::kProblem, detail,
        fmt::format("as root: sysctl -w vm.max_map_count={}; or lower limits.instances", wanted)};
}

Finding check_open_files(std::uint64_t limit, std::uint32_t connections) {
    const std::uint64_t wanted = connections + kOtherFiles;
    const std::string detail = fmt::format(
        "{} allowed, {} connections may take {}",
        limit == RLIM_INFINITY ? "any number" : std::to_string(limit), connections, wanted);
    if (limit >= wanted) {
        return {"open files", Health::kOk, detail, ""};
    }
    return {"open files", Health::kWarning, detail,
            fmt::format("ulimit -n {}; or lower limits.connections", wanted)};
}

Finding check_address_space(std::uint64_t limit) {
    if (limit == RLIM_INFINITY) {
        return {"address space", Health::kOk, "unlimited", ""};
    }
    return {"address space", Health::kProblem, fmt::format("limited to {}", megabytes(limit)),
            "ulimit -v unlimited: memories of programs are reserved ahead, not used"};
}

Finding check_directory(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    std::string probe = (directory / ".realm-doctor-XXXXXX").string();
    const int file = error ? -1 : ::mkstemp(probe.data());
    if (file < 0) {
        return {"cache directory", Health::kProblem,
                fmt::format("cannot write to {}", directory.string()),
                "make it writable, or set REALM_CACHE_DIR to a directory that is"};
    }
    ::close(file);
    ::unlink(probe.c_str());
    return {"cache directory", Health::kOk, fmt::format("{} is writable", directory.string()), ""};
}

Finding check_port(const std::string& address, std::uint16_t port) {
    namespace asio = boost::asio;
    boost::system::error_code error;
    asio::io_context io;
    asio::ip::tcp::acceptor acceptor(io);
    const auto parsed =
        asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
    const asio::ip::tcp::endpoint endpoint(parsed, port);
    if (!error) {
        acceptor.open(endpoint.protocol(), error);
    }
    if (!error) {
        acceptor.set_option(asio::socket_base::reuse_address(true), error);
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(1, error);
    }
    const std::string place = fmt::format("{} port {}", address, port);
    if (!error) {
        return {"port", Health::kOk, fmt::format("{} is free", place), ""};
    }
    return {"port", Health::kProblem,
            fmt::format("cannot listen on {}: {}", place, error.message()),
            "choose another one: realm serve --port 0 takes any that is free"};
}

std::vector<Finding> check_lockdown(config::Lockdown wanted, bool seccomp, int landlock_abi) {
    if (wanted == config::Lockdown::kOff) {
        return {{"lockdown", Health::kWarning, "server.lockdown is off",
                 "set it to auto: what escapes from a sandbox then finds a small room"}};
    }
    const Health missing =
        wanted == config::Lockdown::kRequired ? Health::kProblem : Health::kWarning;
    const std::string without = wanted == config::Lockdown::kRequired
                                    ? "or set server.lockdown to auto"
                                    : "the server runs without";
    Finding calls{"seccomp", Health::kOk, "system calls are filtered, no new privileges", ""};
    if (!seccomp) {
        calls = {"seccomp", missing, "the kernel cannot filter system calls",
                 fmt::format("use a kernel with CONFIG_SECCOMP_FILTER; {}", without)};
    }
    Finding files{"landlock", Health::kOk,
                  fmt::format("ABI {}: files{} are confined", landlock_abi,
                              landlock_abi >= 6   ? ", ports and signals"
                              : landlock_abi >= 4 ? " and ports"
                                                  : ""),
                  ""};
    if (landlock_abi == 0) {
        files = {"landlock", missing, "the kernel cannot confine files",
                 fmt::format("use Linux 5.13 or newer, with landlock in lsm=; {}", without)};
    }
    return {calls, files};
}

Finding check_model(const config::Settings& settings) {
    const auto choice = choose_model(settings.model.name_or_path);
    if (!choice) {
        return {"model", Health::kProblem, choice.error().message, "fetch it: realm pull"};
    }
    const auto model = inference::Model::load(choice->path, choice->name);
    if (!model) {
        return {"model", Health::kProblem, model.error().message,
                "remove the file and fetch it again: realm pull"};
    }
    const inference::ModelInfo& info = (*model)->info();
    return {"model", Health::kOk, fmt::format("{}: {}", info.name, info.description), ""};
}

std::vector<Finding> examine(const config::Settings& settings) {
    std::vector<Finding> findings = {
        check_cpu(read_text("/proc/cpuinfo")),
        check_memory(read_text("/proc/meminfo"), wanted_memory(settings)),
        check_mappings(number_in(read_text("/proc/sys/vm/max_map_count")),
                       settings.limits.instances),
        check_address_space(soft_limit(RLIMIT_AS)),
        check_open_files(soft_limit(RLIMIT_NOFILE), settings.limits.connections)};
    if (const auto store = open_model_store()) {
        findings.push_back(check_directory(store->root()));
    } else {
        findings.push_back({"cache directory", Health::kProblem, store.error().message,
                            "set REALM_CACHE_DIR to a directory that is writable"});
    }
    for (Finding& finding : check_lockdown(settings.server.lockdown, process::has_seccomp(),
                                           process::landlock_abi())) {
        findings.push_back(std::move(finding));
    }
    findings.push_back(check_model(settings));
    findings.push_back(check_port(settings.server.address, settings.server.port));
    if (const auto safe = config::check_exposure(settings); !safe) {
        findings.push_back({"tenants", Health::kProblem, safe.error().message, ""});
    }
    return findings;
}

}  // namespace realm::app
