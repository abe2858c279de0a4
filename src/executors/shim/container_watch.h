#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.h"
#include "executors/shim/children.h"
#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

/// Holds a container's two processes, conmon and the container's init (PID 1 inside), so that their
/// end is seen and signals go to the right one, never to a process that got the same number.
class ContainerWatch {
 public:
  ContainerWatch(PollLoop& loop, Children& children) : loop_(loop), children_(children) {}
  ~ContainerWatch();
  ContainerWatch(const ContainerWatch&) = delete;
  ContainerWatch& operator=(const ContainerWatch&) = delete;

  /// Reads the pid files that podman wrote into the job's directory. A process that is gone or that
  /// does not belong to this container counts as ended.
  void open(const std::filesystem::path& directory, const std::string& container_id);

  /// How far the container got, for when podman was killed before it could note it down.
  enum class Progress : std::uint8_t {
    kNotCreated,  ///< the command never ran
    kWaiting,     ///< the OCI runtime holds the container before its first instruction
    kRunning,
    kUnknown,  ///< its init is gone, and nobody knows whether it ever ran
  };
  [[nodiscard]] Progress progress() const;

  /// Neither of the two runs any more.
  [[nodiscard]] bool over() const { return !conmon_.alive && !init_.alive; }

  /// The container's init has ended, as far as is known: nothing of the command runs any more.
  [[nodiscard]] bool ended() const { return over() || only_conmon_is_left(); }

  /// It ran when it was opened.
  [[nodiscard]] bool saw_init() const { return init_.was_alive; }

  /// The init is followed by a handle: its end is certain once it is seen.
  [[nodiscard]] bool follows_init() const { return init_.pid > 0; }

  /// Both ran, and both have ended.
  [[nodiscard]] bool saw_the_end() const { return over() && conmon_.pid > 0 && init_.pid > 0; }

  /// The init is known to have ended, and conmon has only to write down its exit code.
  [[nodiscard]] bool only_conmon_is_left() const { return conmon_.alive && init_.gone; }

  /// conmon runs, and whether the init does could not be read from /proc (no free descriptor, for
  /// one): open() again.
  [[nodiscard]] bool is_uncertain() const { return conmon_.alive && !init_.alive && !init_.gone; }

  /// Sends a signal to the container's init. SIGKILL ends every process in the container. False if
  /// we may not (an image with a user of its own), or there is none: then podman must do it.
  [[nodiscard]] bool signal(int number) const;

  /// Sends a signal to conmon, if it runs.
  void signal_conmon(int number) const;

  /// The container's PID 1 as the host counts; 0 if it is gone or not known.
  [[nodiscard]] pid_t init_pid() const { return init_.alive ? init_.pid : 0; }

  /// Wait status of the container's init: as its parent after conmon was killed, from the kernel
  /// (PIDFD_INFO_EXIT, Linux 6.15), or of a zombie. Nothing if none of them knows.
  [[nodiscard]] std::optional<int> init_status();

 private:
  struct Process {
    pid_t pid = -1;
    Fd handle;
    bool alive = false;
    bool was_alive = false;  ///< when it was opened
    bool gone = false;       ///< seen to end, or its number is nobody's or somebody else's
  };
  void follow(Process& process, pid_t pid);
  void forget(Process& process);

  PollLoop& loop_;
  Children& children_;
  bool created_ = false;  ///< the OCI runtime gave the init's pid
  Process conmon_;
  Process init_;
};

}  // namespace flashpods::shim
