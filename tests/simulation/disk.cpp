#include "simulation/disk.h"

namespace flashpods::simulation {

std::uint64_t Disk::begin_change() {
  pending_.push_back({next_, now});
  return next_++;
}

void Disk::synced(std::uint64_t change) {
  std::erase_if(pending_, [change](const Pending& pending) { return pending.change <= change; });
}

namespace {

/// What the kernel had not yet written.
void lose(const File& file) {
  if (file && !file->synced) file->content = 0;
}

void lose(const Files& files) {
  for (const auto& [id, file] : files) lose(file);
}

}  // namespace

void Disk::cut_power(Scheduler& scheduler) {
  const auto kept = scheduler.below(pending_.size() + 1);
  if (kept < pending_.size()) now = pending_[kept].before;
  pending_.clear();
  rsyncs.clear();
  for (const auto* files : {&now.received, &now.sealed, &now.artifacts, &now.logs}) lose(*files);
  for (const auto& [connection, uploads] : now.transfers) lose(uploads);
  for (const auto& [job, workspace] : now.workspaces) {
    lose(workspace.work);
    lose(workspace.artifact);
  }
}

}  // namespace flashpods::simulation
