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
  /// `record`: podman's, which says where the container's own layers are.
  DiskWatch(PodmanTool& tool, const jobs::ContainerSpec& spec,
            const podman::ContainerRecord& record);

  /// When to look next, since boot.
  [[nodiscard]] Milliseconds next_look() const { return next_look_; }

  /// Looks, if it is time. Why the job must end; nothing if it may go on. While trees are counted
  /// the loop turns; `give_up` ends the count, and so does the moment `until`.
  [[nodiscard]] std::optional<std::string> look(Milliseconds until,
                                                const std::function<bool()>& give_up);

 private:
  [[nodiscard]] DiskBudget::Free free_now() const;

  PodmanTool& tool_;
  pid_t init_;
  std::vector<std::string> trees_;
  DiskBudget budget_;
  Milliseconds next_look_;
};

}  // namespace flashpods::shim
