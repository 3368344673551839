// A context's priority among its tenant's: which is computed first, which gets cells first.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "inference/tests/fake_engine.h"

namespace realm::inference {
namespace {

class EnginePriority : public EngineCoreTest {
protected:
    void create_urgent(std::uint64_t id, std::uint32_t capacity, std::int32_t priority,
                       const std::string& tenant = "") {
        core_.create({id}, {.tenant = tenant, .priority = priority}, capacity,
                     note<void>("create" + std::to_string(id)));
    }
};

TEST_F(EnginePriority, TheUrgentContextIsServedFirst) {
    create_urgent(1, 20, 5);
    create_urgent(2, 20, -5);
    prefill(1, {10});
    prefill(2, {20});
    generate(1, 2);
    generate(2, 2);
    run();
    EXPECT_EQ(take(),
              (Journal{"create1 ok", "create2 ok", "prefill2 ok", "token2 <21>", "token2 <22>",
                       "end2 length", "prefill1 ok", "token1 <11>", "token1 <12>", "end1 length"}));
}

TEST_F(EnginePriority, ItMayChangeAndAForkHasThatOfItsSource) {
    create_urgent(1, 20, 0);
    create_urgent(2, 20, 0);
    prefill(1, {10});
    prefill(2, {20});
    run();
    core_.set_priority({2}, -1);
    core_.set_priority({9}, -1);
    fork(2, 3, 20);
    take();
    generate(1, 2);
    generate(2, 2);
    generate(3, 2);
    run();
    EXPECT_EQ(take(),
              (Journal{"token1 <11>", "token2 <21>", "token3 <21>", "token2 <22>", "end2 length",
                       "token3 <22>", "end3 length", "token1 <12>", "end1 length"}));
}

TEST_F(EnginePriority, CellsGoToTheTenantsMostUrgentInItsOwnPlaces) {
    create_urgent(1, 60, 0, "other");
    create_urgent(2, 60, 0, "mine");
    create_urgent(3, 60, -1, "mine");
    core_.drop({1});
    core_.drop({3});
    EXPECT_EQ(take(), (Journal{"create1 ok", "create3 ok", "create2 ok"}));
}

TEST_F(EnginePriority, ItMayChangeWhileTheContextWaits) {
    create_urgent(1, 60, 0);
    create_urgent(2, 60, 0);
    create_urgent(3, 60, 0);
    core_.set_priority({3}, -1);
    core_.drop({1});
    EXPECT_EQ(take(), (Journal{"create1 ok", "create3 ok"}));
}

}  // namespace
}  // namespace realm::inference
