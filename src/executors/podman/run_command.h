#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "executors/podman/podman_settings.h"
#include "jobs/executor.h"

namespace flashpods::podman {

/// Files in a job's directory that podman is told of.
inline constexpr const char* kContainerIdFile = "container.id";
inline constexpr const char* kContainerPidFile = "container.pid";
inline constexpr const char* kConmonPidFile = "conmon.pid";
inline constexpr const char* kConmonStage = "conmon";
/// First argument of a shim that guards a pull (shim/guarded_pull.h).
inline constexpr const char* kGuardedPullArgument = "--guarded-pull";
/// Mounted at kPrivateDirectory for workers.
inline constexpr const char* kScratchDirectory = "scratch";
inline constexpr const char* kPrivateDirectory = "/tmp/flashpods";
/// Mounted at /etc/hosts: podman would copy the host's own names and addresses.
inline constexpr const char* kHostsFile = "hosts";

/// Words of `podman run` for a job: spec/03-container-mounts.md flag for flag, without `--rm` (the
/// exit code would go with the container), and with what DESIGN.md adds. `image` is the name to
/// run, `oci_runtime` empty for podman's own. The environment is not here: no value of it may be in
/// an argv, and podman's own environment must not be the job's (conmon_stage adds it).
[[nodiscard]] std::vector<std::string> run_command(const jobs::ContainerSpec& spec,
                                                   const PodmanSettings& settings,
                                                   const std::string& image,
                                                   const std::string& oci_runtime);

/// `podman inspect`, `podman pull`, `podman kill`, `podman rm` for a job's container or its image.
/// What inspect prints is for parse_inspect.
[[nodiscard]] std::vector<std::string> inspect_command(const PodmanSettings& settings,
                                                       const std::string& name);
[[nodiscard]] std::vector<std::string> pull_command(const PodmanSettings& settings,
                                                    const std::string& image);
/// The same in a guard (shim/guarded_pull.h), which `shim` is the program of. `rootless` podman has
/// the guard run in its own user namespace.
[[nodiscard]] std::vector<std::string> guarded_pull_command(const PodmanSettings& settings,
                                                            const std::string& shim,
                                                            const std::string& image,
                                                            bool rootless);
/// Says which directory podman keeps images in.
[[nodiscard]] std::vector<std::string> image_place_command(const PodmanSettings& settings);
[[nodiscard]] std::vector<std::string> kill_command(const PodmanSettings& settings,
                                                    const std::string& name, int signal);
[[nodiscard]] std::vector<std::string> remove_command(const PodmanSettings& settings,
                                                      const std::string& name);

/// What its /etc/hosts says: localhost and its own name.
[[nodiscard]] std::string hosts_text(const jobs::ContainerSpec& spec);

/// The job's environment: what the request gave, and for workers HOME, TMPDIR and the caches of the
/// usual tools in a private writable directory unless the request says otherwise.
[[nodiscard]] std::map<std::string, std::string> container_environment(
    const jobs::ContainerSpec& spec);

/// Directories that container_environment names, relative to kScratchDirectory.
[[nodiscard]] std::vector<std::string> scratch_directories();

}  // namespace flashpods::podman
