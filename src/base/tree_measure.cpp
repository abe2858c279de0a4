// Measuring a tree of any depth with a bounded number of descriptors.

#include <cerrno>
#include <fcntl.h>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/directory_names.h"
#include "base/files.h"
#include "base/text.h"

namespace flashpods {

namespace {

/// Directories above this depth stay open; below it ".." leads back, and is checked to be the
/// directory we came from: something may have moved it meanwhile.
constexpr std::size_t kHeldLevels = 64;
constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks, stat(3type)

using Inode = std::pair<dev_t, ino_t>;

struct Level {
  Inode inode;
  Fd held;                               ///< empty below kHeldLevels
  std::vector<std::string> directories;  ///< still to be entered
};

bool has_vanished(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

Fd open_to_list(int parent, const std::string& name) {
  constexpr int kFlags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd directory(::openat(parent, name.c_str(), O_RDONLY | kFlags));
  if (directory || errno != EACCES) return directory;
  const Fd closed(::openat(parent, name.c_str(), O_PATH | kFlags));
  if (!closed) return {};
  open_for_owner(closed.get());
  return Fd(::openat(closed.get(), ".", O_RDONLY | kFlags));
}

class TreeWalk {
 public:
  Result<TreeSize> measure(const std::string& top) {
    if (!count(AT_FDCWD, top)) return size_;
    auto entered = enter(AT_FDCWD, top);
    while (entered && !levels_.empty()) {
      if (levels_.back().directories.empty()) {
        leave();
        continue;
      }
      const std::string name = std::move(levels_.back().directories.back());
      levels_.back().directories.pop_back();
      entered = enter(current(), name);
    }
    if (!entered) return std::unexpected(entered.error());
    return size_;
  }

 private:
  int current() const { return levels_.back().held ? levels_.back().held.get() : below_.get(); }

  /// Adds one entry to the sums; true if it is a directory.
  bool count(int parent, const std::string& name) {
    struct stat status{};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const bool directory = S_ISDIR(status.st_mode);
    if (!directory) {
      ++size_.files;
      if (status.st_nlink > 1 && !linked_.emplace(status.st_dev, status.st_ino).second)
        return false;
    }
    size_.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    if (S_ISREG(status.st_mode)) size_.apparent_bytes += static_cast<std::uint64_t>(status.st_size);
    return directory;
  }

  Result<void> enter(int parent, const std::string& name) {
    Fd directory = open_to_list(parent, name);
    struct stat status{};
    if (!directory || ::fstat(directory.get(), &status) != 0) {
      if (has_vanished(errno)) return {};
      const int error_number = errno;
      return std::unexpected(
          errno_error(error_number, fmt::format("cannot measure {}", to_one_line(name))));
    }
    Level level{{status.st_dev, status.st_ino}, {}, {}};
    auto names = directory_names(directory.get());
    if (!names) return std::unexpected(names.error());
    for (std::string& inner : *names) {
      if (count(directory.get(), inner)) level.directories.push_back(std::move(inner));
    }
    (levels_.size() < kHeldLevels ? level.held : below_) = std::move(directory);
    levels_.push_back(std::move(level));
    return {};
  }

  /// Back to the parent; to the nearest one that is held open if the parent is not above any more.
  void leave() {
    levels_.pop_back();
    if (levels_.empty() || levels_.back().held) return;
    below_ = Fd(::openat(below_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    const bool known = below_ && ::fstat(below_.get(), &status) == 0 &&
                       Inode{status.st_dev, status.st_ino} == levels_.back().inode;
    while (!known && !levels_.back().held) levels_.pop_back();
  }

  TreeSize size_;
  std::set<Inode> linked_;  ///< inodes with several names that were counted
  std::vector<Level> levels_;
  Fd below_;  ///< the current directory, if it is deeper than kHeldLevels
};

}  // namespace

Result<TreeSize> measure_tree(const std::filesystem::path& path) {
  return TreeWalk().measure(path.native());
}

}  // namespace flashpods
