#pragma once
// What the machine and the user's account must offer. The functions that take text are pure.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "cli/doctor/check.h"

namespace flashpods::cli {

/// Ids that /etc/subuid or /etc/subgid (`text`) hands to the user, by name or by uid.
[[nodiscard]] std::uint64_t granted_ids(std::string_view text, const std::string& user,
                                        unsigned uid);

/// `file` is "/etc/subuid" or "/etc/subgid".
[[nodiscard]] Check check_subids(const std::string& file, std::string_view text,
                                 const std::string& user, unsigned uid);

/// A program that must (kFail) or should be there; `found` is its path or nothing.
[[nodiscard]] Check check_program(const std::string& name, const std::optional<std::string>& found,
                                  Health if_missing, const std::string& fix);

/// A device that we must be able to read and write.
[[nodiscard]] Check check_device(const std::string& path, const std::string& needed_for);

[[nodiscard]] Check check_landlock();

/// Room for uploads, logs, artifacts and images where `path` lies (its nearest existing parent).
[[nodiscard]] Check check_disk(const std::string& id, const std::string& title,
                               const std::filesystem::path& path);
[[nodiscard]] Check judge_disk(const std::string& id, const std::string& title,
                               const std::filesystem::path& path, std::uint64_t free_bytes);

/// Whether /sys/fs/cgroup, if it is cgroup v2, is mounted with nsdelegate (`mounts` is
/// /proc/mounts). Without it a job in a cgroup namespace could write its own limits (cgroups(7),
/// "Cgroup delegation: mounting cgroup2 with the nsdelegate option"). Empty on cgroup v1. Pure.
[[nodiscard]] Checks check_nsdelegate(std::string_view mounts);

/// `output` of `loginctl show-user USER -p Linger`.
[[nodiscard]] Check check_linger(std::string_view output, const std::string& user);

/// XDG_RUNTIME_DIR must be a directory of the user's.
[[nodiscard]] Check check_runtime_directory(const std::optional<std::string>& directory);

}  // namespace flashpods::cli
