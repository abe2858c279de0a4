#pragma once
// For tests of what happens when a disk is full.

#include <filesystem>
#include <sys/mount.h>

namespace flashpods {

/// While it lives, `directory` is a filesystem with room for 64 KiB. Needs root.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path directory)
      : directory_(std::move(directory)),
        mounted_(::mount("none", directory_.c_str(), "tmpfs", 0, "size=64k") == 0) {}
  ~SmallDisk() {
    if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::filesystem::path directory_;
  bool mounted_;
};

}  // namespace flashpods
