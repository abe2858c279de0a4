#pragma once
// One upload: its states and the rules that lead from one to the next, without any I/O.
//   uploading → finalized → consumed; uploading and finalized → expired (TTL, DELETE, unused).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace flashpods::uploads {

enum class State : std::uint8_t {
  kUploading,  ///< rsync in progress or over, not yet finalized
  kFinalized,  ///< sealed: a job may take it
  kConsumed,   ///< its job reached `running`
  kExpired,    ///< its time is over, it was deleted, or its job ended before it ran
};

[[nodiscard]] std::string_view to_string(State state);
/// Nothing for a word that is no state.
[[nodiscard]] std::optional<State> parse_state(std::string_view word);

/// A row of table `uploads`.
struct Upload {
  std::string id;
  State state = State::kUploading;
  std::optional<std::int64_t> size_bytes;  ///< sum of the files' sizes; from finalize on
  std::optional<std::int64_t> file_count;  ///< files and symlinks; from finalize on
  Time created_at{};
  std::optional<Time> finalized_at;
  std::optional<Time> consumed_at;
  std::optional<Time> expires_at;
  std::optional<std::string> job_id;  ///< the job that reserved or consumed it
  std::string owner;                  ///< the address that began it
  bool deleted = false;               ///< expired by DELETE
  bool disk_gone = false;             ///< nothing of it is left in our directories
  bool complete = false;              ///< its last transfer has ended, and without an error
};

/// True once its TTL has passed, whether or not a sweep has seen it yet. Never for a reserved one.
[[nodiscard]] bool is_due(const Upload& upload, Time now);

/// The state at `now`: a due upload is expired already.
[[nodiscard]] State state_at(const Upload& upload, Time now);

/// 404 upload_not_found.
[[nodiscard]] Error not_found(std::string_view id);
/// 409 upload_in_progress: rsync still sends to it, or another request works on it.
[[nodiscard]] Error in_progress(std::string_view id);

/// 409 upload_incomplete: files may be missing, because its last transfer did not end, or ended
/// with an error.
[[nodiscard]] Error incomplete(std::string_view id);

/// May rsync from `owner` go on with it? The message is what the rsync user reads.
[[nodiscard]] Result<void> may_receive(const Upload& upload, std::string_view owner, Time now);
/// 409 already_finalized, already_consumed; 410 upload_expired.
[[nodiscard]] Result<void> may_finalize(const Upload& upload, Time now);
/// 409 upload_not_finalized, upload_in_use; 410 upload_expired.
[[nodiscard]] Result<void> may_reserve(const Upload& upload, Time now);
/// 409 already_consumed, upload_in_use; 410 upload_expired.
[[nodiscard]] Result<void> may_delete(const Upload& upload, Time now);

}  // namespace flashpods::uploads
