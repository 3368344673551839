#include "interfaces/grants.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "interfaces/run_host.h"

namespace realm::interfaces {
namespace {

TEST(Grants, EveryHostFunctionBelongsToAnInterface) {
    const auto names = interface_names();
    EXPECT_TRUE(std::ranges::is_sorted(names));
    for (const sandbox::HostFunction& function : host_functions()) {
        const std::string_view interface = interface_of(function);
        const bool common = function.name == "realm_take" || function.name == "realm_last_error";
        EXPECT_EQ(interface.empty(), common) << function.name;
        EXPECT_EQ(std::ranges::find(names, interface) == names.end(), common) << function.name;
    }
}

TEST(Grants, FunctionsOfOtherModulesAreWasis) {
    const auto interface = [](std::string name, std::string module) {
        sandbox::HostFunction function;
        function.name = std::move(name);
        function.module = std::move(module);
        return interface_of(function);
    };
    EXPECT_EQ(interface("fd_write", "wasi_snapshot_preview1"), "wasi");
    EXPECT_EQ(interface("realm_log", "env"), "log");
    EXPECT_EQ(interface("realm_new", "env"), "unlisted");
}

}  // namespace
}  // namespace realm::interfaces
