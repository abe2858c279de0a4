#include "executors/shim/disk_room.h"

#include <algorithm>
#include <sys/statvfs.h>

namespace flashpods::shim {

namespace {

/// ext4 by itself makes an inode for each 16 KiB (mke2fs.conf(5)).
std::uint64_t room_in(const std::string& directory) {
  constexpr std::uint64_t kBytesPerInode = 16384;
  struct statvfs system{};
  if (::statvfs(directory.c_str(), &system) != 0) return UINT64_MAX;
  const auto bytes = std::uint64_t{system.f_bavail} * system.f_frsize;
  const bool counts_inodes = system.f_files > 0;
  return counts_inodes ? std::min(bytes, system.f_favail * kBytesPerInode) : bytes;
}

}  // namespace

DiskBudget::Free free_of(const std::vector<std::string>& directories) {
  DiskBudget::Free all;
  for (const auto& directory : directories) all.push_back(room_in(directory));
  return all;
}

}  // namespace flashpods::shim
