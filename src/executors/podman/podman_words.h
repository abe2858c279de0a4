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

/// Why an image could not be pulled, in our own words.
struct PullFailure {
  jobs::EndCause cause;
  std::string_view message;
};

/// kImageNotFound if a registry answered that it has no such image for us; else kImagePullFailed:
/// trying again may help. Every failure to reach a registry, or to speak with one, has the same
/// answer: whoever names a registry learns nothing of which hosts and ports exist.
[[nodiscard]] PullFailure explain_pull_failure(std::string_view standard_error);

/// The words of the failure itself, on one line of at most 1000 bytes: podman's last "Error:", else
/// its last log line of level error or above, else what is left without warnings. Empty if podman
/// gave no reason. Hostile text: it quotes registries, OCI runtimes and images.
[[nodiscard]] std::string podman_message(std::string_view standard_error);

}  // namespace flashpods::podman
