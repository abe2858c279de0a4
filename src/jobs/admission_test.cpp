#include "jobs/admission.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace flashpods::jobs {
namespace {

using nlohmann::json;

TEST(Admission, TheSpecificationsRejection) {
  const auto admitted = admit({4, 8}, {{6, 10}, 3}, {8, 16});
  ASSERT_FALSE(admitted.has_value());
  EXPECT_EQ(admitted.error().code, "insufficient_resources");
  const json& details = *admitted.error().details;
  EXPECT_EQ(details["requested"], (json{{"cpus", 4}, {"memory_gb", 8}}));
  EXPECT_EQ(details["available"], (json{{"cpus", 2}, {"memory_gb", 6}}));
  EXPECT_EQ(details["host_capacity"], (json{{"cpus", 8}, {"memory_gb", 16}}));
  EXPECT_EQ(details["running_jobs"], 3);
  EXPECT_EQ(details["never_fits"], false);
}

TEST(Admission, WhatAnEmptyHostCannotHoldNeverFits) {
  const auto admitted = admit({9, 1}, {}, {8, 16});
  ASSERT_FALSE(admitted.has_value());
  EXPECT_EQ((*admitted.error().details)["never_fits"], true);
}

TEST(Admission, TheLastCpuAndGigabyteCanBeHad) {
  EXPECT_TRUE(admit({2, 6}, {{6, 10}, 3}, {8, 16}).has_value());
  EXPECT_FALSE(admit({3, 6}, {{6, 10}, 3}, {8, 16}).has_value());
  EXPECT_FALSE(admit({2, 7}, {{6, 10}, 3}, {8, 16}).has_value());
}

RC_GTEST_PROP(AdmissionLaw, NeverMoreThanTheCapacityIsHeld, ()) {
  const Resources capacity{*rc::gen::inRange(1, 64), *rc::gen::inRange(1, 256)};
  Usage usage;
  for (int i = 0; i < 50; ++i) {
    const Resources wanted{*rc::gen::inRange(1, 16), *rc::gen::inRange(1, 32)};
    if (!admit(wanted, usage, capacity)) continue;
    usage.held.cpus += wanted.cpus;
    usage.held.memory_gb += wanted.memory_gb;
    RC_ASSERT(usage.held.cpus <= capacity.cpus);
    RC_ASSERT(usage.held.memory_gb <= capacity.memory_gb);
  }
}

TEST(Caps, ARequestAboveThemIsGrantedTheCapAndToldSo) {
  JobRequest request;
  request.resources = {12, 4};
  request.timeout_minutes = 500;
  const Grant grant = apply_caps(request, JobLimits{}.agent);
  EXPECT_EQ(grant.resources, (Resources{4, 4}));
  EXPECT_EQ(grant.timeout_minutes, 120);
  EXPECT_EQ(json::parse(describe_adjustments(request, grant)),
            (json{{"cpus", {{"requested", 12}, {"granted", 4}}},
                  {"timeout_minutes", {{"requested", 500}, {"granted", 120}}}}));
}

}  // namespace
}  // namespace flashpods::jobs
