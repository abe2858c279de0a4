// Removal of a tree of any depth with two open directories and no recursion: what lies deeper is
// first moved up to the top of the tree, so that no path and no stack grows with it. A removal that
// was interrupted leaves everything beneath the same top, and the next one ends it.

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/directory_names.h"
#include "base/files.h"
#include "base/text.h"

namespace flashpods {

namespace {

/// Something keeps creating files if the top is not empty after so many rounds.
constexpr int kMaxRounds = 100;

std::unexpected<Error> errno_failure(std::string_view name) {
  const int error_number = errno;
  return std::unexpected(
      errno_error(error_number, fmt::format("cannot remove {}", to_one_line(name))));
}

/// The directory itself, never what a link points to, made traversable.
Fd open_closed_directory(int parent, const std::string& name) {
  Fd directory(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory) open_for_owner(directory.get());
  return directory;
}

/// True if it is gone; false if it is a directory.
Result<bool> unlink_file(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  if (errno == EISDIR) return false;
  return errno_failure(name);
}

class TreeRemover {
 public:
  explicit TreeRemover(Fd top) : top_(std::move(top)) {}

  Result<void> empty() {
    for (int round = 0; round < kMaxRounds; ++round) {
      auto names = directory_names(top_.get());
      if (!names) return std::unexpected(names.error());
      if (names->empty()) return {};
      pending_ = std::move(*names);
      if (auto done = remove_pending(); !done) return done;
    }
    errno = ENOTEMPTY;
    return errno_failure("a tree that is still being written to");
  }

 private:
  Result<void> remove_pending() {
    while (!pending_.empty()) {
      const std::string name = std::move(pending_.back());
      pending_.pop_back();
      const auto gone = unlink_file(top_.get(), name);
      if (!gone) return std::unexpected(gone.error());
      if (*gone) continue;
      if (auto done = remove_directory(name); !done) return done;
    }
    return {};
  }

  Result<void> remove_directory(const std::string& name) {
    const Fd directory = open_closed_directory(top_.get(), name);
    if (!directory)
      return errno == ENOENT || errno == ENOTDIR ? Result<void>{} : errno_failure(name);
    auto names = directory_names(directory.get());
    if (!names) return std::unexpected(names.error());
    for (const std::string& inner : *names) {
      if (auto done = remove_or_lift(directory.get(), inner); !done) return done;
    }
    // What appeared meanwhile waits for the next round.
    if (::unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
    return errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY ? Result<void>{}
                                                                     : errno_failure(name);
  }

  Result<void> remove_or_lift(int parent, const std::string& name) {
    const auto gone = unlink_file(parent, name);
    if (!gone) return std::unexpected(gone.error());
    if (*gone || ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return {};
    return lift(parent, name);
  }

  /// Moves a directory up to the top under a name that is free there.
  Result<void> lift(int parent, const std::string& name) {
    // Moving a directory rewrites its "..", for which it must be writable.
    open_closed_directory(parent, name).reset();
    while (true) {
      std::string free_name = fmt::format(".removed-{}", lifted_++);
      if (::renameat2(parent, name.c_str(), top_.get(), free_name.c_str(), RENAME_NOREPLACE) == 0) {
        pending_.push_back(std::move(free_name));
        return {};
      }
      if (errno == ENOENT) return {};
      if (errno != EEXIST) return errno_failure(name);
    }
  }

  Fd top_;
  std::vector<std::string> pending_;
  std::uint64_t lifted_ = 0;
};

}  // namespace

Result<void> remove_tree(const std::filesystem::path& path) {
  const auto whole = path.has_filename() ? path : path.parent_path();
  const std::string name = whole.native();
  const auto gone = unlink_file(AT_FDCWD, name);
  if (!gone) return std::unexpected(gone.error());
  if (*gone) return {};
  Fd top = open_closed_directory(AT_FDCWD, name);
  if (!top) return errno == ENOENT ? Result<void>{} : errno_failure(name);
  if (auto emptied = TreeRemover(std::move(top)).empty(); !emptied) return emptied;
  if (::rmdir(name.c_str()) != 0 && errno != ENOENT) return errno_failure(name);
  return {};
}

}  // namespace flashpods
