#pragma once

#include <functional>

#include "executors/podman/container_record.h"
#include "executors/shim/disk_budget.h"
#include "executors/shim/disk_use.h"
#include "jobs/executor.h"

namespace flashpods::shim {

/// Keeps a running job within its disk budget: everything that its container can write to.
class DiskWatch {
 public:
  /// Podman's record, which says where the container's own layers are; nothing if podman does not
  /// answer within the limits.
  using Find = std::function<std::optional<podman::ContainerRecord>(const ToolLimits&)>;

  /// Without `record` each look asks `find` for it; until it comes only what is known counts.
  DiskWatch(PodmanTool& tool, const jobs::ContainerSpec& spec,
            const std::optional<podman::ContainerRecord>& record, Find find);

  /// When to look next, since boot.
  [[nodiscard]] Milliseconds next_look() const { return next_look_; }

  /// Looks, if it is time. Why the job must end; nothing if it may go on. While trees are counted
  /// the loop turns; `give_up` ends the count, and so does the moment `until`.
  [[nodiscard]] std::optional<std::string> look(Milliseconds until,
                                                const std::function<bool()>& give_up);

 private:
  [[nodiscard]] DiskBudget::Free free_now() const;
  [[nodiscard]] DiskBudget new_budget() const;
  void find_container(const ToolLimits& limits);

  PodmanTool& tool_;
  const jobs::ContainerSpec& spec_;
  Find find_;
  bool found_;
  pid_t init_;
  std::vector<std::string> trees_;
  DiskBudget budget_;
  Milliseconds next_look_;
};

}  // namespace flashpods::shim
