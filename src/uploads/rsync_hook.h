#pragma once
// rsync decides nothing: before a transfer it runs our own program as its "pre-xfer exec", which
// hands what the client asked for to the daemon and comes back with the answer. The two talk over a
// socket that rsync inherited, so no path, no port and no secret is involved, and the daemon knows
// by the socket which connection it is. One JSON line each way.

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "uploads/transfer_request.h"

namespace flashpods::uploads {

/// The descriptor of the hook's socket, in rsync and in the hook.
inline constexpr int kHookDescriptor = 4;
/// Longest question; a request above it is refused.
inline constexpr std::size_t kMaxHookLine = 256 * 1024;

/// The hook's whole main(): asks on `channel`, prints words of refusal to stdout (rsync passes them
/// to the client), returns the exit code: 0 lets the transfer go on. `environment` is environ(7).
[[nodiscard]] int run_rsync_hook(int channel, const char* const* environment);

/// The question, from the RSYNC_* variables (rsyncd.conf(5)); ends with a newline.
[[nodiscard]] std::string hook_question(const char* const* environment);
/// The daemon reads it again.
[[nodiscard]] Result<TransferRequest> parse_hook_question(std::string_view line);
/// The answer: allow, or refuse with words for the client. Ends with a newline.
[[nodiscard]] std::string hook_answer(const Result<void>& decision);

}  // namespace flashpods::uploads
