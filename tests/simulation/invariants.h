#pragma once

#include <map>
#include <string>

#include "jobs/limits.h"
#include "jobs/repository.h"
#include "simulation/containers.h"
#include "simulation/disk.h"
#include "simulation/trace.h"

namespace flashpods::simulation {

/// What clients were told and may rely on.
struct Promises {
  std::map<std::string, std::string> job_of_key;  ///< client_job_id → job, while not cleaned
  std::set<std::string> acknowledged;             ///< jobs
  std::set<std::string> stopped;                  ///< jobs that were not over yet
};

/// The three promises as checks. Looks at every commit, and at the end at everything.
class Invariants {
 public:
  Invariants(Scheduler& scheduler, Disk& disk, Containers& containers,
             const jobs::JobLimits& limits)
      : scheduler_(scheduler), disk_(disk), containers_(containers), limits_(limits) {}

  Promises promises;

  /// The latest that the wall clock ever said: what was due then may be gone.
  [[nodiscard]] Time latest() const { return latest_; }

  [[nodiscard]] bool is_cleaned(const std::string& job_id) const;

  /// Inside each transaction that is kept.
  void after_commit(Transaction& tx);

  /// From now on this daemon's time counts: it knows no more than the last one wrote down.
  void daemon_started() { daemon_since_ = scheduler_.clock().monotonic(); }

  [[nodiscard]] bool all_released() const;

  /// Between any two steps.
  void at_any_time();

  /// Once nothing goes wrong any more and all is quiet: every job is over and released.
  void at_rest(Transaction& tx);

  /// Long after: nothing is left on the disk.
  void long_after(Transaction& tx);

 private:
  struct Seen;  // what they read of a job's row
  static std::vector<Seen> jobs_in(Transaction& tx);
  void check_transition(const Seen& job);
  void check_outcome(const Seen& job);
  void note_end_before_stop(const Seen& job);
  void check_kept(const Seen& job);
  void check_reason(const Seen& job);
  void note_times(const Seen& job);
  void check_times();
  void look_at_uploads(Transaction& tx);
  void check_uploads();
  void check_admission(Transaction& tx);
  void violation(const std::string& job, const std::string& what);

  Scheduler& scheduler_;
  Disk& disk_;
  Containers& containers_;
  const jobs::JobLimits& limits_;
  /// An upload that is final, whatever became of it since.
  struct Snapshot {
    Content content = 0;
    bool wanted = true;  ///< nobody has it yet and its time is not over
    std::string job_id;  ///< whose work it becomes
  };

  std::map<std::string, jobs::Status> last_;
  std::map<std::string, Snapshot> snapshots_;
  std::set<std::string> over_;
  std::set<std::string> ended_before_stop_;
  /// Since when, by the clock that never jumps.
  struct Life {
    std::optional<Milliseconds> starting;
    std::optional<Milliseconds> stop;
    std::optional<Milliseconds> over;
    Milliseconds run_limit{0};
    bool runs = false;
    bool released = false;
  };
  /// By when a job that is not over must be, or one that is over must be released.
  [[nodiscard]] std::optional<Milliseconds> due(const std::string& id, const Life& life) const;

  std::map<std::string, Life> lives_;
  Milliseconds daemon_since_{0};
  std::int64_t changes_ = -1;  ///< of the database, at the last look
  Time latest_{};
};

}  // namespace flashpods::simulation
