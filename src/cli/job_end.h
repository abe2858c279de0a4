#pragma once
// A job's end as a command-line program says it: one exit code, one line.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "cli/console.h"

namespace flashpods::cli {

inline constexpr int kTimedOutExit = 124;    ///< as timeout(1)
inline constexpr int kOwnFailureExit = 125;  ///< as podman-run(1): the command never had its say
inline constexpr int kCancelledExit = 130;   ///< as a shell after Ctrl-C
inline constexpr int kOutOfMemoryExit = 137;

/// How the job ended ("completed", "failed", "timed_out", "cancelled"), also once it is cleaning
/// or cleaned; what it is doing ("running") before.
[[nodiscard]] std::string effective_status(const nlohmann::json& job);

[[nodiscard]] bool has_ended(const nlohmann::json& job);

/// The command's own exit code wherever it had one; see the constants and 128+N for a signal.
[[nodiscard]] int job_exit_code(const nlohmann::json& job);

/// "completed in 8m 32s", "failed (exit code 2) in 5s", "failed: no such image: …".
[[nodiscard]] std::string describe_end(const nlohmann::json& job);

/// What the job's limits left out of its log and its artifacts; empty if all is there.
[[nodiscard]] std::string describe_losses(const nlohmann::json& job);

[[nodiscard]] Style style_of_status(std::string_view status);

/// "8m 32s": how long it has run, or ran; empty before it started.
[[nodiscard]] std::string job_duration(const nlohmann::json& job);

}  // namespace flashpods::cli
