#pragma once

#include <set>
#include <string>

#include "jobs/executor.h"
#include "simulation/containers.h"
#include "simulation/faults.h"
#include "simulation/scheduler.h"

namespace flashpods::simulation {

/// jobs::Executor over the simulated containers: the daemon's side of podman and its shims.
class SimulatedExecutor final : public jobs::Executor {
 public:
  SimulatedExecutor(Scheduler& scheduler, Containers& containers, const Faults& faults, Bug bug)
      : scheduler_(scheduler), containers_(containers), faults_(faults), bug_(bug) {}

  Awaitable<Result<void>> launch(jobs::ContainerSpec spec) override;
  Awaitable<std::variant<jobs::Started, jobs::Exited>> wait_started(std::string job_id) override;
  Awaitable<jobs::Exited> wait_exited(std::string job_id) override;
  Awaitable<void> wait_removed(std::string job_id) override;
  Awaitable<void> stop(std::string job_id) override;
  Awaitable<Result<void>> force_end(std::string job_id, jobs::EndCause cause) override;
  Awaitable<Result<void>> remove(std::string job_id) override;
  Awaitable<Result<std::vector<jobs::Observed>>> list() override;

 private:
  Awaitable<bool> answers(std::string_view what);
  [[nodiscard]] bool is_past(const std::string& job_id, Container::Phase phase) const;
  [[nodiscard]] jobs::Started started(const Container& container) const;
  [[nodiscard]] jobs::Exited exit_of(const std::string& job_id) const;

  Scheduler& scheduler_;
  Containers& containers_;
  const Faults& faults_;
  Bug bug_;
};

}  // namespace flashpods::simulation
