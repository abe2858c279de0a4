#include "executors/shim/shared_limits.h"

#include <algorithm>
#include <sys/resource.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

using nlohmann::json;

json bundle() {
  return json::parse(R"({
    "process": {"rlimits": [{"type": "RLIMIT_STACK", "hard": 5, "soft": 5},
                            {"type": "RLIMIT_NOFILE", "hard": 9999999, "soft": 1024},
                            {"type": "RLIMIT_NPROC", "hard": 9999, "soft": 9999}]}})");
}

/// The hard limit of this kind; there must be one of it, as high as the soft one.
json limit_of(const json& config, const std::string& type) {
  json found;
  for (const auto& limit : config.at("process").at("rlimits")) {
    if (limit.at("type") != type) continue;
    EXPECT_TRUE(found.is_null()) << type << " is there twice";
    EXPECT_EQ(limit.at("soft"), limit.at("hard")) << type;
    found = limit.at("hard");
  }
  return found;
}

TEST(SharedLimits, ProcessesAreLimitedAndOtherLimitsStay) {
  auto config = bundle();
  limit_shared(config, 100);
  EXPECT_EQ(limit_of(config, "RLIMIT_STACK"), 5);
  EXPECT_EQ(limit_of(config, "RLIMIT_NPROC"), 100);
}

TEST(SharedLimits, ABundleWithoutLimitsGetsThem) {
  json config{{"process", json::object()}};
  limit_shared(config, 100);
  EXPECT_EQ(limit_of(config, "RLIMIT_NPROC"), 100);
}

TEST(SharedLimits, WhatTheKernelCountsForTheUserIsLimited) {
  auto config = bundle();
  limit_shared(config, 100);
  EXPECT_LE(limit_of(config, "RLIMIT_SIGPENDING"), 1024);
  EXPECT_LE(limit_of(config, "RLIMIT_MSGQUEUE"), 200 << 10);
  EXPECT_LE(limit_of(config, "RLIMIT_MEMLOCK"), 8 << 20);
  for (const char* none : {"RLIMIT_CORE", "RLIMIT_NICE", "RLIMIT_RTPRIO"}) {
    EXPECT_EQ(limit_of(config, none), 0) << none;
  }
}

TEST(SharedLimits, AJobHasFewerDescriptorsThanTheRuntimeThatStartsTheNextOne) {
  rlimit ours{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &ours), 0);
  auto config = bundle();
  limit_shared(config, 100);
  EXPECT_EQ(limit_of(config, "RLIMIT_NOFILE"), std::min<rlim_t>(16384, ours.rlim_max / 2));
}

TEST(SharedLimits, AContainerHasSomeTerminals) {
  auto config = bundle();
  config["mounts"] = json::parse(R"([
      {"destination": "/proc", "type": "proc", "options": ["nosuid"]},
      {"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "max=4096"]},
      {"destination": "/x", "type": "devpts"}])");
  limit_shared(config, 100);
  EXPECT_EQ(config["mounts"][0]["options"], json::array({"nosuid"}));
  EXPECT_EQ(config["mounts"][1]["options"], json::array({"newinstance", "max=64"}));
  EXPECT_EQ(config["mounts"][2]["options"], json::array({"max=64"}));
}

TEST(SharedLimits, ABundleWithOddMountsIsLeftAsItIs) {
  for (const auto& mounts : {json(), json("x"), json::array({1, json::object({{"type", 2}})})}) {
    auto config = bundle();
    config["mounts"] = mounts;
    limit_shared(config, 100);
    EXPECT_EQ(config["mounts"], mounts);
  }
}

TEST(SharedLimits, NoLimitAboveOursKeepsTheContainerFromStarting) {
  rlimit ours{};
  ASSERT_EQ(::getrlimit(RLIMIT_NPROC, &ours), 0);
  if (ours.rlim_max == RLIM_INFINITY) GTEST_SKIP() << "this user may have any number of processes";
  auto config = bundle();
  limit_shared(config, std::int64_t{1} << 50);
  EXPECT_EQ(limit_of(config, "RLIMIT_NPROC"), ours.rlim_max);
}

}  // namespace
}  // namespace flashpods::shim
