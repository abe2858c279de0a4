#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "executors/shim/disk_budget.h"
#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

/// Whether an image leaves the host the free space that it must keep. A few megabytes that are sent
/// can be any number of gigabytes on the disk, and no job's budget counts them: images are shared.
class ImageRoom {
 public:
  /// `places` are directories that podman writes to while it pulls; 0 bytes: no floor.
  ImageRoom(PollLoop& loop, std::vector<std::string> places, std::uint64_t floor_bytes);

  /// True for good once less than the floor was free. To be asked at each turn of the loop, which
  /// is made to turn often enough.
  [[nodiscard]] bool is_short();

  /// For a person.
  [[nodiscard]] std::string explanation() const;

 private:
  PollLoop& loop_;
  std::vector<std::string> places_;
  std::uint64_t floor_bytes_;
  DiskBudget budget_;
  Milliseconds next_look_{0};
  bool short_ = false;
};

}  // namespace flashpods::shim
