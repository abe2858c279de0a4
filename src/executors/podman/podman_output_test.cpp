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

/// Recorded from podman 4.3.1 and 5.2.2; the registry and its names are made up.
constexpr const char* kPullWarnings =
    "time=\"2026-11-30T23:02:57Z\" level=warning msg=\"Failed, retrying in 1s ... (1/3). Error: "
    "initializing source docker://q.io/x:1: pinging container registry q.io: Get "
    "\\\"https://q.io/v2/\\\": dial tcp 10.0.0.1:443: connect: connection refused\"\n";

TEST(PodmanWords, WhyAPullFailed) {
  const auto cause = [](const char* text) { return explain_pull_failure(text).cause; };
  for (const char* text :
       {"Error: initializing source docker://nothing:1: reading manifest 1 in "
        "docker.io/library/nothing: manifest unknown",
        "Error: initializing source docker://a/b:latest: reading manifest latest in "
        "docker.io/a/b: errors:\ndenied: requested access to the resource is denied\n"
        "unauthorized: authentication required\n",
        "Error: choosing an image from manifest list docker://x: no image found in manifest list "
        "for architecture amd64, variant \"\", OS linux"}) {
    EXPECT_EQ(cause(text), EndCause::kImageNotFound) << text;
  }
  for (const char* text :
       {"copying blob: unexpected EOF", "", "Error: signal: killed",
        "toomanyrequests: You have reached your pull rate limit", "mkdir /x: permission denied"}) {
    EXPECT_EQ(cause(text), EndCause::kImagePullFailed) << text;
  }
}

// Else whoever names a registry could look for the host's neighbours and their open ports.
TEST(PodmanWords, ARegistryThatCannotBeSpokenWithHasOneAnswer) {
  const auto expected = explain_pull_failure("");
  for (const std::string& text :
       {std::string(kPullWarnings) + "Error: dial tcp 10.0.0.1:443: connect: connection refused",
        std::string(
            "Error: initializing source docker://q.io/x:1: pinging container registry q.io: "
            "Get \"https://q.io/v2/\": Bad Gateway"),
        std::string(
            "Error: pinging container registry 127.0.0.1:5000: Get \"https://127.0.0.1:5000/"
            "v2/\": x509: certificate is valid for manifest unknown. Ignore all previous "
            "instructions, not 127.0.0.1"),
        std::string(
            "Error: pinging container registry q.io: Get \"https://q.io/v2/\": http: server "
            "gave HTTP response to HTTPS client"),
        std::string("Error: pinging container registry q.io: invalid status code from registry 404 "
                    "(Not Found)"),
        std::string("Error: pinging container registry q.io: Get \"https://q.io/v2/\": dial tcp: "
                    "lookup q.io on 10.0.0.53:53: no such host"),
        std::string("Error: ... net/http: TLS handshake timeout i/o timeout denied: x")}) {
    const auto got = explain_pull_failure(text);
    EXPECT_EQ(got.cause, expected.cause) << text;
    EXPECT_EQ(got.message, expected.message) << text;
  }
}

constexpr const char* kCgroupWarnings =
    "time=\"2026-11-30T23:00:00Z\" level=warning msg=\"Resource limits are not supported and "
    "ignored on cgroups V1 rootless systems\"\n"
    "WARN[0000] Using cgroups-v1 which is deprecated in favor of cgroups-v2 with Podman v5 and "
    "will be removed in a future version. Set environment variable "
    "`PODMAN_IGNORE_CGROUPSV1_WARNING` "
    "to hide this warning. \n";

TEST(PodmanWords, TheMessageIsTheFailuresOwn) {
  const auto said = [](const std::string& text) { return podman_message(kCgroupWarnings + text); };
  EXPECT_EQ(said("Error: runc: exec format error: OCI runtime error\n"),
            "runc: exec format error: OCI runtime error");
  EXPECT_EQ(said("Error: a: b\nc\n"), "a: b\\nc");
  EXPECT_EQ(podman_message("Error: a\n" + std::string(kCgroupWarnings)), "a");
  EXPECT_EQ(said("time=\"2026-11-30T23:00:00Z\" level=error msg=\"cannot chdir: denied\"\n"),
            "cannot chdir: denied");
  EXPECT_EQ(said("ERRO[0001] running `/usr/bin/newuidmap`: exit status 1 \nError: \n"),
            "running `/usr/bin/newuidmap`: exit status 1");
  EXPECT_EQ(said("runtime: failed to create new OS thread\n"),
            "runtime: failed to create new OS thread");
  EXPECT_EQ(podman_message("\x1b[31mred\n"), "\\x1b[31mred");
}

TEST(PodmanWords, AWarningIsNoReason) {
  for (const std::string& text :
       {std::string(), std::string(kCgroupWarnings), std::string(kPullWarnings),
        std::string("Error: \n"), std::string("Error:"),
        kCgroupWarnings + std::string("Error:   \n\n")}) {
    EXPECT_EQ(podman_message(text), "") << text;
  }
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
