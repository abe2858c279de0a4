#include "artifacts/source_entry.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <unistd.h>

#include <climits>

#include "base/directory_names.h"
#include "base/files.h"

namespace flashpods::artifacts {
namespace {

Result<SourceEntry> examine(Result<Fd> handle) {
  if (!handle) return std::unexpected(handle.error());
  SourceEntry entry{.handle = std::move(*handle)};
  if (::fstat(entry.handle.get(), &entry.info) == 0) return entry;
  return std::unexpected(errno_error("cannot be examined"));
}

/// The magic link leads to exactly the inode held, whatever its name means by now.
std::string magic_link(const SourceEntry& entry) {
  return "/proc/self/fd/" + std::to_string(entry.handle.get());
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

}  // namespace

std::unexpected<Error> interrupted() {
  return fail(ErrorKind::kUnavailable, "host_busy", "was not collected: the server is stopping");
}

std::string SourceEntry::kind() const {
  switch (info.st_mode & S_IFMT) {
    case S_IFDIR:
      return "is a directory";
    case S_IFLNK:
      return "is a symbolic link";
    case S_IFIFO:
      return "is a FIFO";
    case S_IFSOCK:
      return "is a socket";
    case S_IFBLK:
    case S_IFCHR:
      return "is a device";
    default:
      return "is not a regular file";
  }
}

Result<SourceEntry> hold(int directory, const std::string& name) {
  return examine(open_beneath(directory, name, O_PATH | O_NOFOLLOW));
}

Result<SourceEntry> hold_followed(int directory, const std::string& path) {
  return examine(open_beneath(directory, path, O_PATH, 0, /*follow_inside=*/true));
}

Result<std::string> link_target(const SourceEntry& link) {
  std::array<char, PATH_MAX> target{};
  const auto length = ::readlinkat(link.handle.get(), "", target.data(), target.size());
  if (length < 0) return std::unexpected(errno_error("cannot be read"));
  return std::string{target.data(), static_cast<std::size_t>(length)};
}

Result<Fd> open_file(const SourceEntry& file) {
  const auto path = magic_link(file);
  constexpr mode_t kOwner = S_IRUSR | S_IWUSR;
  if ((file.info.st_mode & kOwner) != kOwner) {
    // Not ours to change is no error yet: the next call says whether it is readable all the same.
    [[maybe_unused]] const auto changed =
        ::chmod(path.c_str(), (file.info.st_mode & 0777) | kOwner);
  }
  Fd fd{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!fd) return std::unexpected(errno_error("cannot be opened"));
  return fd;
}

Result<Fd> open_listing(const SourceEntry& directory) {
  open_for_owner(directory.handle.get());
  Fd fd{::openat(directory.handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return std::unexpected(errno_error("cannot be opened"));
  return fd;
}

Result<Listing> list_bounded(int directory, std::size_t limit) {
  Fd own{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!own) return std::unexpected(errno_error("cannot be listed"));
  const std::unique_ptr<DIR, CloseDirectory> stream{::fdopendir(own.get())};
  if (!stream) return std::unexpected(errno_error("cannot be listed"));
  [[maybe_unused]] const auto owned_by_stream = own.release();
  Listing listing;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (listing.names.size() < limit) {
      listing.names.emplace_back(name);
    } else {
      ++listing.more;
    }
    errno = 0;
  }
  if (errno != 0) return std::unexpected(errno_error("cannot be listed"));
  std::ranges::sort(listing.names);
  return listing;
}

}  // namespace flashpods::artifacts
