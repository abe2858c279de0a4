#pragma once
// The seam between job logic and whatever runs a job. One conformance suite runs over every
// implementation (src/executors).

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "async/awaitable.h"
#include "base/clock.h"
#include "base/error.h"

namespace flashpods::jobs {

enum class JobType : std::uint8_t { kWorker, kAgent };
enum class Network : std::uint8_t { kInternet, kNone };
enum class Workspace : std::uint8_t {
  kReadOnly,   ///< the snapshot itself, mounted ro
  kScratch,    ///< copy-on-write over the snapshot, thrown away
  kReadWrite,  ///< an agent's /work: the same overlay
};

/// Everything a container needs, and nothing it does not. Written to the job's directory before
/// anything starts, so that a restarted executor needs no other source.
struct ContainerSpec {
  std::string job_id;  ///< also the container's name
  std::string instance;
  JobType type = JobType::kWorker;
  std::string image;
  std::string command;  ///< worker: for /bin/sh -c; agent: unused (/entrypoint.sh)
  std::map<std::string, std::string> env;  ///< values never appear in an argv
  std::int64_t cpus = 2;
  std::int64_t memory_gb = 4;
  Network network = Network::kInternet;
  Workspace workspace = Workspace::kReadOnly;
  /// The image's files cannot be changed; /tmp, /var/tmp and /run are writable and count as disk.
  bool read_only_root = false;
  /// The job's own directory. Holds `work/` (may be empty) and `artifacts/` before launch; the
  /// executor keeps its own files beside them.
  std::filesystem::path directory;
  std::filesystem::path log_file;  ///< what logs::LogWriter appends to
  std::uint64_t max_log_bytes = 0;
  std::uint64_t max_disk_bytes = 0;  ///< all that the container writes; 0: no limit
  std::uint64_t min_free_bytes = 0;  ///< below, a job that goes on writing ends; 0: nothing
  Seconds start_limit{600};          ///< image pull and start together
  Seconds run_limit{1800};           ///< from the start of the command
  Seconds grace{10};                 ///< between SIGTERM and SIGKILL
  /// After a restart: take up the job if an earlier process handed it over, start nothing anew. A
  /// container that has vanished since ends the job kLost (spec, "API Crash Safety").
  bool adopt_only = false;
};

/// The command runs.
struct Started {
  Time at{};
  std::string container_id;
  std::string image_digest;  ///< "sha256:…", empty if unknown
  /// How long the command had run when the executor reported this, by a clock that no time step
  /// moves. Zero if the executor cannot tell.
  Milliseconds ran_for{0};
};

/// Why it ended. The words are what the `error` column and replies carry.
enum class EndCause : std::uint8_t {
  kExited,     ///< by itself, with an exit code
  kSignalled,  ///< by a signal nobody of us sent
  kOomKilled,
  kTimedOut,
  kCancelled,
  kDiskQuota,    ///< it, or its image, took more than it may, or than the host can spare
  kKernelLimit,  ///< it took more than its share of what the kernel counts for all jobs together
  kImageNotFound,
  kImagePullFailed,
  kStartFailed,
  kLost,  ///< container or its record vanished: no code is guessed
};

/// How it ended, true even if the daemon was down.
struct Exited {
  EndCause cause = EndCause::kExited;
  std::optional<int> exit_code;
  int signal = 0;
  std::string message;  ///< our own words, for a person; quotes nobody
  /// What podman, the OCI runtime or an image's content said about it: hostile text, for whoever
  /// asked for the job.
  std::string details = {};
  /// The same for the host's operator alone: it says what the host can reach.
  std::string log_details = {};
  std::optional<Started> started;
  Time at{};
  std::uint64_t log_bytes = 0;
  bool log_truncated = false;
  bool log_incomplete = false;  ///< output may be missing, though not for the log's limit
  /// The host restarted after this was noted: what the job left may not have reached the disk.
  bool host_restarted_since = false;
};

/// A container of this instance that exists, running or not; or processes of a job, perhaps another
/// instance's, that a start has left without a container.
struct Observed {
  std::string job_id;
  std::string container_id;  ///< empty for processes without a container
  bool running = false;
};

class Executor {
 public:
  virtual ~Executor() = default;

  /// Starts the job, or finds it again: safe to call any number of times for one job, across
  /// crashes of anything; never makes a second container. Returns once someone who outlives this
  /// process is responsible for the job. With adopt_only: kNotFound "never_launched" if it is
  /// certain that the job was never handed over, so that nothing of it can have started.
  virtual Awaitable<Result<void>> launch(ContainerSpec spec) = 0;

  /// Waits until the command runs, or the job ended before that. Only after launch().
  virtual Awaitable<std::variant<Started, Exited>> wait_started(std::string job_id) = 0;

  /// Waits for the end; log and exit record are durable then.
  virtual Awaitable<Exited> wait_exited(std::string job_id) = 0;

  /// Waits until no container of the job exists any more.
  virtual Awaitable<void> wait_removed(std::string job_id) = 0;

  /// Asks for the end: SIGTERM, grace, SIGKILL; the job ends kCancelled unless it was over. Returns
  /// once the request is durable with whoever is responsible, or soon: the caller's own record of
  /// it is durable, and after a restart it asks again. Nothing happens to an unknown job.
  virtual Awaitable<void> stop(std::string job_id) = 0;

  /// Ends a job whose supervisor (podman: the shim) did not end it in time or cannot be kept alive.
  /// Kills and removes the container by means that need no supervisor, and lets no supervisor start
  /// another. After success wait_started(), wait_exited() and wait_removed() return at once. The
  /// end is the container's own where the executor can prove it (an exit record, conmon's exit
  /// file), else `cause`: kTimedOut, kCancelled, kStartFailed or kLost. An end that was reported
  /// stays. Valid once launch() was called, even if that call has not returned. Safe to repeat, to
  /// cancel and to be cut off by a crash at any point. After an error the container may still run.
  virtual Awaitable<Result<void>> force_end(std::string job_id, EndCause cause) = 0;

  /// Kills and removes a container without a job, and processes that a start left; done when all
  /// are gone.
  virtual Awaitable<Result<void>> remove(std::string job_id) = 0;

  /// All containers of this instance, and all jobs with processes but without a container.
  virtual Awaitable<Result<std::vector<Observed>>> list() = 0;
};

}  // namespace flashpods::jobs
