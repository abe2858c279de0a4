#include "base/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/directory_names.h"
#include "base/text.h"

namespace flashpods {

namespace {

/// openat2 says EAGAIN when a rename elsewhere races with it; so often in a row is an attack.
constexpr int kRaceRetries = 128;

std::unexpected<Error> errno_failure(std::string_view what, const std::filesystem::path& path) {
  const int error_number = errno;
  return std::unexpected(
      errno_error(error_number, fmt::format("cannot {} {}", what, to_one_line(path.native()))));
}

/// What the name from outside caused is the sender's error, not the host's.
Error open_error(int error_number, std::string_view relative) {
  const std::string name = to_one_line(relative);
  switch (error_number) {
    case EXDEV:
    case ELOOP:
      return {ErrorKind::kInvalid, "invalid_path",
              fmt::format("'{}' leads through a symbolic link or out of its directory", name)};
    case ENAMETOOLONG:
      return {ErrorKind::kInvalid, "invalid_path", fmt::format("'{}' is too long a name", name)};
    case ENXIO:
      return {ErrorKind::kInvalid, "invalid_path",
              fmt::format("'{}' is a socket or a pipe that cannot be opened", name)};
    case ENOTDIR:
      return {ErrorKind::kNotFound, "not_found", fmt::format("'{}' does not exist", name)};
    case EACCES:
      return {ErrorKind::kForbidden, "not_readable",
              fmt::format("the permissions of '{}' do not allow this", name)};
    default:
      return errno_error(error_number, fmt::format("cannot open '{}'", name));
  }
}

open_how how_to_open(int flags, mode_t mode, bool follow_inside) {
  const bool reading = (flags & O_ACCMODE) == O_RDONLY && (flags & O_PATH) == 0;
  const bool creating = (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | (reading ? O_NONBLOCK : 0));
  how.mode = creating ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (follow_inside ? 0 : RESOLVE_NO_SYMLINKS);
  return how;
}

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

}  // namespace

Result<Fd> open_directory(const std::filesystem::path& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return errno_failure("open the directory", path);
  return directory;
}

Result<Fd> open_beneath(int directory, std::string_view relative, int flags, mode_t mode,
                        bool follow_inside) {
  if (relative.find('\0') != std::string_view::npos) {
    return fail(ErrorKind::kInvalid, "invalid_path", "a path must not contain a NUL character");
  }
  const std::string name{relative};
  open_how how = how_to_open(flags, mode, follow_inside);
  for (int attempt = 0; attempt < kRaceRetries; ++attempt) {
    const long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return std::unexpected(open_error(errno, relative));
}

Result<void> make_directories(const std::filesystem::path& path, mode_t mode) {
  std::filesystem::path made;
  for (const auto& component : path) {
    made /= component;
    if (::mkdir(made.c_str(), mode) != 0 && errno != EEXIST) {
      return errno_failure("create the directory", made);
    }
  }
  // EEXIST may have been about a file.
  const auto directory = open_directory(path);
  if (!directory) return std::unexpected(directory.error());
  return {};
}

Result<void> sync_directory(const std::filesystem::path& path) {
  const auto directory = open_directory(path);
  if (!directory) return std::unexpected(directory.error());
  if (::fsync(directory->get()) != 0) return errno_failure("flush to disk", path);
  return {};
}

Result<void> rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return errno_failure("rename", from);
  const auto source = parent_of(from), target = parent_of(to);
  if (auto synced = sync_directory(target); !synced || source == target) return synced;
  return sync_directory(source);
}

Result<std::vector<std::string>> list_directory(const std::filesystem::path& path) {
  const auto directory = open_directory(path);
  if (!directory) return std::unexpected(directory.error());
  auto names = directory_names(directory->get());
  if (names) std::ranges::sort(*names);
  return names;
}

Result<std::uint64_t> free_space(const std::filesystem::path& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0)
    return errno_failure("ask for the free space of", path);
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace flashpods
