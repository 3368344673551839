#include "config/run_limits.h"

#include <variant>

#include <gtest/gtest.h>

#include "config/setting_table.h"

namespace realm::config {
namespace {

std::string refusal(const LimitValues& asked) {
    const auto limits = narrowed(Limits{}, asked);
    if (limits) {
        return "accepted";
    }
    EXPECT_EQ(limits.error().type, ErrorType::kInvalidRequest);
    EXPECT_EQ(limits.error().code, "invalid_limit");
    return limits.error().message;
}

TEST(RunLimits, AProgramThatAsksForNothingHasItsTenants) {
    Limits tenant;
    tenant.cpu_ms = std::chrono::milliseconds(77);
    EXPECT_EQ(narrowed(tenant, {}), tenant);
}

TEST(RunLimits, AProgramMayAskForLess) {
    Limits expected;
    expected.cpu_ms = std::chrono::milliseconds(500);
    expected.memory_bytes = 65536;
    EXPECT_EQ(narrowed(Limits{}, {{"cpu_ms", 500}, {"memory_bytes", 65536}}), expected);
}

TEST(RunLimits, ItsTenantsLimitIsTheMost) {
    EXPECT_EQ(refusal({{"cpu_ms", 10'000}}), "accepted");
    EXPECT_EQ(refusal({{"cpu_ms", 10'001}}),
              "limits.cpu_ms is 10001, above the tenant's limit of 10000");
}

TEST(RunLimits, ATenantsOwnValuesMayBeHigherAndLower) {
    Limits expected;
    expected.cpu_ms = std::chrono::milliseconds(20'000);
    expected.contexts = 2;
    EXPECT_EQ(overridden(Limits{}, {{"cpu_ms", 20'000}, {"contexts", 2}}), expected);
    EXPECT_EQ(overridden(Limits{}, {{"cpu_ms", 0}}).error().message,
              "limits.cpu_ms is 0, allowed is an integer from 1 to 86400000");
    EXPECT_EQ(overridden(Limits{}, {{"queue", 0}}).error().message,
              "no limit of a run is called \"queue\"");
}

TEST(RunLimits, EachIsInItsRange) {
    for (const SettingRow& row : setting_table()) {
        if (row.scope != SettingScope::kRun) {
            continue;
        }
        const auto& slot = std::get<IntegerSlot>(row.slot);
        const std::string name(row.key.substr(std::string_view("limits.").size()));
        EXPECT_EQ(refusal({{name, slot.minimum}}), "accepted");
        EXPECT_EQ(refusal({{name, slot.minimum - 1}}), std::string(row.key) + " is " +
                                                           std::to_string(slot.minimum - 1) +
                                                           ", allowed is " + allowed_text(row));
        EXPECT_EQ(refusal({{name, slot.maximum + 1}}), std::string(row.key) + " is " +
                                                           std::to_string(slot.maximum + 1) +
                                                           ", allowed is " + allowed_text(row));
    }
}

TEST(RunLimits, TheServersOwnLimitsAreNoProgramsBusiness) {
    EXPECT_EQ(refusal({{"runs", 1}}), "no limit of a run is called \"runs\"");
    EXPECT_EQ(refusal({{"memory_byte", 65536}}),
              "no limit of a run is called \"memory_byte\"; did you mean \"memory_bytes\"?");
    EXPECT_EQ(refusal({{"", 1}}), "no limit of a run is called \"\"");
}

}  // namespace
}  // namespace realm::config
