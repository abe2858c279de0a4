#include "client/tree_survey.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "client/reply_error.h"

namespace flashpods::client {

namespace {

constexpr std::size_t kLargest = 5;
constexpr std::size_t kSecrets = 20;
constexpr std::size_t kDepthOfTotals = 3;

using DirectoryStream = std::unique_ptr<DIR, int (*)(DIR*)>;

Error unreadable(const std::string& path) {
  return quoting({ErrorKind::kForbidden, "unreadable",
                  "a file or directory of the upload cannot be read" + errno_error("").message +
                      "; change its permissions or exclude it"},
                 path);
}

/// One walk. Paths are relative to the root; a directory is opened by its whole path, which the
/// user's own processes may change at any time: the sums are an estimate, the server's quota is
/// law.
class Survey {
 public:
  Survey(const std::filesystem::path& root, const ExcludeRules& rules, UploadPlan& plan)
      : root_(root.string()), rules_(rules), plan_(plan) {}

  Result<void> run() {
    pending_.emplace_back();
    while (!pending_.empty()) {
      const auto directory = std::move(pending_.back());
      pending_.pop_back();
      auto walked = walk(directory);
      if (!walked) return walked;
    }
    name_largest();
    return {};
  }

 private:
  std::string absolute(const std::string& relative) const {
    return relative.empty() ? root_ : root_ + "/" + relative;
  }

  Result<void> walk(const std::string& directory) {
    const DirectoryStream stream{::opendir(absolute(directory).c_str()), ::closedir};
    if (!stream) return gone() ? Result<void>{} : std::unexpected(unreadable(directory));
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      auto visited = visit(directory.empty() ? name : directory + "/" + name);
      if (!visited) return visited;
    }
    return {};
  }

  static bool gone() { return errno == ENOENT || errno == ENOTDIR; }

  Result<void> visit(const std::string& path) {
    struct stat status{};
    if (::lstat(absolute(path).c_str(), &status) != 0) {
      return gone() ? Result<void>{} : std::unexpected(unreadable(path));
    }
    const bool is_directory = S_ISDIR(status.st_mode);
    if (rules_.excludes(path, is_directory)) return {};
    if (is_directory) {
      pending_.push_back(path);
      return {};
    }
    return count(path, status);
  }

  Result<void> count(const std::string& path, const struct stat& status) {
    ++plan_.files;
    if (!S_ISREG(status.st_mode)) return {};
    if (::access(absolute(path).c_str(), R_OK) != 0 && !gone()) {
      return std::unexpected(unreadable(path));
    }
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    plan_.bytes += bytes;
    add_to_totals(path, bytes);
    if (plan_.secrets.size() < kSecrets && looks_secret(path)) plan_.secrets.push_back(path);
    return {};
  }

  void add_to_totals(const std::string& path, std::uint64_t bytes) {
    std::size_t slash = path.find('/');
    if (slash == std::string::npos) totals_[path] += bytes;
    for (std::size_t depth = 0; slash != std::string::npos && depth < kDepthOfTotals; ++depth) {
      totals_[path.substr(0, slash + 1)] += bytes;
      slash = path.find('/', slash + 1);
    }
  }

  /// Whether nearly all of `parent` is in one directory below it, which is then the one to name.
  bool is_hollow(const SizedPath& parent) const {
    if (!parent.path.ends_with('/')) return false;
    for (auto at = totals_.upper_bound(parent.path);
         at != totals_.end() && at->first.starts_with(parent.path); ++at) {
      if (at->second * 10 >= parent.bytes * 9) return true;
    }
    return false;
  }

  bool is_inside_named(const std::string& path) const {
    return std::ranges::any_of(plan_.largest, [&](const SizedPath& named) {
      return named.path.ends_with('/') && path.starts_with(named.path);
    });
  }

  void name_largest() {
    std::vector<SizedPath> sorted;
    for (const auto& [path, bytes] : totals_) sorted.push_back({path, bytes});
    std::ranges::sort(sorted, [](const SizedPath& a, const SizedPath& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
    });
    for (const auto& entry : sorted) {
      if (plan_.largest.size() == kLargest) break;
      if (!is_inside_named(entry.path) && !is_hollow(entry)) plan_.largest.push_back(entry);
    }
  }

  std::string root_;
  const ExcludeRules& rules_;
  UploadPlan& plan_;
  std::vector<std::string> pending_;
  std::map<std::string, std::uint64_t> totals_;  ///< directories end in '/'
};

}  // namespace

Result<void> survey_tree(const std::filesystem::path& directory, const ExcludeRules& rules,
                         UploadPlan& plan) {
  return Survey{directory, rules, plan}.run();
}

}  // namespace flashpods::client
