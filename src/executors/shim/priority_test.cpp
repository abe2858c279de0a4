#include "executors/shim/priority.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

using nlohmann::json;

TEST(Priority, AJobIsKilledBeforeWhoeverStartedIt) {
  int ours = 0;
  std::ifstream("/proc/self/oom_score_adj") >> ours;
  json config{{"process", json::object()}};
  lower_priority(config);
  EXPECT_EQ(config["process"]["oomScoreAdj"], std::min(ours + 500, 1000));
}

TEST(Priority, TheWeightIsLowerWhereCgroupsHold) {
  auto config = json::parse(R"({"linux": {"resources": {"cpu": {"quota": 100000}}}})");
  lower_priority(config);
  EXPECT_EQ(config["linux"]["resources"]["cpu"],
            json::parse(R"({"quota": 100000, "shares": 512})"));
}

TEST(Priority, WithoutAQuotaNoCgroupSettingIsAdded) {
  for (const char* text :
       {"{}", R"({"linux": {"resources": {}}})", R"({"linux": {"resources": [{"cpu": 1}]}})"}) {
    auto config = json::parse(text);
    const auto before = config;
    lower_priority(config);
    config.erase("process");
    EXPECT_EQ(config, before) << text;
  }
}

}  // namespace
}  // namespace flashpods::shim
