#include "uploads/flush_tree.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory_names.h"
#include "base/fd.h"

namespace flashpods::uploads {

namespace {

/// So few are flushed one by one. It costs a journal commit each at worst, and spares a small
/// upload the wait for everything that builds and other uploads have written; above it one
/// syncfs(2) is the shorter way.
constexpr std::size_t kFew = 64;

constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

Result<void> flushed(int result) {
  if (result == 0) return {};
  return std::unexpected(errno_error("cannot flush the upload to disk"));
}

/// Flushes entry by entry what has at most kFew of them. Links, FIFOs and the like have no bytes of
/// their own: they are on the disk with their directory.
class FewEntries {
 public:
  /// False if they are more, or one does not open: its owner may have closed it. No deeper than
  /// there are entries.
  Result<bool> flush(int directory) {
    const auto names = directory_names(directory);
    if (!names || names->size() > left_) return false;
    left_ -= names->size();
    for (const std::string& name : *names) {
      const auto done = flush_entry(directory, name);
      if (!done || !*done) return done;
    }
    const auto done = flushed(::fsync(directory));
    return done ? Result<bool>(true) : std::unexpected(done.error());
  }

 private:
  Result<bool> flush_entry(int directory, const std::string& name) {
    struct stat status{};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return true;
    const Fd entry(::openat(directory, name.c_str(), kFlags));
    if (!entry) return false;
    if (S_ISDIR(status.st_mode)) return flush(entry.get());
    const auto done = flushed(::fsync(entry.get()));
    return done ? Result<bool>(true) : std::unexpected(done.error());
  }

  std::size_t left_ = kFew;
};

}  // namespace

Result<void> flush_tree(const std::filesystem::path& path) {
  // Of the parent, which is ours: the upload's own directory may be closed. Opened before the first
  // fsync, so that an error which nobody was told yet is told here.
  const Fd above(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above) return std::unexpected(errno_error("cannot open the upload"));
  const Fd top(::openat(above.get(), path.filename().c_str(), kFlags | O_DIRECTORY));
  if (!top && errno != EACCES) return std::unexpected(errno_error("cannot open the upload"));
  const auto few = top ? FewEntries().flush(top.get()) : Result<bool>(false);
  if (!few) return std::unexpected(few.error());
  return *few ? Result<void>{} : flushed(::syncfs(above.get()));
}

}  // namespace flashpods::uploads
