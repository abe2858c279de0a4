#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "jobs/executor.h"
#include "simulation/disk.h"
#include "simulation/faults.h"
#include "simulation/scheduler.h"

namespace flashpods::simulation {

/// A container and the shim that owns it, as decided when it was made.
struct Container {
  enum class Phase : std::uint8_t { kMade, kRunning, kEnded, kGone };
  enum class Shim : std::uint8_t {
    kWorks,
    kDead,   ///< the daemon starts another, unless the job prevents it
    kStuck,  ///< holds its lock, and does nothing any more
  };

  jobs::ContainerSpec spec;
  Phase phase = Phase::kMade;  ///< in truth
  Phase noted = Phase::kMade;  ///< in the job's files, where a daemon reads it
  Shim shim = Shim::kWorks;
  bool stop_asked = false;
  jobs::Started started;
  jobs::Exited exited;
  int exit_code = 0;          ///< what the command will end with
  bool starts = true;         ///< false: the image is not found
  bool endless = false;       ///< the command does not end by itself
  bool hostile = false;       ///< once it runs, its shim dies and no other can be started
  int force_failures = 0;     ///< so many attempts to end it by force fail or hang
  bool forced_early = false;  ///< ended by force although it still had time
  Milliseconds runs_for{0};
  Milliseconds made{0};  ///< by the clock that never jumps, as the next
  Milliseconds began{0};
  Content says = 0;               ///< its output
  std::optional<Content> writes;  ///< its artifact
  bool log_kept = false;          ///< its end was noted, with all of the log
  bool cut_short = false;         ///< the power went while it ran: what it wrote may be gone
  std::uint64_t log_change = 0;   ///< which change of the disk made its log
};

/// The containers of the host. They go on while the daemon is dead.
class Containers {
 public:
  Containers(Scheduler& scheduler, Disk& disk, Bug bug)
      : scheduler_(scheduler), disk_(disk), bug_(bug) {}

  /// A shim has the job's specification: from here on it makes the container, once.
  void make(jobs::ContainerSpec spec);
  /// Another shim, if there was one. Each makes the log or opens it again.
  void adopt(const std::string& job_id);
  void ask_to_stop(const std::string& job_id);
  /// Whether an attempt to end it by force fails this time.
  [[nodiscard]] bool resists(const std::string& job_id);
  /// Killed and removed without its shim; the end is its own if there was one.
  void force_end(const std::string& job_id, jobs::EndCause cause);
  /// Its end and removal stand in the job's files.
  void note_forced_end(const std::string& job_id);
  /// podman rm --force.
  void remove(const std::string& job_id);

  [[nodiscard]] const Container* find(const std::string& job_id) const;
  [[nodiscard]] const std::map<std::string, Container>& all() const { return containers_; }

  /// One thing happens to one container. False if nothing can. Only a daemon that lives starts
  /// another shim.
  bool advance(bool daemon_lives = true);
  /// A shim is killed or stopped.
  void break_a_shim();
  /// Somebody removes one behind our back.
  void vanish();
  /// The host goes down: nothing runs any more, and nobody knows with which exit code.
  void cut_power();

  /// How often a job's command was started, ever.
  [[nodiscard]] int starts_of(const std::string& job_id) const;

 private:
  [[nodiscard]] bool can_advance(const Container& container, bool daemon_lives) const;
  void advance(Container& container);
  void advance_running(Container& container);
  void restart_shim(Container& container);
  [[nodiscard]] bool is_overdue(const Container& container) const;
  void start(Container& container);
  /// The shim syncs the log, if that is all of it, and notes what happened.
  void note(Container& container);
  void sync_log(Container& container);
  void be_over(Container& container, jobs::EndCause cause, std::optional<int> code);

  Scheduler& scheduler_;
  Disk& disk_;
  Bug bug_;
  std::map<std::string, Container> containers_;
  std::map<std::string, int> starts_;
};

}  // namespace flashpods::simulation
