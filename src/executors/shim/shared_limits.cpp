#include "executors/shim/shared_limits.h"

#include <algorithm>
#include <array>
#include <linux/keyctl.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace flashpods::shim {

namespace {

using nlohmann::json;

constexpr const char* kKeyring = "flashpods-jobs";
/// keyrings(7): the possessor may do anything, the user view, read, search and link.
constexpr std::uint32_t kFoundByName = 0x3f1b0000;

struct Limit {
  const char* name;
  __rlimit_resource resource;
  std::uint64_t most;
};

/// Since Linux 5.14 these are counted in a job's own user namespace, as RLIMIT_NPROC is. Before, a
/// job beside others has less. The numbers leave room for some dozen jobs in what systemd and the
/// kernel give a user.
constexpr std::array<Limit, 6> kLimits{{
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING, 1024},   // queued signals, each POSIX timer among them
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE, 200 << 10},  // bytes; two POSIX queues of default size
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK, 8 << 20},      // bytes; the kernel's own default
    {"RLIMIT_CORE", RLIMIT_CORE, 0},  // the host's core_pattern(5) decides where a core file goes
    {"RLIMIT_NICE", RLIMIT_NICE, 0},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO, 0},
}};

/// Enough for compilers, JVMs and file watchers, and far below what the usual hard limits are.
constexpr std::uint64_t kMostDescriptors = 16384;

/// Nobody but root may raise a limit: more than our own would keep the container from starting.
std::uint64_t at_most_ours(const Limit& limit) {
  rlimit ours{};
  if (::getrlimit(limit.resource, &ours) != 0 || ours.rlim_max == RLIM_INFINITY) return limit.most;
  return std::min<std::uint64_t>(limit.most, ours.rlim_max);
}

/// The kernel refuses to pass descriptors (unix(7), SCM_RIGHTS) where their sender's user has more
/// in flight than the sender's own limit. Whatever jobs put in flight, the OCI runtime, which keeps
/// our limit, may send as many again.
std::uint64_t descriptors() {
  rlimit ours{};
  if (::getrlimit(RLIMIT_NOFILE, &ours) != 0) return kMostDescriptors;
  return std::min<std::uint64_t>(kMostDescriptors, ours.rlim_max / 2);
}

/// A job at a terminal needs one or two, a test suite of terminals some more; kernel.pty.max is
/// 4096 for the whole host, of which containers may have three quarters.
constexpr std::string_view kMostTerminals = "max=64";

/// Option `max` of devpts: of the instances of this filesystem each container has one.
void limit_terminals(json& config) {
  if (!config.contains("mounts") || !config["mounts"].is_array()) return;
  for (auto& mount : config["mounts"]) {
    if (!mount.is_object() || mount.value("type", json()) != "devpts") continue;
    auto& options = mount["options"];
    if (!options.is_array()) options = json::array();
    std::erase_if(options.get_ref<json::array_t&>(), [](const json& each) {
      return each.is_string() && each.get_ref<const std::string&>().starts_with("max=");
    });
    options.push_back(kMostTerminals);
  }
}

void set_limit(json& limits, const Limit& limit) {
  if (!limits.is_array()) limits = json::array();
  std::erase_if(limits.get_ref<json::array_t&>(), [&limit](const json& each) {
    return each.is_object() && each.value("type", json()) == limit.name;
  });
  const auto most = at_most_ours(limit);
  limits.push_back({{"type", limit.name}, {"hard", most}, {"soft", most}});
}

}  // namespace

Result<void> join_common_keyring() {
  const long keyring = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, kKeyring);
  if (keyring >= 0) {
    // Only the one who made it may, and then the others find it by its name.
    ::syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, kFoundByName);
    return {};
  }
  if (errno == ENOSYS || errno == EPERM) return {};  // no keyrings here, for the job neither
  return std::unexpected(errno_error("cannot join the keyring of the jobs"));
}

void limit_shared(json& config, std::int64_t processes) {
  auto& limits = config["process"]["rlimits"];
  set_limit(limits, {"RLIMIT_NPROC", RLIMIT_NPROC, static_cast<std::uint64_t>(processes)});
  set_limit(limits, {"RLIMIT_NOFILE", RLIMIT_NOFILE, descriptors()});
  for (const auto& limit : kLimits) set_limit(limits, limit);
  limit_terminals(config);
}

}  // namespace flashpods::shim
