#include "uploads/move_directory.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"

namespace flashpods::uploads {

namespace {

constexpr mode_t kPermissions = 07777;

/// rename(2); 0 or errno.
int rename_any_mode(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return 0;
  struct stat status{};
  if (errno != EACCES || ::lstat(from.c_str(), &status) != 0) return errno;
  if (!S_ISDIR(status.st_mode)) return EACCES;
  ::chmod(from.c_str(), (status.st_mode & kPermissions) | S_IRWXU);
  const bool moved = ::rename(from.c_str(), to.c_str()) == 0;
  const int error_number = errno;
  ::chmod(moved ? to.c_str() : from.c_str(), status.st_mode & kPermissions);
  return moved ? 0 : error_number;
}

}  // namespace

bool is_real_directory(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<void> move_directory(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (!is_real_directory(from)) {
    if (is_real_directory(to)) return {};
    return std::unexpected(errno_error(ENOENT, "cannot move " + to_one_line(from.native())));
  }
  const int error_number = rename_any_mode(from, to);
  if (error_number == ENOTEMPTY || error_number == EEXIST) {
    return fail(ErrorKind::kConflict, "directory_exists",
                fmt::format("{} exists already", to_one_line(to.native())));
  }
  if (error_number != 0) {
    return std::unexpected(errno_error(error_number, "cannot move " + to_one_line(from.native())));
  }
  if (auto synced = sync_directory(to.parent_path()); !synced) return synced;
  return sync_directory(from.parent_path());
}

}  // namespace flashpods::uploads
