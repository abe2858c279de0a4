#include "jobs/request.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "jobs/names.h"

namespace flashpods::jobs {
namespace {

using nlohmann::json;

const JobLimits kLimits;

json worker() { return {{"type", "worker"}, {"command", "make"}}; }

json agent() {
  return {{"type", "agent"}, {"task", "Refactor auth"}, {"git_branch", "feature/jwt-auth"}};
}

json with(json body, const char* field, json value) {
  body[field] = std::move(value);
  return body;
}

std::string error_of(const json& body) {
  const auto request = parse_job_request(body, kLimits);
  return request ? "" : request.error().code + ": " + request.error().message;
}

TEST(JobRequest, TheSpecificationsExample) {
  const auto request = parse_job_request(json::parse(R"({
      "client_job_id": "550e8400-e29b-41d4-a716-446655440000", "type": "worker",
      "command": "cargo build --release", "files_id": "upload_abc123", "image": "rust:latest",
      "cpus": 4, "memory_gb": 8, "timeout_minutes": 30})"),
                                         kLimits);
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->command, "cargo build --release");
  EXPECT_EQ(request->image, "rust:latest");
  EXPECT_EQ(request->resources, (Resources{4, 8}));
  EXPECT_EQ(request->workspace, Workspace::kReadOnly);
}

TEST(JobRequest, DefaultsAreTheSpecifications) {
  const auto w = parse_job_request(worker(), kLimits);
  ASSERT_TRUE(w.has_value());
  EXPECT_EQ(w->image, "ubuntu:22.04");
  EXPECT_EQ(w->resources, (Resources{2, 4}));
  EXPECT_EQ(w->timeout_minutes, 30);
  EXPECT_EQ(w->keep_minutes, 60);
  const auto a = parse_job_request(agent(), kLimits);
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->timeout_minutes, 60);
  EXPECT_EQ(a->image, "flashpods/agent:latest");
  EXPECT_EQ(a->workspace, Workspace::kReadWrite);
}

struct Refusal {
  json body;
  std::string part;  ///< of the error
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, SaysWhichFieldAndWhy) {
  const std::string error = error_of(GetParam().body);
  EXPECT_NE(error.find(GetParam().part), std::string::npos) << "got: " << error;
}

INSTANTIATE_TEST_SUITE_P(
    JobRequest, Refused,
    testing::Values(
        Refusal{json::object(), "type"}, Refusal{with(worker(), "type", "cron"), "type"},
        Refusal{{{"type", "worker"}}, "command"}, Refusal{with(worker(), "command", ""), "command"},
        Refusal{with(worker(), "command", 5), "command"},
        Refusal{with(worker(), "comand", "x"), "unknown_field"},
        Refusal{with(worker(), "cpus", 0), "cpus"}, Refusal{with(worker(), "cpus", -1), "cpus"},
        Refusal{with(worker(), "cpus", 1.5), "cpus"}, Refusal{with(worker(), "cpus", "2"), "cpus"},
        Refusal{with(worker(), "memory_gb", 1e300), "memory_gb"},
        Refusal{with(worker(), "timeout_minutes", 0), "timeout_minutes"},
        Refusal{with(worker(), "files_id", "../etc"), "files_id"},
        Refusal{with(worker(), "image", "--privileged"), "image"},
        Refusal{with(worker(), "image", "docker-archive:/etc/x y"), "image"},
        Refusal{with(worker(), "image", "10.0.0.1:5000/x"), "private_registries"},
        Refusal{with(worker(), "image", "metadata.google.INTERNAL/x"), "private_registries"},
        Refusal{with(worker(), "read_only_root", "yes"), "read_only_root"},
        Refusal{with(worker(), "network", "host"), "network"},
        Refusal{with(worker(), "workspace", "rw"), "workspace"},
        Refusal{with(worker(), "env", {{"LD_PRELOAD", "x"}}), "LD_PRELOAD"},
        Refusal{with(worker(), "env", {{"FLASHPODS_TASK", "x"}}), "reserved"},
        Refusal{with(worker(), "env", {{"A=B", "x"}}), "env"},
        Refusal{with(worker(), "env", {{"A", std::string("a\0b", 3)}}), "NUL"},
        Refusal{with(worker(), "command", std::string("a\0b", 3)), "NUL"},
        Refusal{with(worker(), "task", "x"), "task"},
        Refusal{with(worker(), "keep_minutes", 7 * 24 * 60 + 1), "keep_minutes"},
        Refusal{with(worker(), "client_job_id", "a b"), "client_job_id"},
        Refusal{with(worker(), "client_job_id", "job_aaaaaaaaaaaaaaaa"), "client_job_id"},
        Refusal{with(agent(), "git_branch", "--upload-pack=x"), "git_branch"},
        Refusal{with(agent(), "git_branch", "a..b"), "git_branch"},
        Refusal{with(agent(), "image", "ubuntu"), "image"},
        Refusal{with(agent(), "command", "make"), "command"}));

TEST(JobRequest, TextFitsUpToTheLimitAndNotAByteMore) {
  const std::string longest(kLimits.max_text_bytes, 'x');
  for (const char* field : {"task", "context"}) {
    EXPECT_EQ(error_of(with(agent(), field, longest)), "");
    EXPECT_EQ(error_of(with(agent(), field, longest + "x")).substr(0, 8), "too_long");
  }
  EXPECT_EQ(error_of(with(worker(), "command", longest)), "");
  EXPECT_EQ(error_of(with(worker(), "command", longest + "x")).substr(0, 8), "too_long");
}

TEST(JobRequest, DiffersNamesTheFieldsAndIgnoresTheUpload) {
  const auto asked = [](const json& body) { return *parse_job_request(body, kLimits); };
  const auto first = fingerprint(asked(with(worker(), "files_id", "upload_a")));
  EXPECT_TRUE(
      differing_fields(first, fingerprint(asked(with(worker(), "files_id", "upload_b")))).empty());
  const auto other = fingerprint(asked(with(with(worker(), "command", "ls"), "cpus", 1)));
  EXPECT_EQ(differing_fields(first, other), (std::vector<std::string>{"command", "cpus"}));
  EXPECT_EQ(differing_fields("not json", first).size(), json::parse(first).size());
}

TEST(JobRequest, AllTextsTogetherAreBounded) {
  const std::string longest(kLimits.max_text_bytes, 'x');
  auto body = with(worker(), "command", longest);
  body["env"] = {{"A", longest},
                 {"B", std::string(kLimits.max_texts_bytes - 2 * longest.size() - 2, 'x')}};
  EXPECT_EQ(error_of(body), "");
  body["env"]["C"] = "";
  const auto refused = parse_job_request(body, kLimits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(refused.error().code, "request_too_long");
  EXPECT_NE(refused.error().message.find("262145 bytes together"), std::string::npos);
  auto task = with(with(agent(), "task", longest), "context", longest);
  task["env"] = {{"A", longest}};
  EXPECT_EQ(error_of(task).substr(0, 16), "request_too_long");
}

TEST(JobRequest, AFingerprintIsSmallAndStillTellsLongTextsApart) {
  const auto asked = [](const std::string& command, const std::string& variable) {
    return *parse_job_request(with(with(worker(), "command", command), "env", {{"A", variable}}),
                              kLimits);
  };
  const std::string text(kLimits.max_text_bytes, 'x');
  const auto first = fingerprint(asked(text, text));
  EXPECT_LT(first.size(), 1000U);
  EXPECT_TRUE(differing_fields(first, fingerprint(asked(text, text))).empty());
  EXPECT_EQ(differing_fields(first, fingerprint(asked("y" + text.substr(1), text))),
            std::vector<std::string>{"command"});
  EXPECT_EQ(differing_fields(first, fingerprint(asked(text, text.substr(1)))),
            std::vector<std::string>{"env"});
}

TEST(JobRequest, DiffersReadsWhatSchemaOneStored) {
  const std::string text(1000, 'x');
  const auto asked = *parse_job_request(with(worker(), "command", text), kLimits);
  const auto other = *parse_job_request(with(worker(), "command", text + "x"), kLimits);
  EXPECT_TRUE(differing_fields(canonical(asked).dump(), fingerprint(asked)).empty());
  EXPECT_EQ(differing_fields(canonical(asked).dump(), fingerprint(other)),
            std::vector<std::string>{"command"});
}

TEST(ContainerEnvironment, OnlyAnAgentGetsItsTask) {
  Job job;
  job.id = "job_aaaaaaaaaaaaaaaa";
  auto request = *parse_job_request(with(agent(), "context", "Sessions"), kLimits);
  job.request = request;
  EXPECT_EQ(container_environment(job, request),
            (StringMap{{"FLASHPODS_TASK", "Refactor auth"},
                       {"FLASHPODS_CONTEXT", "Sessions"},
                       {"FLASHPODS_GIT_BRANCH", "feature/jwt-auth"},
                       {"FLASHPODS_JOB_ID", job.id}}));
  request = *parse_job_request(with(worker(), "env", {{"CI", "1"}}), kLimits);
  job.request = request;
  EXPECT_EQ(container_environment(job, request), (StringMap{{"CI", "1"}}));
}

TEST(EnvironmentName, WhatTheLoaderAndTheContainerToolsListenToIsReserved) {
  for (const char* bad :
       {"LD_PRELOAD", "LD_X", "FLASHPODS_TASK", "PODMAN_USERNS", "CONTAINER_HOST", "CONMON_LOG",
        "_CONTAINERS_USERNS_CONFIGURED", "CONTAINERS_CONF", "NOTIFY_SOCKET"}) {
    const auto objection = object_to_env_name(bad);
    ASSERT_TRUE(objection) << bad;
    EXPECT_NE(objection->find("reserved"), std::string::npos) << bad;
  }
  for (const char* good :
       {"LD", "LDFLAGS", "CONTAINER", "PODMAN", "CONTAINERS_CONFIG", "_X", "A1"}) {
    EXPECT_FALSE(object_to_env_name(good)) << good;
  }
}

TEST(Branch, FollowsGitCheckRefFormat) {
  for (const char* good : {"main", "feature/jwt-auth", "a.b", "x@y", "ü"}) {
    EXPECT_FALSE(object_to_branch(good)) << good;
  }
  for (const char* bad : {"",       "-x",       "a..b", "a b", "a~1",  "a^",   "a:b", "a?",
                          "a*",     "a[",       "a\\b", "/a",  "a/",   "a//b", ".a",  "a/.b",
                          "a.lock", "a.lock/b", "a.",   "@",   "a@{b", "a\nb", "HEAD"}) {
    EXPECT_TRUE(object_to_branch(bad)) << bad;
  }
}

}  // namespace
}  // namespace flashpods::jobs
