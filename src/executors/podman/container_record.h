#pragma once
// Podman's own record of a container, read tolerantly: it is another program's output.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "jobs/executor.h"

namespace flashpods::podman {

/// What `podman inspect` says. Unknown members are empty.
struct ContainerRecord {
  std::string id;
  std::string status;    ///< "created", "running", "exited", …
  std::string instance;  ///< label flashpods-instance
  std::string image_digest;
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
  std::int64_t exit_code = 0;
  bool oom_killed = false;
  pid_t pid = 0;
  std::string root_layer;  ///< directory that takes what the container writes below its root
  std::string own_files;   ///< podman's directory of this container, overlays' upper layers in it

  /// The command was started some time.
  [[nodiscard]] bool ever_started() const { return started_at.has_value(); }
  /// It ended, and podman holds its true exit code.
  [[nodiscard]] bool ended() const;
};

/// Reads the output of `podman inspect`; nothing if it is no array with one object.
[[nodiscard]] std::optional<ContainerRecord> parse_inspect(std::string_view json);

/// Reads the output of `podman ps -a --format json`: those with a label flashpods-job-id.
[[nodiscard]] std::optional<std::vector<jobs::Observed>> parse_list(std::string_view json);

/// "2026-11-21T11:12:02.639273448Z" cut to milliseconds; nothing for Go's zero time or another
/// zone.
[[nodiscard]] std::optional<Time> parse_podman_time(std::string_view text);

}  // namespace flashpods::podman
