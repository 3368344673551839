#include "base/allowance.h"

#include <gtest/gtest.h>

namespace realm::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr AllowanceTerms kTerms{.burst = milliseconds(100), .part = 0.1};
constexpr SteadyTime kStart{seconds(1000)};

TEST(Allowance, a_burst_is_there_at_once_and_comes_back_by_its_part) {
    Allowance allowance;
    EXPECT_NEAR(allowance.left(kTerms, kStart), 1.0, 1e-9);
    allowance.charge(kTerms, milliseconds(25));
    EXPECT_NEAR(allowance.left(kTerms, kStart), 0.75, 1e-9);
    allowance.charge(kTerms, milliseconds(75));
    EXPECT_NEAR(allowance.left(kTerms, kStart), 0.0, 1e-9);
    EXPECT_NEAR(allowance.left(kTerms, kStart + milliseconds(500)), 0.5, 1e-9);
    EXPECT_NEAR(allowance.left(kTerms, kStart + seconds(1)), 1.0, 1e-9);
    EXPECT_NEAR(allowance.left(kTerms, kStart + seconds(100)), 1.0, 1e-9);  // rest earns no credit
    allowance.charge(kTerms, milliseconds(50));
    EXPECT_NEAR(allowance.left(kTerms, kStart + seconds(100)), 0.5, 1e-9);
}

TEST(Allowance, a_debt_is_worked_off_and_has_an_end) {
    Allowance allowance;
    EXPECT_NEAR(allowance.left(kTerms, kStart), 1.0, 1e-9);
    allowance.charge(kTerms, milliseconds(300));
    EXPECT_NEAR(allowance.left(kTerms, kStart), -2.0, 1e-9);
    EXPECT_NEAR(allowance.left(kTerms, kStart + seconds(2)), 0.0, 1e-9);
    allowance.charge(kTerms, seconds(1000));
    EXPECT_NEAR(allowance.left(kTerms, kStart + seconds(2)), -9.0, 1e-9);
}

}  // namespace
}  // namespace realm::base
