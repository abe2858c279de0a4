// Walking a tree of any depth with a bounded number of descriptors.

#include "base/tree_walk.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/directory_names.h"
#include "base/text.h"

namespace flashpods {

namespace {

/// Directories above this depth stay open; below it ".." leads back, and is checked to be the
/// directory we came from: something may have moved it meanwhile.
constexpr std::size_t kHeldLevels = 64;
constexpr int kPathOnly = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

using Inode = std::pair<dev_t, ino_t>;

struct Level {
  Inode inode;
  Fd held;                               ///< empty below kHeldLevels
  std::vector<std::string> directories;  ///< still to be entered
  std::optional<mode_t> closed;          ///< the mode that comes back, if we opened it
  std::size_t path_bytes = 0;            ///< of its path below the top, with a slash behind it
};

bool has_vanished(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

bool is_of_another(int directory) {
  struct stat status{};
  return ::fstat(directory, &status) == 0 && status.st_uid != ::geteuid();
}

std::unexpected<Error> failure(int error_number, std::string_view what, std::string_view name) {
  return std::unexpected(errno_error(error_number, fmt::format("{} {}", what, to_one_line(name))));
}

/// Opens a directory of ours, and notes the mode it had. One that is open by now is open for
/// another walk, which gives it its mode back.
void open_up(int directory, std::optional<mode_t>& closed) {
  struct stat status{};
  if (::fstat(directory, &status) != 0 || (status.st_mode & S_IRWXU) == S_IRWXU) return;
  open_for_owner(directory);
  if (!closed) closed = status.st_mode & 07777;
}

/// Unless somebody gave it another mode since it was opened.
void close_again(int directory, mode_t closed) {
  struct stat status{};
  if (::fstat(directory, &status) != 0 || (status.st_mode & 07777) != (closed | S_IRWXU)) return;
  // fchmod(2) refuses O_PATH descriptors; the magic link leads to exactly this inode.
  const std::string link = fmt::format("/proc/self/fd/{}", directory);
  [[maybe_unused]] const int changed = ::chmod(link.c_str(), closed);
}

/// `call` in a directory that may be closed, also by another walk that has just left it. Fails as
/// `call` does: with -1 and errno.
template <class Call>
int in_open(int directory, std::optional<mode_t>& closed, Call call) {
  const int result = call();
  if (result >= 0 || errno != EACCES) return result;
  open_up(directory, closed);
  return call();
}

class TreeWalk {
 public:
  using Visit = std::function<Result<void>(const TreeEntry&)>;

  TreeWalk(Foreign foreign, const Visit& visit) : foreign_(foreign), visit_(visit) {}
  /// After an error too.
  ~TreeWalk() {
    while (!levels_.empty()) leave();
  }
  TreeWalk(const TreeWalk&) = delete;
  TreeWalk& operator=(const TreeWalk&) = delete;

  Result<void> run(Fd top) {
    auto entered = enter(std::move(top), 0);
    while (entered && !levels_.empty()) {
      if (levels_.back().directories.empty()) {
        leave();
        continue;
      }
      const std::string name = std::move(levels_.back().directories.back());
      levels_.back().directories.pop_back();
      entered = enter(name);
    }
    return entered;
  }

 private:
  int current() const { return levels_.back().held ? levels_.back().held.get() : below_.get(); }

  Result<void> enter(const std::string& name) {
    const int parent = current();
    Level& from = levels_.back();
    const std::size_t path_bytes = from.path_bytes + name.size() + 1;
    Fd directory(
        in_open(parent, from.closed, [&] { return ::openat(parent, name.c_str(), kPathOnly); }));
    if (directory) return enter(std::move(directory), path_bytes);
    const int error_number = errno;
    if (is_left_out(error_number, parent)) return {};
    return failure(error_number, "cannot enter", name);
  }

  Result<void> enter(Fd directory, std::size_t path_bytes) {
    struct stat status{};
    if (::fstat(directory.get(), &status) != 0) {
      return std::unexpected(errno_error("cannot look at a directory"));
    }
    Level level{{status.st_dev, status.st_ino}, {}, {}, {}, path_bytes};
    (levels_.size() < kHeldLevels ? level.held : below_) = std::move(directory);
    levels_.push_back(std::move(level));
    auto names = list();
    if (!names) return std::unexpected(names.error());
    for (std::string& name : *names) {
      if (auto shown = show(name); !shown) return shown;
    }
    return {};
  }

  /// Of the current directory.
  Result<std::vector<std::string>> list() {
    const int directory = current();
    const Fd listed(in_open(directory, levels_.back().closed, [&] {
      return ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }));
    if (listed) return directory_names(listed.get());
    const int error_number = errno;
    if (is_left_out(error_number, directory)) return std::vector<std::string>{};
    return std::unexpected(errno_error(error_number, "cannot list a directory"));
  }

  Result<void> show(std::string& name) {
    const int directory = current();
    Level& level = levels_.back();
    struct stat status{};
    const int found = in_open(directory, level.closed, [&] {
      return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    });
    const int error_number = errno;
    if (found != 0 && is_left_out(error_number, directory)) return {};
    if (found != 0) return failure(error_number, "cannot look at", name);
    auto seen = visit_({directory, name, status, level.path_bytes + name.size()});
    if (seen && S_ISDIR(status.st_mode)) level.directories.push_back(std::move(name));
    return seen;
  }

  bool is_left_out(int error_number, int directory) const {
    return has_vanished(error_number) ||
           (error_number == EACCES && foreign_ == Foreign::kSkipped && is_of_another(directory));
  }

  /// Back to the parent; to the nearest one that is held open if the parent is not above any more.
  void leave() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    const Fd left = std::move(level.held ? level.held : below_);
    const bool climbs = !levels_.empty() && !levels_.back().held;
    if (climbs && !climb(left.get(), level.closed)) {
      while (!levels_.back().held) levels_.pop_back();
    }
    if (level.closed) close_again(left.get(), *level.closed);
  }

  bool climb(int left, std::optional<mode_t>& closed) {
    below_ = Fd(in_open(left, closed, [&] { return ::openat(left, "..", kPathOnly); }));
    struct stat status{};
    return below_ && ::fstat(below_.get(), &status) == 0 &&
           Inode{status.st_dev, status.st_ino} == levels_.back().inode;
  }

  Foreign foreign_;
  const Visit& visit_;
  std::vector<Level> levels_;
  Fd below_;  ///< the current directory, if it is deeper than kHeldLevels
};

}  // namespace

Result<void> walk_tree(Fd top, Foreign foreign,
                       const std::function<Result<void>(const TreeEntry& entry)>& visit) {
  return TreeWalk(foreign, visit).run(std::move(top));
}

}  // namespace flashpods
