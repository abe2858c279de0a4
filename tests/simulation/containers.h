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

  jobs::ContainerSpec spec;
  Phase phase = Phase::kMade;
  bool stop_asked = false;
  jobs::Started started;
  jobs::Exited exited;
  int exit_code = 0;   ///< what the command will end with
  bool starts = true;  ///< false: the image is not found
  Milliseconds runs_for{0};
  Milliseconds began{0};          ///< by the clock that never jumps
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
  /// Killed and removed without its shim; the end is its own if there was one.
  void force_end(const std::string& job_id, jobs::EndCause cause);
  /// podman rm --force.
  void remove(const std::string& job_id);

  [[nodiscard]] const Container* find(const std::string& job_id) const;
  [[nodiscard]] const std::map<std::string, Container>& all() const { return containers_; }

  /// One thing happens to one container. False if nothing can.
  bool advance();
  /// Somebody removes one behind our back.
  void vanish();
  /// The host goes down: nothing runs any more, and nobody knows with which exit code.
  void cut_power();

  /// How often a job's command was started, ever.
  [[nodiscard]] int starts_of(const std::string& job_id) const;

 private:
  bool advance(Container& container);
  void start(Container& container);
  /// The shim syncs the log and notes the end.
  void end(Container& container, jobs::EndCause cause, std::optional<int> code);
  void be_over(Container& container, jobs::EndCause cause, std::optional<int> code);

  Scheduler& scheduler_;
  Disk& disk_;
  Bug bug_;
  std::map<std::string, Container> containers_;
  std::map<std::string, int> starts_;
};

}  // namespace flashpods::simulation
