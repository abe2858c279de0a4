#include "base/directory_names.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>

#include <fmt/format.h>

#include "base/fd.h"

namespace flashpods {

namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

DirectoryStream open_stream(int directory) {
  Fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return nullptr;
  DirectoryStream stream(::fdopendir(own.get()));
  if (stream) [[maybe_unused]]
    const int now_of_stream = own.release();
  return stream;
}

}  // namespace

Result<std::vector<std::string>> directory_names(int directory) {
  const DirectoryStream stream = open_stream(directory);
  // A directory that was removed while we hold it holds nothing.
  if (!stream && errno == ENOENT) return std::vector<std::string>{};
  if (!stream) return std::unexpected(errno_error("cannot list a directory"));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return std::unexpected(errno_error("cannot list a directory"));
  return names;
}

void open_for_owner(int directory) {
  struct stat status{};
  if (::fstat(directory, &status) != 0 || (status.st_mode & S_IRWXU) == S_IRWXU) return;
  // fchmod(2) refuses O_PATH descriptors; the magic link leads to exactly this inode.
  const std::string link = fmt::format("/proc/self/fd/{}", directory);
  [[maybe_unused]] const int changed = ::chmod(link.c_str(), (status.st_mode & 07777) | S_IRWXU);
}

}  // namespace flashpods
