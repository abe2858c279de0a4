#include "executors/shim/seccomp_profile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <random>
#include <sched.h>
#include <set>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flashpods::shim {
namespace {

using nlohmann::json;
using Arguments = std::array<std::uint64_t, 6>;

/// What podman 4.3.1 wrote into a job's config.json on x86_64.
json podman_profile() {
  std::ifstream file(FLASHPODS_SHIM_TESTDATA "/podman_seccomp.json");
  return json::parse(file);
}

json tightened(json profile) {
  tighten_seccomp(profile);
  return profile;
}

bool is_met(const json& condition, const Arguments& arguments) {
  const auto argument = arguments.at(condition.at("index").get<std::size_t>());
  const auto value = condition.at("value").get<std::uint64_t>();
  const auto op = condition.at("op").get<std::string>();
  if (op == "SCMP_CMP_EQ") return argument == value;
  if (op == "SCMP_CMP_NE") return argument != value;
  if (op == "SCMP_CMP_GT") return argument > value;
  EXPECT_EQ(op, "SCMP_CMP_MASKED_EQ");
  return (argument & value) == condition.at("valueTwo");
}

bool names(const json& rule, const std::string& call) {
  const auto& list = rule.at("names");
  return std::find(list.begin(), list.end(), call) != list.end();
}

/// What a profile says of one call.
struct Verdict {
  Verdict(const json& profile, const std::string& call)
      : allowed_otherwise(profile.at("defaultAction") == "SCMP_ACT_ALLOW"),
        error_otherwise(profile.value("defaultErrnoRet", EPERM)) {
    for (const auto& rule : profile.at("syscalls")) {
      if (!names(rule, call)) continue;
      rules.push_back(rule);
      rules.back().erase("names");
    }
  }

  /// 0 where the call is allowed, else its errno. A refusal wins over a permission.
  [[nodiscard]] int answer(const Arguments& arguments) const {
    bool allowed = allowed_otherwise;
    for (const auto& rule : rules) {
      const auto conditions = rule.value("args", json());
      const auto met = [&](const json& each) { return is_met(each, arguments); };
      if (!std::ranges::all_of(conditions, met)) continue;
      if (rule.at("action") == "SCMP_ACT_ERRNO") return rule.at("errnoRet").get<int>();
      allowed = true;
    }
    return allowed ? 0 : error_otherwise;
  }

  std::vector<json> rules;
  bool allowed_otherwise;
  int error_otherwise;
};

int answer(const json& profile, const std::string& call, const Arguments& arguments = {}) {
  return Verdict(profile, call).answer(arguments);
}

std::set<std::string> calls_of(const json& profile) {
  std::set<std::string> calls;
  for (const auto& rule : profile.at("syscalls")) {
    for (const auto& name : rule.at("names")) calls.insert(name.get<std::string>());
  }
  return calls;
}

/// The gates must hold over whatever an administrator's profile says.
std::vector<json> profiles() {
  const auto rule = [](const char* call) {
    return json{{"names", {call, "read"}}, {"action", "SCMP_ACT_ALLOW"}};
  };
  json all{{"defaultAction", "SCMP_ACT_ERRNO"}, {"syscalls", json::array()}};
  for (const char* call : {"socket", "socketpair", "clone", "unshare", "mount", "clone3"}) {
    all["syscalls"].push_back(rule(call));
  }
  return {
      podman_profile(), all, {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", json::array()}}};
}

TEST(SeccompProfile, OnlyFourFamiliesOfSockets) {
  for (const auto& profile : profiles()) {
    const auto after = tightened(profile);
    for (const char* call : {"socket", "socketpair"}) {
      const Verdict verdict(after, call);
      for (std::uint64_t family = 0; family < 64; ++family) {
        const bool open = family == AF_UNIX || family == AF_INET || family == AF_INET6;
        const int expected = open || family == AF_NETLINK ? 0 : EAFNOSUPPORT;
        EXPECT_EQ(verdict.answer({family, 1, 0}), expected) << call << ' ' << family;
      }
    }
  }
}

TEST(SeccompProfile, OfNetlinkOnlyRoutes) {
  for (const auto& profile : profiles()) {
    const Verdict verdict(tightened(profile), "socket");
    for (std::uint64_t protocol = 1; protocol < 64; ++protocol) {
      const int error = verdict.answer({AF_NETLINK, SOCK_RAW, protocol});
      EXPECT_TRUE(error == EPROTONOSUPPORT || error == EINVAL) << protocol;  // EINVAL is podman's
    }
  }
}

/// The kernel looks at 32 bits of a family, the filter at 64.
TEST(SeccompProfile, HighBitsHideNoFamily) {
  for (const auto& profile : profiles()) {
    for (const auto family : {AF_UNIX, AF_INET, AF_NETLINK, AF_VSOCK}) {
      const auto hidden = (std::uint64_t{1} << 32) | static_cast<std::uint64_t>(family);
      EXPECT_EQ(answer(tightened(profile), "socket", {hidden, 1, 0}), EAFNOSUPPORT) << family;
    }
  }
}

TEST(SeccompProfile, NoNewNamespaces) {
  for (const auto& profile : profiles()) {
    const auto after = tightened(profile);
    for (const std::uint64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                     CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
      EXPECT_EQ(answer(after, "clone", {flag | CLONE_VM}), EPERM) << flag;
      EXPECT_EQ(answer(after, "unshare", {flag | CLONE_FILES}), EPERM) << flag;
    }
    EXPECT_EQ(answer(after, "unshare", {0x80}), EPERM) << "CLONE_NEWTIME";
    EXPECT_EQ(answer(after, "setns"), EPERM);
    EXPECT_EQ(answer(after, "clone3"), ENOSYS);
  }
}

TEST(SeccompProfile, ThreadsAndProcessesAreMadeAsBefore) {
  const auto after = tightened(podman_profile());
  const std::uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                               CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                               CLONE_CHILD_CLEARTID;
  for (const std::uint64_t flags : {std::uint64_t{17}, std::uint64_t{0xff}, thread}) {
    EXPECT_EQ(answer(after, "clone", {flags}), 0) << flags;
  }
  EXPECT_EQ(answer(after, "unshare", {CLONE_FILES | CLONE_FS}), 0);
}

TEST(SeccompProfile, WhatABuildDoesNotNeedIsRefused) {
  for (const auto& profile : profiles()) {
    const auto after = tightened(profile);
    for (const char* call : {"add_key",
                             "keyctl",
                             "request_key",
                             "mount",
                             "umount",
                             "umount2",
                             "pivot_root",
                             "fsopen",
                             "fsconfig",
                             "fsmount",
                             "fspick",
                             "move_mount",
                             "open_tree",
                             "open_tree_attr",
                             "mount_setattr",
                             "open_by_handle_at",
                             "mbind",
                             "get_mempolicy",
                             "set_mempolicy",
                             "set_mempolicy_home_node",
                             "migrate_pages",
                             "move_pages",
                             "bpf",
                             "perf_event_open",
                             "userfaultfd",
                             "fanotify_init",
                             "init_module",
                             "finit_module",
                             "delete_module",
                             "kexec_load",
                             "kexec_file_load",
                             "syslog",
                             "reboot",
                             "acct",
                             "quotactl",
                             "quotactl_fd",
                             "swapon",
                             "swapoff",
                             "iopl",
                             "ioperm",
                             "settimeofday",
                             "clock_settime"}) {
      EXPECT_EQ(answer(after, call), EPERM) << call;
    }
    for (const char* call : {"io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup"}) {
      EXPECT_EQ(answer(after, call), ENOSYS) << call;
    }
  }
}

TEST(SeccompProfile, NoI386) {
  const auto after = tightened(podman_profile());
  EXPECT_EQ(after["architectures"], json::array({"SCMP_ARCH_X86_64", "SCMP_ARCH_X32"}));
}

/// Arguments that some gate or rule looks at, and others.
Arguments some_arguments(std::mt19937_64& random) {
  constexpr std::array<std::uint64_t, 14> kValues{
      0, 1, 2, 8, 9, 10, 16, 17, 40, 0x10000000, 0x7E020000, 0xffffffff, 1ULL << 32, ~0ULL};
  Arguments arguments{};
  for (auto& each : arguments) each = kValues.at(random() % kValues.size());
  return arguments;
}

TEST(SeccompProfile, NothingIsAllowedThatWasRefused) {
  std::mt19937_64 random(1);
  for (const auto& before : profiles()) {
    const auto after = tightened(before);
    for (const auto& call : calls_of(after)) {
      const Verdict now(after, call), then(before, call);
      for (int i = 0; i < 20; ++i) {
        const auto arguments = some_arguments(random);
        if (now.answer(arguments) == 0) EXPECT_EQ(then.answer(arguments), 0) << call;
      }
    }
  }
}

TEST(SeccompProfile, WhatNoGateConcernsStaysAsItWas) {
  const auto before = podman_profile();
  const auto after = tightened(before);
  for (const char* call : {"read", "execve", "ptrace", "futex", "arch_prctl", "chroot"}) {
    EXPECT_EQ(answer(after, call), answer(before, call)) << call;
  }
  EXPECT_EQ(answer(after, "personality", {8}), 0);
  EXPECT_EQ(answer(after, "personality", {7}), ENOSYS);
}

json with_rule(json rule) {
  return {{"defaultAction", "SCMP_ACT_ERRNO"}, {"syscalls", json::array({std::move(rule)})}};
}

TEST(SeccompProfile, ConditionsOfTheProfileHoldBesideTheGates) {
  const auto after = tightened(with_rule(json::parse(R"({"names": ["socket"],
      "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"},
                                           {"index": 0, "value": 10, "op": "SCMP_CMP_NE"}]})")));
  EXPECT_EQ(answer(after, "socket", {AF_INET, 1}), 0);
  EXPECT_NE(answer(after, "socket", {AF_INET, 2}), 0);
  EXPECT_NE(answer(after, "socket", {AF_INET6, 1}), 0);
}

TEST(SeccompProfile, ARuleOnTheFlagsThatAGateLooksAtIsGone) {
  const auto after = tightened(with_rule(json::parse(R"({"names": ["clone", "read"],
      "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 17, "op": "SCMP_CMP_EQ"}]})")));
  EXPECT_NE(answer(after, "clone", {17}), 0);
  EXPECT_EQ(answer(after, "read", {17}), 0);
}

TEST(SeccompProfile, WhatIsNoProfileIsLeftAlone) {
  for (const char* text : {"null", "[]", "1", "{}", R"({"syscalls": 1})"}) {
    EXPECT_EQ(tightened(json::parse(text)), json::parse(text));
  }
  for (const char* rule : {"1", "{}", R"({"names": 1})", R"({"names": [1], "args": 1})",
                           R"({"names": ["socket"], "args": [1]})",
                           R"({"names": ["socket"], "args": 1, "action": 2})"}) {
    EXPECT_NO_THROW(tightened(with_rule(json::parse(rule)))) << rule;
  }
}

}  // namespace
}  // namespace flashpods::shim
