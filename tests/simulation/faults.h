#pragma once

#include <cstdint>

namespace flashpods::simulation {

/// Mistakes that a run can be told to make, to see that they are found.
enum class Bug : std::uint8_t {
  kNone,
  kNoIntent,         ///< the row that says `starting` is not written before the container is made
  kNoTransaction,    ///< half of what one commit should change is changed
  kNoFsync,          ///< artifacts are reported kept before they are on the disk
  kUploadNotSynced,  ///< an upload is final before it is on the disk
  kNoLock,           ///< a transfer that outlives its daemon is overlooked
  kNoBootId,         ///< that the host restarted is overlooked
  kLogNotSynced,     ///< a shim notes the end before the log is on the disk
  kForgetsStop,      ///< a cancelled job may complete
  kNoAdmission,      ///< every job is let in
  kLeavesWorkspace,  ///< a released job's directory stays
  kNoOverdueBound,   ///< a job whose shim does not end it is waited for, for ever
  kForceForgetsContainer,  ///< an end by force is reported while the container runs
  kCountsByWallClock,      ///< how long a job has run is told by the clock that jumps
};

/// How often what goes wrong, in percent of the steps where it can.
struct Faults {
  int store = 1;     ///< a commit fails: full disk, I/O error
  int files = 2;     ///< ENOSPC, EIO, EMFILE
  int executor = 3;  ///< podman fails
  int hang = 1;      ///< podman hangs until it is given up
  int kill = 2;      ///< the daemon is killed, at any step
  int power = 30;    ///< of these: the whole host goes down
  int vanish = 1;    ///< a container is removed behind our back
  int jump = 1;      ///< the wall clock jumps by up to a day, either way
  int lost_reply = 5;
  int shim = 1;  ///< a shim is killed, or stopped for ever
};

inline constexpr Faults kNoFaults{0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

/// While the last jobs come to their end: only what can happen to a host at any time.
inline constexpr Faults kFewFaults{
    .store = 0, .files = 0, .executor = 0, .hang = 0, .kill = 1, .vanish = 0, .lost_reply = 0};

}  // namespace flashpods::simulation
