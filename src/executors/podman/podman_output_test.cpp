#include <gtest/gtest.h>

#include "executors/podman/capabilities.h"
#include "executors/podman/container_record.h"
#include "executors/podman/podman_words.h"

namespace flashpods::podman {
namespace {

using jobs::EndCause;

TEST(PodmanWords, WhyARunFailed) {
  EXPECT_EQ(classify_run_failure("Error: nosuch:1: image not known\n"), RunFailure::kImageUnknown);
  EXPECT_EQ(classify_run_failure("Error: creating container storage: the container name \"job_x\" "
                                 "is already in use by 208e. You have to"),
            RunFailure::kNameInUse);
  EXPECT_EQ(classify_run_failure("Error: crun: drop all controllers from cgroupv2"),
            RunFailure::kRuntimeUnusable);
  EXPECT_EQ(classify_run_failure("Error: exec: \"/bin/sh\": stat /bin/sh: no such file"),
            RunFailure::kOther);
}

TEST(PodmanWords, OnlyPodmanCanSayThatThereIsNoContainer) {
  EXPECT_TRUE(says_no_container("Error: inspecting object: no such container job_x\n"));
  EXPECT_TRUE(says_no_container("Error: no such object: \"job_x\"\n"));
  for (const char* silence : {"", "runtime: failed to create new OS thread", "Error: timed out",
                              "Error: opening database: no space left on device\n"}) {
    EXPECT_FALSE(says_no_container(silence)) << silence;
  }
}

TEST(PodmanWords, WhyAPullFailed) {
  EXPECT_EQ(
      classify_pull_failure("reading manifest 9 in docker.io/library/debian: manifest unknown"),
      EndCause::kImageNotFound);
  EXPECT_EQ(classify_pull_failure("dial tcp: lookup registry-1.docker.io: no such host"),
            EndCause::kImageNotFound);
  EXPECT_EQ(classify_pull_failure("copying blob: unexpected EOF"), EndCause::kImagePullFailed);
}

TEST(PodmanWords, TheMessageIsTheLastErrorOnOneLine) {
  EXPECT_EQ(podman_message("time=\"x\" level=warning msg=\"y\"\nError: a: b\nc\n"), "a: b\\nc");
  EXPECT_EQ(podman_message("\x1b[31mred\n"), "\\x1b[31mred");
}

constexpr const char* kExited = R"([{"Id": "abc", "ImageDigest": "sha256:1",
  "Config": {"Labels": {"flashpods-instance": "i"}},
  "State": {"Status": "exited", "ExitCode": 137, "OOMKilled": true, "Pid": 0,
            "StartedAt": "2026-11-21T11:12:02.639273448Z",
            "FinishedAt": "2026-11-21T11:12:03Z"}}])";

TEST(ContainerRecord, OfAnEndedContainer) {
  const auto record = parse_inspect(kExited);
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->ended());
  EXPECT_EQ(record->exit_code, 137);
  EXPECT_TRUE(record->oom_killed);
  EXPECT_EQ(record->instance, "i");
  EXPECT_EQ(to_rfc3339_ms(*record->started_at), "2026-11-21T11:12:02.639Z");
  EXPECT_EQ(*record->finished_at - *record->started_at, Milliseconds(361));
}

TEST(ContainerRecord, WithoutAnEndIsNoEnd) {
  const auto record = parse_inspect(R"([{"Id": "abc", "State": {"Status": "exited",
      "StartedAt": "2026-11-21T11:12:02Z", "FinishedAt": "0001-01-01T00:00:00Z"}}])");
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->ever_started());
  EXPECT_FALSE(record->ended());
}

TEST(ContainerRecord, OddOutputIsNoRecord) {
  for (const char* text : {"", "[]", "{}", "[1]", "[{}]", "[{\"State\": 5}]", "[{},{}]", "null"}) {
    EXPECT_FALSE(parse_inspect(text)) << text;
  }
  EXPECT_TRUE(parse_inspect(R"([{"State": {"Status": 7, "ExitCode": "x", "Pid": 1.5}}])"));
}

TEST(ContainerList, HoldsJobsOnly) {
  const auto list = parse_list(R"([
    {"Id": "a", "State": "running", "Labels": {"flashpods-job-id": "job_1"}},
    {"Id": "b", "State": "exited", "Labels": {"flashpods-job-id": "job_2"}},
    {"Id": "c", "State": "running", "Labels": null}, {"Id": 4}, 7])");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_TRUE(list->at(0).running);
  EXPECT_FALSE(list->at(1).running);
  EXPECT_FALSE(parse_list("{}"));
  EXPECT_FALSE(parse_list("x"));
}

TEST(Capabilities, LimitsHoldOnlyWhereTheCgroupsAreOurs) {
  const auto info = [](const char* version, const char* controllers, const char* rootless) {
    return executors::parse_podman_info(
        std::string(R"({"host": {"cgroupVersion": ")") + version + R"(", "cgroupControllers": )" +
        controllers + R"(, "security": {"rootless": )" + rootless +
        R"(}, "slirp4netns": {"executable": "/usr/bin/slirp4netns"}},
            "store": {"graphDriverName": "overlay"}, "version": {"Version": "4.3.1"}})");
  };
  EXPECT_TRUE(info("v2", R"(["cpu", "memory", "pids"])", "true")->limits_hold);
  EXPECT_FALSE(info("v2", R"(["memory", "pids"])", "true")->limits_hold);
  EXPECT_FALSE(info("v1", "[]", "true")->limits_hold);
  EXPECT_TRUE(info("v1", "null", "false")->limits_hold);
  EXPECT_EQ(info("v2", "[]", "true")->podman_version, "4.3.1");
  EXPECT_FALSE(executors::parse_podman_info("[]"));
  EXPECT_FALSE(executors::parse_podman_info("{\"host\": 5}")->limits_hold);
}

}  // namespace
}  // namespace flashpods::podman
