#pragma once
// What the end of a container means: a pure rule over what is known, never a guess.

#include <optional>

#include "executors/podman/container_record.h"
#include "executors/shim/shim_records.h"

namespace flashpods::shim {

/// All that may be known after the container's processes are gone.
struct EndFacts {
  std::optional<podman::ContainerRecord> record;  ///< podman's, if it could be had
  /// Wait status of the container's init, if we or the kernel know it.
  std::optional<int> init_status;
  std::optional<StopRecord> stop;  ///< the end was asked for
  Time now{};
  /// Whether the container still ran when somebody acted on the stop; nothing if nobody saw it.
  std::optional<bool> stopped_while_running = {};
};

/// The cause and the exit code; log figures and `started` are the caller's.
///
/// A stop is the cause unless the container was over before it was asked for: times, which follow a
/// clock that can be set, decide that only where nobody saw it. Podman's code stands
/// for the command's own: catatonit passes a death by signal n on as 128 + n, which `exit 137`
/// gives as well, so such a code is kExited with that code, and the message says what it may mean.
/// kSignalled is only what we know: the init itself was ended by a signal that was not ours.
/// kOomKilled is 137 with podman's word that the kernel's OOM killer was at work. Without podman's
/// record and without a wait status it is kLost.
[[nodiscard]] jobs::Exited judge_end(const EndFacts& facts);

}  // namespace flashpods::shim
