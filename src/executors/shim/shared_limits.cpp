#include "executors/shim/shared_limits.h"

#include <algorithm>
#include <linux/keyctl.h>
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
constexpr const char* kProcesses = "RLIMIT_NPROC";

/// Nobody but root may raise a limit: more than our own would keep the container from starting.
std::uint64_t at_most_ours(std::int64_t processes) {
  rlimit ours{};
  const auto wanted = static_cast<std::uint64_t>(processes);
  if (::getrlimit(RLIMIT_NPROC, &ours) != 0 || ours.rlim_max == RLIM_INFINITY) return wanted;
  return std::min<std::uint64_t>(wanted, ours.rlim_max);
}

void limit_processes(json& limits, std::int64_t processes) {
  if (!limits.is_array()) limits = json::array();
  std::erase_if(limits.get_ref<json::array_t&>(), [](const json& limit) {
    return limit.is_object() && limit.value("type", json()) == kProcesses;
  });
  const auto most = at_most_ours(processes);
  limits.push_back({{"type", kProcesses}, {"hard", most}, {"soft", most}});
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
  limit_processes(config["process"]["rlimits"], processes);
}

}  // namespace flashpods::shim
