#include "executors/shim/shared_limits.h"

#include <sys/resource.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

using nlohmann::json;

json bundle() {
  return json::parse(R"({
    "process": {"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 5, "soft": 5},
                            {"type": "RLIMIT_NPROC", "hard": 9999, "soft": 9999}]},
    "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["read", "keyctl", "write"], "action": "SCMP_ACT_ALLOW"},
      {"names": ["add_key", "request_key"], "action": "SCMP_ACT_ALLOW"}]}}})");
}

json limit(const char* type, std::int64_t value) {
  return {{"type", type}, {"hard", value}, {"soft", value}};
}

TEST(SharedLimits, ProcessesAreLimitedAndOtherLimitsStay) {
  auto config = bundle();
  limit_shared(config, 100);
  EXPECT_EQ(config["process"]["rlimits"],
            json::array({limit("RLIMIT_NOFILE", 5), limit("RLIMIT_NPROC", 100)}));
}

TEST(SharedLimits, ABundleWithoutLimitsGetsThisOne) {
  json config{{"process", json::object()}};
  limit_shared(config, 100);
  EXPECT_EQ(config["process"]["rlimits"], json::array({limit("RLIMIT_NPROC", 100)}));
}

TEST(SharedLimits, NoLimitAboveOursKeepsTheContainerFromStarting) {
  rlimit ours{};
  ASSERT_EQ(::getrlimit(RLIMIT_NPROC, &ours), 0);
  if (ours.rlim_max == RLIM_INFINITY) GTEST_SKIP() << "this user may have any number of processes";
  auto config = bundle();
  limit_shared(config, std::int64_t{1} << 50);
  EXPECT_EQ(config["process"]["rlimits"][1]["hard"], ours.rlim_max);
}

}  // namespace
}  // namespace flashpods::shim
