#include "uploads/seal_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <climits>
#include <fmt/format.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "uploads/rsync_config.h"

namespace flashpods::uploads {

namespace {

constexpr mode_t kSpecialBits = S_ISUID | S_ISGID | S_ISVTX;
constexpr mode_t kPermissions = 07777;
constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks, stat(3type)

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

bool is_dot(std::string_view name) { return name == "." || name == ".."; }

Result<Fd> duplicate(int fd) {
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return std::unexpected(errno_error("cannot duplicate a descriptor"));
  return copy;
}

int change_mode(int path_only, mode_t mode) {
  return ::chmod(fmt::format("/proc/self/fd/{}", path_only).c_str(), mode);
}

std::string join(const std::string& directory, const std::string& name) {
  return directory == "." ? name : directory + '/' + name;
}

bool is_device(const struct stat& status) {
  return S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode);
}

std::string link_target(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  return {target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

/// The link as the client sent it, with its time, in one rename from `scratch`, a path outside the
/// tree: inside, any name may be the client's.
bool restore_link(int directory, const std::string& name, const struct stat& status,
                  const std::string& scratch) {
  const std::string target = link_target(directory, name).substr(kMungedPrefix.size());
  const timespec times[] = {status.st_atim, status.st_mtim};
  ::unlink(scratch.c_str());
  return ::symlink(target.c_str(), scratch.c_str()) == 0 &&
         ::utimensat(AT_FDCWD, scratch.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::renameat(AT_FDCWD, scratch.c_str(), directory, name.c_str()) == 0;
}

Result<void> mend_entry(int directory, const std::string& name, const std::string& scratch) {
  struct stat status{};
  const bool done = ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    (is_device(status) ? ::unlinkat(directory, name.c_str(), 0) == 0
                                       : restore_link(directory, name, status, scratch));
  if (!done) return std::unexpected(errno_error("cannot seal " + to_one_line(name)));
  return {};
}

class Walk {
 public:
  Walk(Fd root, std::optional<std::string> scratch)
      : root_(std::move(root)), scratch_(std::move(scratch)) {}
  ~Walk() { restore_modes(); }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  Result<TreeContent> run() {
    strip_root();
    pending_.emplace_back(".");
    while (!pending_.empty()) {
      const std::string directory = std::move(pending_.back());
      pending_.pop_back();
      const auto visited = visit(directory);
      const bool vanished = !visited && visited.error().kind == ErrorKind::kNotFound;
      if (!visited && !vanished) return std::unexpected(visited.error());
    }
    if (fault_) return std::unexpected(*fault_);
    return tree_;
  }

 private:
  void strip_root() {
    struct stat status{};
    if (::fstat(root_.get(), &status) != 0) return;
    tree_.disk_bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    if (scratch_ && (status.st_mode & kSpecialBits) != 0) {
      change_mode(root_.get(), status.st_mode & kPermissions & ~kSpecialBits);
    }
  }

  Result<Fd> open_listed(const std::string& directory) {
    return open_beneath(root_.get(), directory, O_RDONLY | O_DIRECTORY);
  }

  /// Opens a directory, also one whose owner shut himself out; its mode comes back at the end.
  Result<Fd> open(const std::string& directory) {
    auto opened = open_listed(directory);
    if (opened || opened.error().kind != ErrorKind::kForbidden) return opened;
    auto closed = directory == "." ? duplicate(root_.get())
                                   : open_beneath(root_.get(), directory, O_PATH | O_DIRECTORY);
    if (!closed) return closed;
    struct stat status{};
    if (::fstat(closed->get(), &status) != 0) return std::unexpected(errno_error(directory));
    const mode_t mode = status.st_mode & kPermissions;
    change_mode(closed->get(), mode | S_IRWXU);
    opened_up_.emplace_back(directory, mode);
    return open_listed(directory);
  }

  Result<void> visit(const std::string& directory) {
    auto opened = open(directory);
    if (!opened) return std::unexpected(opened.error());
    const DirectoryStream stream(::fdopendir(opened->get()));
    if (!stream) return std::unexpected(errno_error("cannot list " + to_one_line(directory)));
    const int listed = opened->release();
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream.get())) {
      if (!is_dot(entry->d_name)) names.emplace_back(entry->d_name);
    }
    std::vector<std::string> out_of_place;
    for (const auto& name : names) {
      if (!take(listed, directory, name)) out_of_place.push_back(name);
    }
    return out_of_place.empty() ? Result<void>{} : mend(listed, out_of_place);
  }

  /// False if the entry cannot stay as it is: see mend().
  bool take(int parent, const std::string& directory, const std::string& name) {
    struct stat status{};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return true;
    if (scratch_ && is_device(status)) return false;
    if (scratch_ && (status.st_mode & kSpecialBits) != 0) {
      const mode_t mode = status.st_mode & kPermissions & ~kSpecialBits;
      if (::fchmodat(parent, name.c_str(), mode, AT_SYMLINK_NOFOLLOW) != 0 && !fault_) {
        fault_ = errno_error("cannot take setuid off " + to_one_line(name));
      }
    }
    count(status);
    if (S_ISDIR(status.st_mode)) pending_.push_back(join(directory, name));
    return !scratch_ || !S_ISLNK(status.st_mode) ||
           !link_target(parent, name).starts_with(kMungedPrefix);
  }

  /// Removes devices and rewrites links; the directory's own mode and times come back.
  Result<void> mend(int directory, const std::vector<std::string>& names) const {
    struct stat before{};
    if (::fstat(directory, &before) != 0) return std::unexpected(errno_error("cannot seal"));
    ::fchmod(directory, (before.st_mode & kPermissions) | S_IRWXU);
    Result<void> mended;
    for (const auto& name : names) {
      if (mended) mended = mend_entry(directory, name, *scratch_);
    }
    ::fchmod(directory, before.st_mode & kPermissions & ~kSpecialBits);
    const timespec times[] = {before.st_atim, before.st_mtim};
    ::futimens(directory, times);
    return mended;
  }

  void count(const struct stat& status) {
    if (!S_ISDIR(status.st_mode)) ++tree_.files;
    const bool linked = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
    if (S_ISREG(status.st_mode)) tree_.size_bytes += static_cast<std::uint64_t>(status.st_size);
    if (linked && !linked_.emplace(status.st_dev, status.st_ino).second) return;
    tree_.disk_bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
  }

  /// Innermost first: an outer one that closes again would lock us out.
  void restore_modes() {
    for (auto it = opened_up_.rbegin(); it != opened_up_.rend(); ++it) {
      const auto& [directory, mode] = *it;
      auto found = directory == "." ? duplicate(root_.get())
                                    : open_beneath(root_.get(), directory, O_PATH | O_DIRECTORY);
      if (found) change_mode(found->get(), scratch_ ? mode & ~kSpecialBits : mode);
    }
  }

  Fd root_;
  std::optional<std::string> scratch_;  ///< set if the tree is to be sealed, not only measured
  TreeContent tree_;
  std::optional<Error> fault_;
  std::vector<std::string> pending_;
  std::vector<std::pair<std::string, mode_t>> opened_up_;
  std::set<std::pair<dev_t, ino_t>> linked_;  ///< inodes with several names that were counted
};

Fd open_root(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<TreeContent> seal_tree(const std::filesystem::path& path) {
  Fd root = open_root(path);
  if (!root) return std::unexpected(errno_error("cannot open the upload"));
  return Walk(std::move(root), path.parent_path() / (".link-" + path.filename().native())).run();
}

Result<TreeContent> measure_upload(const std::filesystem::path& path) {
  Fd root = open_root(path);
  if (!root && errno == ENOENT) return TreeContent{};
  if (!root) return std::unexpected(errno_error("cannot open the upload"));
  return Walk(std::move(root), std::nullopt).run();
}

}  // namespace flashpods::uploads
