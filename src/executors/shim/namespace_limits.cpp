#include "executors/shim/namespace_limits.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <fcntl.h>
#include <string>

#include "base/fd.h"
#include "base/files.h"

namespace flashpods::shim {

namespace {

struct Limit {
  const char* name;  ///< below /proc/sys/user
  std::uint64_t most;
};

/// OCI runtimes make a container's namespaces before they call the hook that sets these; the
/// reserve is for those that make one more afterwards.
constexpr std::uint64_t kReserve = 16;
constexpr std::array<Limit, 8> kNamespaces{{
    {"max_user_namespaces", 0},
    {"max_mnt_namespaces", kReserve},
    {"max_net_namespaces", kReserve},
    {"max_pid_namespaces", kReserve},
    {"max_ipc_namespaces", kReserve},
    {"max_uts_namespaces", kReserve},
    {"max_cgroup_namespaces", kReserve},
    {"max_time_namespaces", kReserve},
}};

/// What is left of the user's is for the daemon (inotify(7) watches its files) and other programs,
/// even beside eight jobs that take all they get. File watchers have one or two instances each.
constexpr std::uint64_t kPart = 16;

struct Share {
  const char* name;  ///< below /proc/sys/user
  const char* host;  ///< the host's own limit
};
constexpr std::array<Share, 2> kShares{{
    {"max_inotify_instances", "/proc/sys/fs/inotify/max_user_instances"},
    {"max_inotify_watches", "/proc/sys/fs/inotify/max_user_watches"},
}};

Result<void> set_limit(const Limit& limit) {
  const auto path = std::string("/proc/sys/user/") + limit.name;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  if (!file) return std::unexpected(errno_error("cannot open " + path));
  return write_all(file.get(), std::to_string(limit.most));
}

std::uint64_t read_number(const char* path) {
  const auto text = read_file(path, 100).value_or("");
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<void> limit_namespaces() {
  for (const auto& limit : kNamespaces) {
    if (auto set = set_limit(limit); !set) return set;
  }
  for (const auto& share : kShares) {
    const auto host = read_number(share.host);
    if (host == 0) continue;  // this kernel has no such thing
    if (auto set = set_limit({share.name, host / kPart}); !set) return set;
  }
  return {};
}

}  // namespace flashpods::shim
