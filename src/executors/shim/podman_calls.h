#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "executors/podman/container_record.h"
#include "executors/podman/podman_words.h"
#include "executors/shim/podman_tool.h"
#include "executors/shim/shim_records.h"

namespace flashpods::shim {

/// What podman says of the container.
struct Inspected {
  std::optional<podman::ContainerRecord> record;
  /// Podman spoke: without a record there is no container. Else nothing is known.
  bool answered = false;
};

/// What the shim asks podman to do for its one job.
class PodmanCalls {
 public:
  PodmanCalls(const JobRecord& job, PodmanTool& tool) : job_(job), tool_(tool) {}

  /// Podman gives up by itself, after `limits` or after a minute.
  [[nodiscard]] Inspected inspect(ToolLimits limits = {});

  /// `podman run`. Podman gives up by itself or after `limits`.
  [[nodiscard]] ToolResult run(const std::string& image, const std::string& oci_runtime,
                               const ToolLimits& limits);

  /// Directories that a pull writes to.
  [[nodiscard]] std::vector<std::string> image_places();

  /// Guarded (guarded_pull.h), unless the registry is one that may have a private address. What it
  /// leaves beside podman's storage when it is cut short goes with it.
  [[nodiscard]] ToolResult pull(const std::string& image, const ToolLimits& limits);

  void kill(int signal);

  /// Forces the container away, if there is one: never one of this name that isn't ours. True once
  /// podman confirms that there is none.
  [[nodiscard]] bool remove();

 private:
  [[nodiscard]] std::optional<std::string> container_id() const;
  [[nodiscard]] std::string container() const;

  [[nodiscard]] std::filesystem::path pull_directory() const;
  [[nodiscard]] std::vector<std::string> pull_words(const std::string& image) const;

  const JobRecord& job_;
  PodmanTool& tool_;
};

}  // namespace flashpods::shim
