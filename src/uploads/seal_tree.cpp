#include "uploads/seal_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <climits>
#include <fmt/format.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/tree_walk.h"
#include "uploads/rsync_config.h"

namespace flashpods::uploads {

namespace {

constexpr mode_t kSpecialBits = S_ISUID | S_ISGID | S_ISVTX;
constexpr mode_t kPermissions = 07777;
constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks, stat(3type)
/// What an inode takes on disk beside its blocks, its name included; as for a job's own disk use
/// (executors/shim/disk_use). Empty files would otherwise cost nothing.
constexpr std::uint64_t kPerInode = 4096;

bool change_mode(int path_only, mode_t mode) {
  return ::chmod(fmt::format("/proc/self/fd/{}", path_only).c_str(), mode) == 0;
}

bool is_device(const struct stat& status) {
  return S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode);
}

std::string link_target(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  return {target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

/// The link with another target, with its time, in one rename from `scratch`, a path outside the
/// tree: inside, any name may be the client's.
bool replace_link(const TreeEntry& link, const std::string& target, const std::string& scratch) {
  const timespec times[] = {link.status.st_atim, link.status.st_mtim};
  ::unlink(scratch.c_str());
  return ::symlink(target.c_str(), scratch.c_str()) == 0 &&
         ::utimensat(AT_FDCWD, scratch.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::renameat(AT_FDCWD, scratch.c_str(), link.directory, link.name.c_str()) == 0;
}

std::unexpected<Error> not_changed(const std::string& name) {
  return std::unexpected(errno_error("cannot change " + to_one_line(name)));
}

/// `change` in a directory, whose own mode and times come back.
template <class Change>
Result<void> change_in(const TreeEntry& entry, Change change) {
  struct stat before{};
  if (::fstat(entry.directory, &before) != 0) return not_changed(entry.name);
  const bool writable = (before.st_mode & S_IWUSR) != 0;
  if (!writable) change_mode(entry.directory, (before.st_mode & kPermissions) | S_IWUSR);
  const Result<void> changed = change() ? Result<void>{} : not_changed(entry.name);
  if (!writable) change_mode(entry.directory, before.st_mode & kPermissions);
  const timespec times[] = {before.st_atim, before.st_mtim};
  ::utimensat(entry.directory, ".", times, 0);
  return changed;
}

Result<void> strip_special_bits(const TreeEntry& entry) {
  if ((entry.status.st_mode & kSpecialBits) == 0) return {};
  const mode_t mode = entry.status.st_mode & kPermissions & ~kSpecialBits;
  if (::fchmodat(entry.directory, entry.name.c_str(), mode, AT_SYMLINK_NOFOLLOW) == 0) return {};
  return std::unexpected(errno_error("cannot take setuid off " + to_one_line(entry.name)));
}

/// The link as the client sent it.
Result<void> restore_link(const TreeEntry& entry, const std::string& scratch) {
  const std::string target = link_target(entry.directory, entry.name);
  if (!target.starts_with(kMungedPrefix)) return {};
  return change_in(
      entry, [&] { return replace_link(entry, target.substr(kMungedPrefix.size()), scratch); });
}

/// The link as rsync stores it.
Result<void> munge_link(const TreeEntry& entry, const std::string& scratch) {
  const std::string target = link_target(entry.directory, entry.name);
  if (target.starts_with(kMungedPrefix)) return {};
  return change_in(
      entry, [&] { return replace_link(entry, std::string{kMungedPrefix} + target, scratch); });
}

class ContentCount {
 public:
  explicit ContentCount(int top) {
    struct stat status{};
    if (::fstat(top, &status) == 0) tree_.disk_bytes = blocks(status);
  }

  void add(const TreeEntry& entry) {
    const struct stat& status = entry.status;
    ++tree_.entries;
    tree_.longest_path = std::max(tree_.longest_path, entry.path_bytes);
    if (!S_ISDIR(status.st_mode)) ++tree_.files;
    const bool linked = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
    if (S_ISREG(status.st_mode)) tree_.size_bytes += static_cast<std::uint64_t>(status.st_size);
    if (linked && !linked_.emplace(status.st_dev, status.st_ino).second) return;
    tree_.disk_bytes += blocks(status) + kPerInode;
  }

  [[nodiscard]] const TreeContent& content() const { return tree_; }

 private:
  static std::uint64_t blocks(const struct stat& status) {
    return static_cast<std::uint64_t>(status.st_blocks) * kBlock;
  }

  TreeContent tree_;
  std::set<std::pair<dev_t, ino_t>> linked_;  ///< inodes with several names that were counted
};

Fd open_top(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

void strip_top(int top) {
  struct stat status{};
  if (::fstat(top, &status) != 0 || (status.st_mode & kSpecialBits) == 0) return;
  change_mode(top, status.st_mode & kPermissions & ~kSpecialBits);
}

/// Beside the tree: inside, any name may be the client's.
std::string scratch_beside(const std::filesystem::path& path) {
  return path.parent_path() / (".link-" + path.filename().native());
}

}  // namespace

Result<TreeContent> seal_tree(const std::filesystem::path& path) {
  Fd top = open_top(path);
  if (!top) return std::unexpected(errno_error("cannot open the upload"));
  strip_top(top.get());
  ContentCount count(top.get());
  const auto seal_entry = [&, scratch = scratch_beside(path)](const TreeEntry& entry) {
    if (is_device(entry.status)) {
      return change_in(entry,
                       [&] { return ::unlinkat(entry.directory, entry.name.c_str(), 0) == 0; });
    }
    count.add(entry);
    if (S_ISLNK(entry.status.st_mode)) return restore_link(entry, scratch);
    return strip_special_bits(entry);
  };
  const auto walked = walk_tree(std::move(top), Foreign::kFails, seal_entry);
  if (!walked) return std::unexpected(walked.error());
  return count.content();
}

Result<TreeContent> reopen_tree(const std::filesystem::path& path) {
  Fd top = open_top(path);
  if (!top && errno == ENOENT) return TreeContent{};
  if (!top) return std::unexpected(errno_error("cannot open the upload"));
  ContentCount count(top.get());
  const auto reopen_entry = [&, scratch = scratch_beside(path)](const TreeEntry& entry) {
    count.add(entry);
    return S_ISLNK(entry.status.st_mode) ? munge_link(entry, scratch) : Result<void>{};
  };
  const auto walked = walk_tree(std::move(top), Foreign::kFails, reopen_entry);
  if (!walked) return std::unexpected(walked.error());
  return count.content();
}

Result<TreeContent> measure_upload(const std::filesystem::path& path) {
  Fd top = open_top(path);
  if (!top && errno == ENOENT) return TreeContent{};
  if (!top) return std::unexpected(errno_error("cannot open the upload"));
  ContentCount count(top.get());
  const auto walked = walk_tree(std::move(top), Foreign::kSkipped, [&](const TreeEntry& entry) {
    count.add(entry);
    return Result<void>{};
  });
  if (!walked) return std::unexpected(walked.error());
  return count.content();
}

}  // namespace flashpods::uploads
