#pragma once
// What podman's error texts mean. It gives one exit code (125) for all of its own failures.

#include <string>
#include <string_view>

#include "jobs/executor.h"

namespace flashpods::podman {

/// Why `podman run` did not start a container.
enum class RunFailure : std::uint8_t {
  kImageUnknown,     ///< not in local storage
  kNameInUse,        ///< a container of this name exists already
  kRuntimeUnusable,  ///< the OCI runtime cannot work on this host, whatever the container
  kOther,
};

[[nodiscard]] RunFailure classify_run_failure(std::string_view standard_error);

/// `podman inspect` failed because there is no such container: only these words say so. Any other
/// failure (no memory, a locked database) says nothing about the container.
[[nodiscard]] bool says_no_container(std::string_view standard_error);

/// kImageNotFound if no registry has it, none may be asked, or none can be reached; else
/// kImagePullFailed: trying again may help.
[[nodiscard]] jobs::EndCause classify_pull_failure(std::string_view standard_error);

/// What podman said, on one line for a person: its last error, without time stamps and levels.
[[nodiscard]] std::string podman_message(std::string_view standard_error);

}  // namespace flashpods::podman
