#pragma once
// Which local files a client may touch on an agent's word.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::client {

/// The directories inside which local_path and save_to must resolve.
struct PathRules {
  std::vector<std::filesystem::path>
      roots;                    ///< MCP roots or the start directory, and allowed_paths
  std::filesystem::path start;  ///< what a relative path is relative to
  std::filesystem::path home;   ///< never this itself, nor its dot-directories
};

/// Roots resolved (realpath), those that do not exist left out.
[[nodiscard]] PathRules make_path_rules(std::vector<std::filesystem::path> roots,
                                        std::filesystem::path start, std::filesystem::path home);

/// The directory to upload, symlinks resolved ("~/" is understood). kNotFound "path_not_found",
/// kInvalid "not_a_directory", kForbidden "path_not_allowed" | "unreadable"; messages say which
/// roots there are.
[[nodiscard]] Result<std::filesystem::path> resolve_source(const PathRules& rules,
                                                           std::string_view path);

/// Where to save an artifact: `save_to`, or START/.flashpods/JOB/NAME if empty; NAME is added if
/// save_to ends in '/' or is a directory. The nearest existing ancestor must resolve inside a root.
[[nodiscard]] Result<std::filesystem::path> resolve_target(const PathRules& rules,
                                                           std::string_view save_to,
                                                           std::string_view job_id,
                                                           std::string_view name);

/// The pure rule both share: an absolute, resolved path that is inside a root, is neither "/" nor
/// HOME, and is in no dot-directory of HOME.
[[nodiscard]] Result<void> check_allowed(const PathRules& rules,
                                         const std::filesystem::path& resolved);

}  // namespace flashpods::client
