#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/doctor/machine_checks.h"
#include "cli/doctor/podman_checks.h"
#include "cli/doctor/rsync_checks.h"
#include "cli/doctor/server_checks.h"
#include "cli/doctor/version_number.h"

namespace flashpods::cli {
namespace {

// Recorded from podman 4.3.1 of Debian 12, shortened to what is read.
constexpr const char* kCgroup1Host = R"({
  "host": {
    "cgroupManager": "cgroupfs", "cgroupVersion": "v1", "cgroupControllers": [],
    "ociRuntime": {"name": "runc", "path": "/usr/bin/runc",
                   "version": "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1"},
    "security": {"rootless": true, "seccompEnabled": true},
    "slirp4netns": {"executable": "/usr/bin/slirp4netns", "version": "slirp4netns version 1.2.0"}
  },
  "store": {"graphDriverName": "overlay",
            "graphStatus": {"Backing Filesystem": "extfs", "Native Overlay Diff": "true"}},
  "version": {"APIVersion": "4.3.1", "Version": "4.3.1"}
})";

const Check& named(const Checks& checks, std::string_view id) {
  for (const auto& check : checks) {
    if (check.id == id) return check;
  }
  static const Check kNone{"none", "none", Health::kUnknown, "no such check"};
  return kNone;
}

Health health_after(const char* pointer, const nlohmann::json& value, std::string_view id) {
  auto info = nlohmann::json::parse(kCgroup1Host);
  info[nlohmann::json::json_pointer(pointer)] = value;
  return named(check_podman_info(info), id).health;
}

TEST(Podman, ARecordedHostIsJudged) {
  const auto checks = check_podman_info(nlohmann::json::parse(kCgroup1Host));
  EXPECT_EQ(named(checks, "podman").health, Health::kOk);
  EXPECT_EQ(named(checks, "rootless").health, Health::kOk);
  EXPECT_EQ(named(checks, "oci_runtime").detail, "runc version 1.1.5+ds1");
  EXPECT_EQ(named(checks, "storage").detail, "overlay, native");
  EXPECT_EQ(named(checks, "slirp4netns").health, Health::kOk);
  EXPECT_EQ(named(checks, "cgroups").health, Health::kWarn);
  EXPECT_FALSE(named(checks, "cgroups").fix.empty());
}

TEST(Podman, EachLackIsSeen) {
  EXPECT_EQ(health_after("/store/graphDriverName", "vfs", "storage"), Health::kFail);
  EXPECT_EQ(health_after("/store/graphDriverName", "btrfs", "storage"), Health::kWarn);
  EXPECT_EQ(health_after("/host/slirp4netns", nullptr, "slirp4netns"), Health::kFail);
  EXPECT_EQ(health_after("/host/ociRuntime", nullptr, "oci_runtime"), Health::kFail);
  EXPECT_EQ(health_after("/host/security/rootless", false, "rootless"), Health::kFail);
  EXPECT_EQ(health_after("/version/Version", "3.4.4", "podman"), Health::kWarn);
}

TEST(Podman, Cgroup2NeedsDelegation) {
  EXPECT_EQ(health_after("/host/cgroupVersion", "v2", "cgroups"), Health::kWarn);
  auto info = nlohmann::json::parse(kCgroup1Host);
  info["host"]["cgroupVersion"] = "v2";
  info["host"]["cgroupControllers"] = {"cpuset", "cpu", "io", "memory", "pids"};
  EXPECT_EQ(named(check_podman_info(info), "cgroups").health, Health::kOk);
}

TEST(Podman, AnEmptyAnswerIsNoCrash) {
  for (const auto& check : check_podman_info(nlohmann::json::array())) {
    EXPECT_FALSE(check.id.empty());
  }
}

TEST(Podman, WhatRunsAContainerIsJudgedByItsAdvisories) {
  auto info = nlohmann::json::parse(kCgroup1Host);
  info["host"]["ociRuntime"]["package"] = "runc_1.1.5+ds1-1+deb12u1_amd64";
  info["host"]["slirp4netns"]["version"] = "slirp4netns version 1.2.0\nlibslirp: 4.5.0\n";
  const auto checks = check_container_advisories(info, "4.3.1+ds1-8+deb12u1");
  EXPECT_EQ(named(checks, "podman_advisories").health, Health::kUnknown);
  EXPECT_EQ(named(checks, "runc_advisories").health, Health::kUnknown);
  EXPECT_EQ(named(checks, "slirp4netns_advisories").health, Health::kOk);
  EXPECT_EQ(named(checks, "libslirp_advisories").health, Health::kWarn);
  EXPECT_TRUE(check_container_advisories(nlohmann::json::array(), "").empty());
}

TEST(Machine, Cgroup2IsMountedWithNsdelegate) {
  const auto health = [](const char* mounts) {
    return named(check_nsdelegate(mounts), "nsdelegate").health;
  };
  EXPECT_EQ(health("proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 "
                   "rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0\n"),
            Health::kOk);
  EXPECT_EQ(health("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n"),
            Health::kWarn);
  EXPECT_EQ(health("cgroup2 /sys/fs/cgroup cgroup2 rw,xnsdelegate 0 0"), Health::kWarn);
  EXPECT_TRUE(check_nsdelegate("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 "
                               "/sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n")
                  .empty());
  EXPECT_TRUE(check_nsdelegate("").empty());
}

TEST(Rsync, OldVersionsAreNamedUnlessMended) {
  constexpr const char* kOutput =
      "rsync  version 3.2.7  protocol version 31\nCopyright (C) 1996-2022 by Andrew Tridgell";
  EXPECT_EQ(check_rsync(kOutput, "").health, Health::kWarn);
  EXPECT_EQ(check_rsync(kOutput, "3.2.7-1+deb12u2").health, Health::kOk);
  EXPECT_EQ(check_rsync("rsync  version 3.5.0  protocol version 32", "").health, Health::kOk);
  EXPECT_EQ(check_rsync("rsync  version 3.1.3  protocol version 31", "").health, Health::kFail);
  EXPECT_EQ(check_rsync("", "").health, Health::kFail);
}

TEST(Version, FindsTheFirstOne) {
  EXPECT_EQ(find_version("rsync  version 3.2.7  protocol version 31"), (VersionNumber{3, 2, 7}));
  EXPECT_EQ(find_version("v12 of 4.10"), (VersionNumber{4, 10, 0}));
  EXPECT_FALSE(find_version("none, 7"));
  EXPECT_FALSE(find_version("99999999999999999999.1 x"));
}

TEST(Subids, AddsUpTheUsersRanges) {
  constexpr const char* kFile =
      "alice:100000:65536\nbob:165536:1000\n1001:300000:500\nbroken\n::\n";
  EXPECT_EQ(granted_ids(kFile, "alice", 1000), 65536U);
  EXPECT_EQ(granted_ids(kFile, "bob", 1001), 1500U);
  EXPECT_EQ(check_subids("/etc/subuid", kFile, "alice", 1000).health, Health::kOk);
  const auto few = check_subids("/etc/subgid", kFile, "bob", 1001);
  EXPECT_EQ(few.health, Health::kFail);
  EXPECT_NE(few.fix.find("--add-subgids"), std::string::npos);
}

TEST(Disk, FailsOnlyWhereNothingWouldFit) {
  EXPECT_EQ(judge_disk("disk", "disk", "/", 100'000'000'000).health, Health::kOk);
  EXPECT_EQ(judge_disk("disk", "disk", "/", 5'000'000'000).health, Health::kWarn);
  EXPECT_EQ(judge_disk("disk", "disk", "/", 1'000'000).health, Health::kFail);
}

TEST(Machine, SaysWhatToDo) {
  EXPECT_EQ(check_linger("Linger=yes\n", "me").health, Health::kOk);
  EXPECT_EQ(check_linger("Linger=no\n", "me").fix, "loginctl enable-linger me");
  EXPECT_EQ(check_program("catatonit", std::nullopt, Health::kFail, "x").health, Health::kFail);
  EXPECT_NE(check_device("/dev/none-such", "x").health, Health::kOk);
  EXPECT_EQ(check_runtime_directory(std::nullopt).health, Health::kWarn);
  EXPECT_EQ(check_runtime_directory("/none-such").health, Health::kFail);
}

TEST(Server, HealthIsJudged) {
  const nlohmann::json health = {{"version", "0.1.0"},
                                 {"capacity", {{"cpus", 8}, {"memory_gb", 16}}},
                                 {"running_jobs", 1},
                                 {"available", {{"cpus", 6}, {"memory_gb", 12}}},
                                 {"limits", "unenforced"},
                                 {"lan_isolation", "on"},
                                 {"uploads", {{"free_bytes", 10}}}};
  const auto checks = check_health(health);
  EXPECT_EQ(named(checks, "server").detail,
            "version 0.1.0, 6 cpus, 12 GB of 8 cpus, 16 GB free, 1 jobs running");
  EXPECT_EQ(named(checks, "limits").health, Health::kWarn);
  EXPECT_EQ(named(checks, "lan_isolation").health, Health::kOk);
  EXPECT_EQ(named(checks, "upload_space").health, Health::kOk);
  EXPECT_EQ(check_health({{"limits", "enforced"}}).size(), 3U);
  EXPECT_EQ(named(no_server({ErrorKind::kUnavailable, "unreachable", "x"}), "server").fix,
            "flashpods up");
}

}  // namespace
}  // namespace flashpods::cli
