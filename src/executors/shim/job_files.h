#pragma once
// Names in a job's directory, beside work/ and artifacts/. What podman is told of stands in
// executors/podman/run_command.h.

namespace flashpods::shim {

inline constexpr const char* kSpecFile = "spec.json";        ///< before anything starts
inline constexpr const char* kBegunFile = "begun";           ///< podman run was or will be called
inline constexpr const char* kPodmanPidFile = "podman.pid";  ///< the podman run under way
inline constexpr const char* kStartedFile = "started.json";
inline constexpr const char* kStopFile = "stop.json";  ///< the end was asked for, and why
inline constexpr const char* kExitFile = "exit.json";
inline constexpr const char* kRemovedFile = "removed";         ///< no container any more
inline constexpr const char* kLockFile = "shim.lock";          ///< flock(2) of the one shim
inline constexpr const char* kKeeperLockFile = "keeper.lock";  ///< flock(2) of the output's keeper
inline constexpr const char* kSocketFile = "shim.sock";
inline constexpr const char* kShimLog = "shim.log";
inline constexpr const char* kPullDirectory = "pull";  ///< what podman fetches, as long as it does
inline constexpr const char* kStdoutFifo = "stdout.fifo";
inline constexpr const char* kStderrFifo = "stderr.fifo";
inline constexpr const char* kPendingFile =
    "output.pending";                                      ///< taken from a FIFO, not yet logged
inline constexpr const char* kExitCodeLink = "exit.code";  ///< link to the file conmon will write

}  // namespace flashpods::shim
