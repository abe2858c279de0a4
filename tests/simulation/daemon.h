#pragma once

#include <memory>

#include "async/task_group.h"
#include "base/random.h"
#include "jobs/reconciler.h"
#include "simulation/containers.h"
#include "simulation/invariants.h"
#include "simulation/simulated_executor.h"
#include "simulation/simulated_files.h"
#include "simulation/simulated_store.h"
#include "uploads/uploads.h"

namespace flashpods::simulation {

/// What survives a daemon: the host.
struct Host {
  Scheduler& scheduler;
  SqliteStore& database;
  Disk& disk;
  Containers& containers;
  Invariants& invariants;
  const jobs::JobLimits& job_limits;
  uploads::Limits upload_limits;
  Faults& faults;
  Bug bug;
};

/// One life of flashpodsd: the real domain between simulated surroundings.
class Daemon {
 public:
  /// `number`: which life of this host's daemon it is.
  Daemon(Host host, int number, std::uint64_t seed);
  ~Daemon();  ///< after kill()

  /// Recovery and the sweeps, in the background.
  void start();
  /// Ends every coroutine where it waits.
  void kill();

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool serves() const { return serves_; }
  [[nodiscard]] jobs::Lifecycle& jobs() { return jobs_; }
  [[nodiscard]] uploads::Uploads& uploads() { return uploads_; }

 private:
  Awaitable<void> recover();

  Host host_;
  int number_;
  SeededRandom random_;
  SimulatedTimer timer_;
  Log log_;
  SimulatedStore store_;
  SimulatedExecutor executor_;
  SimulatedJobFiles job_files_;
  SimulatedUploadFiles upload_files_;
  uploads::Uploads uploads_;
  jobs::Lifecycle jobs_;
  jobs::Retention retention_;
  jobs::Reconciler reconciler_;
  TaskGroup tasks_;
  bool serves_ = false;
};

}  // namespace flashpods::simulation
