#pragma once

#include <functional>
#include <optional>
#include <string>

#include "executors/shim/image_room.h"
#include "executors/shim/podman_calls.h"
#include "executors/shim/stop_request.h"

namespace flashpods::shim {

/// The message of a start that failed for a reason that podman or the OCI runtime may give.
inline constexpr const char* kNotStarted = "The container could not be started.";

/// Gets the job's container to run: `podman run` at once, and only if podman does not know the
/// image the long way (the qualified name, a pull). One podman process where all goes well.
class ContainerStart {
 public:
  enum class Outcome : std::uint8_t {
    kRuns,     ///< podman says so
    kPerhaps,  ///< podman failed or was cut short, yet a container may exist: look
    kFailed,   ///< none was started: `failure` says why
  };

  /// `forget_output` throws away what the job's output holds: an OCI runtime's words about a start
  /// that failed, when another one is tried.
  ContainerStart(const JobRecord& job, PollLoop& loop, PodmanCalls& podman, const StopRequest& stop,
                 std::function<void()> forget_output);

  [[nodiscard]] Outcome run();

  /// Makes what podman looks for in the job's directory: the link that makes us its conmon, and a
  /// worker's private directories. Call it before every start, and never once a command may have
  /// run: the private directories are the job's then, and a job may leave anything in their place.
  [[nodiscard]] Result<void> prepare() const;

  /// When the start limit is over, since boot.
  [[nodiscard]] Milliseconds deadline() const { return deadline_; }

  /// Why no container was started: cause, message and what podman said (jobs/executor.h).
  [[nodiscard]] const jobs::Exited& failure() const { return failure_; }
  /// The last podman run did not come to its end: a signal ended it, or it obeyed ours (and said
  /// 0).
  [[nodiscard]] bool podman_was_killed() const { return last_.cut_short || !last_.exit_code; }

 private:
  bool try_run(const std::string& image);
  bool run_or_change_runtime(const std::string& image);
  bool pull(const std::string& image);
  [[nodiscard]] bool no_room() { return room_ && room_->is_short(); }
  [[nodiscard]] bool gave_up_for_room();
  [[nodiscard]] std::string chosen_runtime() const;
  bool use_other_runtime();
  Outcome fail(jobs::EndCause cause, std::string message);
  Outcome explain();

  const JobRecord& job_;
  PollLoop& loop_;
  PodmanCalls& podman_;
  const StopRequest& stop_;
  std::function<void()> forget_output_;
  Milliseconds deadline_;
  std::optional<ImageRoom> room_;  ///< from a pull on
  ToolResult last_;                ///< of the last podman run
  jobs::Exited failure_;
  std::string runtime_;
};

}  // namespace flashpods::shim
