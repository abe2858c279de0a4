#include "uploads/confinement.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flashpods::uploads {

namespace {

// Rights that headers older than the kernel lack.
constexpr std::uint64_t kRefer = std::uint64_t{1} << 13;     // ABI 2
constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14;  // ABI 3

constexpr std::uint64_t kWrites = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

/// Numbers below are where a child's own descriptors go (ChildOptions::descriptors).
constexpr int kAboveTargets = 16;

int abi() {
  return static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

std::uint64_t writes_known_to(int version) {
  return kWrites | (version >= 2 ? kRefer : 0) | (version >= 3 ? kTruncate : 0);
}

Fd create_ruleset(std::uint64_t handled) {
  const landlock_ruleset_attr attributes{.handled_access_fs = handled};
  const Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  return Fd(::fcntl(ruleset.get(), F_DUPFD_CLOEXEC, kAboveTargets));
}

bool allow(int ruleset, const std::filesystem::path& path, std::uint64_t rights) {
  const Fd object(::open(path.c_str(), O_PATH | O_CLOEXEC));
  const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = object.get()};
  return object &&
         ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

}  // namespace

bool WriteConfinement::available() { return abi() >= 1; }

Result<WriteConfinement> WriteConfinement::to(const std::filesystem::path& directory,
                                              const std::filesystem::path& file) {
  const int version = abi();
  if (version < 1) {
    return fail(ErrorKind::kUnavailable, "no_landlock", "This kernel does not enforce Landlock.");
  }
  const std::uint64_t writes = writes_known_to(version);
  Fd ruleset = create_ruleset(writes | kDevices);
  if (!ruleset || !allow(ruleset.get(), directory, writes) ||
      !allow(ruleset.get(), file, LANDLOCK_ACCESS_FS_WRITE_FILE) ||
      !allow(ruleset.get(), "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE)) {
    return std::unexpected(errno_error("cannot prepare the confinement of rsync"));
  }
  return WriteConfinement(std::move(ruleset));
}

int WriteConfinement::put_on() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return ::syscall(SYS_landlock_restrict_self, ruleset_.get(), 0) == 0 ? 0 : errno;
}

}  // namespace flashpods::uploads
