#include "executors/shim/image_room.h"

#include <fmt/format.h>

#include "base/text.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/disk_room.h"

namespace flashpods::shim {

ImageRoom::ImageRoom(PollLoop& loop, std::vector<std::string> places, std::uint64_t floor_bytes)
    : loop_(loop),
      places_(std::move(places)),
      floor_bytes_(floor_bytes),
      budget_({0, floor_bytes}, free_of(places_), since_boot()) {}

bool ImageRoom::is_short() {
  if (short_ || since_boot() < next_look_) return short_;
  const auto free = free_of(places_);
  short_ = budget_.is_low(free);
  next_look_ = since_boot() + budget_.wait(free);
  loop_.call_at(next_look_, [] {});  // or nothing makes it turn, and look here
  return short_;
}

std::string ImageRoom::explanation() const {
  return fmt::format(
      "The image needs more room than the host can spare: less than {} of its disk were left "
      "(jobs.min_free_disk_gb).",
      to_human_size(floor_bytes_));
}

}  // namespace flashpods::shim
