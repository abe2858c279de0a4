#pragma once
// Starting and stopping a flashpodsd.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/local_daemon.h"
#include "cli/session.h"

namespace flashpods::cli {

struct DaemonStart {
  std::filesystem::path state;   ///< exists
  std::string program;           ///< of flashpodsd
  std::uint16_t port = 0;        ///< 0: a free one
  std::uint16_t rsync_port = 0;  ///< likewise
};

/// `state`/flashpodsd.log: what the daemon says.
[[nodiscard]] std::filesystem::path daemon_log(const std::filesystem::path& state);

/// Starts it in a session of its own and waits until it answers. If it dies before that, or does
/// not answer in time, the error ends with its last log lines.
Awaitable<Result<Endpoints>> start_daemon(Session& session, DaemonStart start);

/// Sends SIGTERM and waits for the end, having made sure through a descriptor that the process is
/// a flashpodsd of ours for this directory: a pid alone may be somebody else's by now. Nothing to
/// do if it is not; kForbidden "not_your_server" if it is another user's.
Awaitable<Result<void>> stop_daemon(Session& session, std::filesystem::path state,
                                    Endpoints endpoints);

/// `preferred` if it can be bound on loopback now, else 0.
[[nodiscard]] std::uint16_t free_port_or_any(std::uint16_t preferred);

/// The last `lines` lines of `text`.
[[nodiscard]] std::string last_lines(std::string_view text, std::size_t lines);

/// From /proc/PID/cmdline: whether the program is a flashpodsd, and whether it was started with
/// `--state-dir STATE`.
[[nodiscard]] bool is_daemon_command(std::string_view cmdline);
[[nodiscard]] bool names_state(std::string_view cmdline, const std::string& state);

}  // namespace flashpods::cli
