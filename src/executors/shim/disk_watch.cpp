#include "executors/shim/disk_watch.h"

#include <algorithm>

#include "executors/podman/run_command.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/disk_room.h"

namespace flashpods::shim {

namespace {

/// What hangs (a network filesystem) is given up.
constexpr Milliseconds kLongestCount{600'000};

/// The snapshot below /work is the upload's and has a limit of its own; what a job writes over it
/// lies among podman's files of the container, as its root's layer does.
std::vector<std::string> writable_trees(const std::filesystem::path& directory,
                                        const podman::ContainerRecord& record) {
  std::vector<std::string> trees{directory / "artifacts", directory / podman::kScratchDirectory};
  for (const auto& tree : {record.root_layer, record.own_files}) {
    if (tree.starts_with('/')) trees.push_back(tree);
  }
  return trees;
}

}  // namespace

DiskWatch::DiskWatch(PodmanTool& tool, const jobs::ContainerSpec& spec,
                     const std::optional<podman::ContainerRecord>& record, Find find)
    : tool_(tool),
      spec_(spec),
      find_(std::move(find)),
      found_(record.has_value()),
      init_(record ? record->pid : 0),
      trees_(writable_trees(spec.directory, record.value_or(podman::ContainerRecord{}))),
      budget_(new_budget()),
      next_look_(since_boot() + budget_.wait(free_now())) {}

DiskBudget::Free DiskWatch::free_now() const { return free_of(trees_); }

DiskBudget DiskWatch::new_budget() const {
  return {{spec_.max_disk_bytes, spec_.min_free_bytes}, free_now(), since_boot()};
}

/// Counts of less than all are forgotten.
void DiskWatch::find_container(const ToolLimits& limits) {
  if (found_) return;
  const auto record = find_(limits);
  if (!record) return;
  found_ = true;
  init_ = record->pid;
  trees_ = writable_trees(spec_.directory, *record);
  budget_ = new_budget();
}

std::optional<std::string> DiskWatch::look(Milliseconds until,
                                           const std::function<bool()>& give_up) {
  const auto began = since_boot();
  if (began < next_look_) return std::nullopt;
  const ToolLimits limits{std::min(until, began + kLongestCount), give_up, {}};
  find_container(limits);
  const auto free = free_now();
  if (budget_.must_count(free, began)) {
    const auto bytes = disk_use(tool_, limits, init_, trees_);
    budget_.tried(began, since_boot());
    if (bytes) budget_.counted(*bytes, free);
  }
  next_look_ = since_boot() + budget_.wait(free);
  return budget_.exceeded();
}

}  // namespace flashpods::shim
