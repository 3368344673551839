#include "app/doctor.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>

namespace realm::app {
namespace {

TEST(Doctor, tells_cpu_features_apart) {
    EXPECT_EQ(check_cpu("model name: x\nflags\t\t: fpu avx2 avx512f fma\nbugs: none\n"),
              (Finding{"cpu", Health::kOk, "AVX-512", ""}));
    EXPECT_EQ(check_cpu("flags : fpu fma avx2\n"),
              (Finding{"cpu", Health::kOk, "AVX2 and FMA", ""}));
    EXPECT_EQ(check_cpu("flags : fpu sse2 avx512fx\n").health, Health::kWarning);
    EXPECT_EQ(check_cpu("").detail, "cannot tell the CPU's features");
}

TEST(Doctor, compares_memory_on_both_sides_of_the_border) {
    const std::string meminfo = "MemTotal: 9 kB\nMemAvailable:    2000000 kB\n";
    EXPECT_EQ(check_memory(meminfo, 2'048'000'000).health, Health::kOk);
    const Finding finding = check_memory(meminfo, 2'048'000'001);
    EXPECT_EQ(finding.health, Health::kProblem);
    EXPECT_EQ(finding.detail, "2048 MB available, about 2048 MB wanted");
}

TEST(Doctor, counts_mappings_of_instances) {
    EXPECT_EQ(check_mappings(9000, 1000).health, Health::kOk);
    const Finding finding = check_mappings(8999, 1000);
    EXPECT_EQ(finding.health, Health::kProblem);
    EXPECT_EQ(finding.advice,
              "as root: sysctl -w vm.max_map_count=9000; or lower limits.instances");
}

TEST(Doctor, counts_open_files) {
    EXPECT_EQ(check_open_files(164, 100).health, Health::kOk);
    EXPECT_EQ(check_open_files(163, 100),
              (Finding{"open files", Health::kWarning, "163 allowed, 100 connections may take 164",
                       "ulimit -n 164; or lower limits.connections"}));
    EXPECT_EQ(check_open_files(RLIM_INFINITY, 100).detail,
              "any number allowed, 100 connections may take 164");
}

TEST(Doctor, wants_an_unlimited_address_space) {
    EXPECT_EQ(check_address_space(RLIM_INFINITY).health, Health::kOk);
    EXPECT_EQ(check_address_space(8'000'000'000).health, Health::kProblem);
}

TEST(Doctor, notices_a_directory_that_cannot_be_written) {
    const auto directory = std::filesystem::temp_directory_path() / "realm-doctor-test";
    EXPECT_EQ(check_directory(directory).health, Health::kOk);
    EXPECT_TRUE(std::filesystem::is_empty(directory));
    std::filesystem::remove(directory);
    EXPECT_EQ(check_directory("/proc/realm").detail, "cannot write to /proc/realm");
}

TEST(Doctor, says_what_a_server_can_give_up) {
    using config::Lockdown;
    EXPECT_EQ(check_lockdown(Lockdown::kAuto, true, 6),
              (std::vector<Finding>{
                  {"seccomp", Health::kOk, "system calls are filtered, no new privileges", ""},
                  {"landlock", Health::kOk, "ABI 6: files, ports and signals are confined", ""}}));
    EXPECT_EQ(check_lockdown(Lockdown::kAuto, true, 4)[1].detail,
              "ABI 4: files and ports are confined");
    EXPECT_EQ(check_lockdown(Lockdown::kAuto, true, 1)[1].detail, "ABI 1: files are confined");
    EXPECT_EQ(check_lockdown(Lockdown::kOff, true, 6),
              (std::vector<Finding>{
                  {"lockdown", Health::kWarning, "server.lockdown is off",
                   "set it to auto: what escapes from a sandbox then finds a small room"}}));
}

TEST(Doctor, says_what_the_kernel_lacks_for_it) {
    using config::Lockdown;
    EXPECT_EQ(check_lockdown(Lockdown::kAuto, false, 0),
              (std::vector<Finding>{
                  {"seccomp", Health::kWarning, "the kernel cannot filter system calls",
                   "use a kernel with CONFIG_SECCOMP_FILTER; the server runs without"},
                  {"landlock", Health::kWarning, "the kernel cannot confine files",
                   "use Linux 5.13 or newer, with landlock in lsm=; the server runs without"}}));
    const std::vector<Finding> required = check_lockdown(Lockdown::kRequired, false, 0);
    EXPECT_EQ(required[0].health, Health::kProblem);
    EXPECT_EQ(required[1].health, Health::kProblem);
    EXPECT_EQ(required[1].advice,
              "use Linux 5.13 or newer, with landlock in lsm=; or set server.lockdown to auto");
}

TEST(Doctor, notices_a_port_that_is_taken) {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor taken(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    const std::uint16_t port = taken.local_endpoint().port();
    const Finding finding = check_port("127.0.0.1", port);
    EXPECT_EQ(finding.health, Health::kProblem);
    EXPECT_EQ(finding.detail, "cannot listen on 127.0.0.1 port " + std::to_string(port) +
                                  ": Address already in use");
    taken.close();
    EXPECT_EQ(check_port("127.0.0.1", port).health, Health::kOk);
    EXPECT_EQ(check_port("localhost", 0).detail, "localhost port 0 is free");
}

}  // namespace
}  // namespace realm::app
