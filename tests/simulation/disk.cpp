#include "simulation/disk.h"

namespace flashpods::simulation {

std::uint64_t Disk::begin_change() {
  pending_.push_back({next_, now});
  return next_++;
}

void Disk::synced(std::uint64_t change) {
  std::erase_if(pending_, [change](const Pending& pending) { return pending.change <= change; });
}

void Disk::cut_power(Scheduler& scheduler) {
  const auto kept = scheduler.below(pending_.size() + 1);
  if (kept < pending_.size()) now = pending_[kept].before;
  pending_.clear();
  for (auto& [job, file] : now.artifacts) {
    if (!file.synced) file.content = 0;
  }
  for (auto& [name, transfer] : now.transfers) transfer.live = false;
}

}  // namespace flashpods::simulation
