#include <cerrno>
#include <fcntl.h>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "base/tree_walk.h"

namespace flashpods {

namespace {

constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks, stat(3type)

class TreeSum {
 public:
  void add(const struct stat& status) {
    const bool directory = S_ISDIR(status.st_mode);
    if (!directory) ++size_.files;
    const bool linked = !directory && status.st_nlink > 1;
    if (linked && !linked_.emplace(status.st_dev, status.st_ino).second) return;
    size_.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    if (S_ISREG(status.st_mode)) size_.apparent_bytes += static_cast<std::uint64_t>(status.st_size);
  }

  [[nodiscard]] const TreeSize& size() const { return size_; }

 private:
  TreeSize size_;
  std::set<std::pair<dev_t, ino_t>> linked_;  ///< inodes with several names that were counted
};

}  // namespace

Result<TreeSize> measure_tree(const std::filesystem::path& path) {
  TreeSum sum;
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return sum.size();
  sum.add(status);
  if (!S_ISDIR(status.st_mode)) return sum.size();
  Fd top(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top && errno == ENOENT) return sum.size();
  if (!top) {
    return std::unexpected(
        errno_error(fmt::format("cannot measure {}", to_one_line(path.native()))));
  }
  const auto walked = walk_tree(std::move(top), Foreign::kFails, [&](const TreeEntry& entry) {
    sum.add(entry.status);
    return Result<void>{};
  });
  if (!walked) return std::unexpected(walked.error());
  return sum.size();
}

}  // namespace flashpods
