#pragma once
// Table `uploads`. Plain functions on a transaction, so that creating a job and reserving its
// upload can be one. Each change writes its row of `events` in the same transaction.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"
#include "uploads/limits.h"
#include "uploads/upload.h"

namespace flashpods::uploads {

[[nodiscard]] std::optional<Upload> find(Transaction& tx, std::string_view id);

/// find(), or 404 upload_not_found.
[[nodiscard]] Result<Upload> get(Transaction& tx, std::string_view id);

/// A transfer from `owner` starts: makes the row, or renews the TTL of the one that may go on.
[[nodiscard]] Result<Upload> begin(Transaction& tx, std::string_view id, std::string_view owner,
                                   Time now, const Limits& limits);

/// A transfer may write from now on: the upload is incomplete until end_receiving() says otherwise.
void begin_receiving(Transaction& tx, std::string_view id);

/// A transfer ended, `well` or not: the TTL runs from now. Nothing happens unless it is
/// `uploading`.
void end_receiving(Transaction& tx, std::string_view id, bool well, Time now, const Limits& limits);

/// uploading → finalized, with what was measured.
[[nodiscard]] Result<Upload> finalize(Transaction& tx, std::string_view id, std::uint64_t bytes,
                                      std::uint64_t files, Time now, const Limits& limits);

/// Gives a finalized upload to a job; the job's row must exist in this transaction (foreign key).
/// 404 upload_not_found, 409 upload_not_finalized, 409 upload_in_use, 410 upload_expired.
[[nodiscard]] Result<void> reserve(Transaction& tx, std::string_view id, std::string_view job_id,
                                   Time now);

/// Its job reached `running`: the files are in the job's directory and die with it.
void consume(Transaction& tx, std::string_view id, Time now);

/// Its job ended before `running`: expired, and the next sweep removes what is left of it. Nothing
/// happens to one that was consumed.
void release_unused(Transaction& tx, std::string_view id, Time now);

/// DELETE: expired, removed by the caller or the next sweep. 404, 409, 410 as may_delete.
[[nodiscard]] Result<Upload> remove(Transaction& tx, std::string_view id, Time now);

/// Unreserved uploads whose TTL has passed.
[[nodiscard]] std::vector<Upload> due(Transaction& tx, Time now);

/// The TTL of this one has passed. Nothing happens if it was renewed or reserved meanwhile.
void expire(Transaction& tx, std::string_view id, Time now);

/// Ids of expired uploads whose files may still be there.
[[nodiscard]] std::vector<std::string> to_clear(Transaction& tx);

/// Its files are removed.
void mark_cleared(Transaction& tx, std::string_view id);

/// Every upload that may have files in our directories: all that recovery compares with them.
[[nodiscard]] std::vector<Upload> with_files(Transaction& tx);

/// Sum of size_bytes over finalized uploads that no job consumed.
[[nodiscard]] std::uint64_t total_accounted(Transaction& tx);

}  // namespace flashpods::uploads
