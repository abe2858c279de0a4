#include "executors/shim/read_only_mount.h"

#include <fcntl.h>
#include <sys/mount.h>

namespace flashpods::shim {

namespace {

constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

/// The descriptor is invalid where the kernel or the privileges do not allow a clone.
Fd clone_mount(const std::filesystem::path& directory) {
  Fd clone(::open_tree(AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  mount_attr attributes{};
  attributes.attr_set =
      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (clone &&
      ::mount_setattr(clone.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    clone.reset();
  }
  return clone;
}

}  // namespace

Result<Fd> open_fifo_for_job(const std::filesystem::path& directory, const char* name) {
  const auto relative = directory.filename() / name;
  const Fd clone = clone_mount(directory.parent_path());
  Fd fifo(clone ? ::openat(clone.get(), relative.c_str(), kFlags)
                : ::open((directory / name).c_str(), kFlags));
  if (!fifo) return std::unexpected(errno_error("cannot open " + (directory / name).string()));
  return fifo;
}

}  // namespace flashpods::shim
