#include "cli/doctor/machine_checks.h"

#include <charconv>
#include <ranges>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/landlock.h>
#include <sys/syscall.h>
#endif

#include "base/files.h"
#include "base/text.h"

namespace flashpods::cli {
namespace {

constexpr std::uint64_t kNeededIds = 65536;
constexpr std::uint64_t kGigabyte = 1'000'000'000;
constexpr std::uint64_t kComfortable = 20 * kGigabyte;  // uploads and artifacts, 10 GB each
constexpr std::uint64_t kLeast = 2 * kGigabyte;

// "user:first:count"
struct Grant {
  std::string_view user;
  std::uint64_t count = 0;
};

Grant parse_grant(std::string_view line) {
  const auto first = line.find(':');
  const auto second = line.find(':', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return {};
  Grant grant{line.substr(0, first)};
  const auto number = line.substr(second + 1);
  std::from_chars(number.data(), number.data() + number.size(), grant.count);
  return grant;
}

std::filesystem::path nearest_existing(std::filesystem::path path) {
  std::error_code ignored;
  while (!std::filesystem::exists(path, ignored) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path;
}

int landlock_version() {
#if defined(__linux__)
  return static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
#else
  return -1;
#endif
}

}  // namespace

std::uint64_t granted_ids(std::string_view text, const std::string& user, unsigned uid) {
  std::uint64_t sum = 0;
  const auto number = std::to_string(uid);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto grant = parse_grant(text.substr(0, end));
    if (grant.user == user || grant.user == number) sum += grant.count;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return sum;
}

Check check_subids(const std::string& file, std::string_view text, const std::string& user,
                   unsigned uid) {
  const auto name = file.substr(file.rfind('/') + 1);
  const auto count = granted_ids(text, user, uid);
  Check check{name, name, Health::kOk, std::to_string(count) + " ids for " + user};
  if (uid == 0 || count >= kNeededIds) return check;
  check.health = Health::kFail;
  check.detail += "; rootless containers need 65536";
  const auto option = name == "subuid" ? " --add-subuids" : " --add-subgids";
  check.fix = "as root: usermod" + std::string{option} + " 100000-165535 " + user +
              " (a range that nobody else in " + file + " has), then podman system migrate";
  return check;
}

Check check_program(const std::string& name, const std::optional<std::string>& found,
                    Health if_missing, const std::string& fix) {
  if (found) return {name, name, Health::kOk, *found};
  return {name, name, if_missing, "not found", fix};
}

Check check_device(const std::string& path, const std::string& needed_for) {
  Check check{path.substr(path.rfind('/') + 1), path, Health::kOk, "usable"};
  if (::access(path.c_str(), R_OK | W_OK) == 0) return check;
  const bool there = ::access(path.c_str(), F_OK) == 0;
  check.health = path == "/dev/net/tun" ? Health::kFail : Health::kWarn;
  check.detail =
      std::string{there ? "not readable and writable" : "missing"} + "; needed for " + needed_for;
  const auto module = check.id;
  check.fix = there ? "as root: chmod 666 " + path : "as root: modprobe " + module;
  return check;
}

Check check_landlock() {
  const int version = landlock_version();
  if (version > 0) {
    return {"landlock", "Landlock", Health::kOk, "ABI " + std::to_string(version)};
  }
  return {"landlock", "Landlock", Health::kWarn,
          "the kernel does not offer it: rsync is confined by its configuration only",
          "use kernel 5.13 or later with landlock among lsm= on its command line"};
}

Check judge_disk(const std::string& id, const std::string& title, const std::filesystem::path& path,
                 std::uint64_t free_bytes) {
  Check check{id, title, Health::kOk, to_human_size(free_bytes) + " free at " + path.string()};
  if (free_bytes >= kComfortable) return check;
  check.health = free_bytes < kLeast ? Health::kFail : Health::kWarn;
  check.fix =
      "make room: uploads and artifacts may take 10 GB each; `podman system prune` removes "
      "unused images";
  return check;
}

Check check_disk(const std::string& id, const std::string& title,
                 const std::filesystem::path& path) {
  const auto existing = nearest_existing(path);
  const auto free_bytes = free_space(existing);
  if (free_bytes) return judge_disk(id, title, existing, *free_bytes);
  return {id, title, Health::kUnknown, free_bytes.error().message};
}

Checks check_nsdelegate(std::string_view mounts) {
  for (const auto part : mounts | std::views::split('\n')) {
    const std::string_view line(part.begin(), part.end());
    constexpr std::string_view kMount = " /sys/fs/cgroup cgroup2 ";
    const auto at = line.find(kMount);
    if (at == std::string_view::npos) continue;
    auto options = line.substr(at + kMount.size());
    options = options.substr(0, options.find(' '));
    for (const auto option : options | std::views::split(',')) {
      if (std::string_view(option.begin(), option.end()) != "nsdelegate") continue;
      return {{"nsdelegate", "cgroup delegation", Health::kOk, "nsdelegate"}};
    }
    return {{"nsdelegate", "cgroup delegation", Health::kWarn,
             "/sys/fs/cgroup is mounted without nsdelegate: a job could change its own limits",
             "mount -o remount,nsdelegate /sys/fs/cgroup (systemd does so at boot)"}};
  }
  return {};
}

Check check_linger(std::string_view output, const std::string& user) {
  if (output.contains("Linger=yes")) return {"linger", "linger", Health::kOk, "on for " + user};
  return {"linger", "linger", Health::kWarn, "off: server and jobs end when " + user + " logs out",
          "loginctl enable-linger " + user};
}

Check check_runtime_directory(const std::optional<std::string>& directory) {
  const std::string fix =
      "log in as this user in full (machinectl shell, ssh), or make "
      "/run/user/UID as root, owned by the user, mode 0700, and set "
      "XDG_RUNTIME_DIR";
  Check check{"runtime_dir", "XDG_RUNTIME_DIR", Health::kOk, directory.value_or("")};
  struct stat found{};
  if (!directory) {
    check.detail = "not set";
    check.health = Health::kWarn;
    check.fix = fix;
  } else if (::stat(directory->c_str(), &found) != 0 || found.st_uid != ::getuid()) {
    check.detail = *directory + " is missing or belongs to somebody else";
    check.health = Health::kFail;
    check.fix = fix;
  }
  return check;
}

}  // namespace flashpods::cli
