#pragma once

#include <map>
#include <memory>

#include "async/blocking_pool.h"
#include "async/task_group.h"
#include "async/timer.h"
#include "executors/podman/capabilities.h"
#include "executors/podman/podman_settings.h"
#include "executors/shim/shim_records.h"
#include "jobs/executor.h"
#include "process/command_runner.h"
#include "telemetry/log.h"

namespace flashpods::executors {

class JobFollower;

struct PodmanExecutorConfig {
  std::string instance;      ///< value of the label flashpods-instance
  std::string shim_program;  ///< path of flashpods-shim
  podman::PodmanSettings settings;
  /// So many shims of a job in a row that end soon (about two minutes of them), and the executor
  /// ends the container itself.
  int most_shim_deaths = 20;
};

/// Runs jobs as rootless podman containers, each owned by a flashpods-shim process of its own that
/// outlives us. A second executor over the same directories finds everything again by launch().
/// All on one executor's thread. `tasks` must be closed before this is destroyed; that lets the
/// jobs run on.
class PodmanExecutor final : public jobs::Executor {
 public:
  struct Parts {
    flashpods::Executor executor;
    CommandRunner& runner;
    BlockingPool& pool;
    Timer& timer;
    TaskGroup& tasks;
    Log& log;
  };

  PodmanExecutor(PodmanExecutorConfig config, Parts parts);
  ~PodmanExecutor() override;

  Awaitable<Result<void>> launch(jobs::ContainerSpec spec) override;
  Awaitable<std::variant<jobs::Started, jobs::Exited>> wait_started(std::string job_id) override;
  Awaitable<jobs::Exited> wait_exited(std::string job_id) override;
  /// Also forgets the job: later calls for it need another launch().
  Awaitable<void> wait_removed(std::string job_id) override;
  Awaitable<void> stop(std::string job_id) override;
  Awaitable<Result<void>> force_end(std::string job_id, jobs::EndCause cause) override;
  Awaitable<Result<void>> remove(std::string job_id) override;
  Awaitable<Result<std::vector<jobs::Observed>>> list() override;

  /// Asks podman what it can do here.
  Awaitable<Result<Capabilities>> probe();

 private:
  std::shared_ptr<JobFollower> begin(const jobs::ContainerSpec& spec);
  Awaitable<void> write_and_follow(std::shared_ptr<JobFollower> job, shim::JobRecord record);
  Awaitable<void> end_leftovers(std::string job_id);
  std::shared_ptr<JobFollower> known(const std::string& job_id) const;
  Awaitable<Result<std::string>> podman(std::vector<std::string> argv);

  PodmanExecutorConfig config_;
  Parts with_;
  std::map<std::string, std::shared_ptr<JobFollower>> jobs_;
};

}  // namespace flashpods::executors
