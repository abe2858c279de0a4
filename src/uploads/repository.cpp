#include "uploads/repository.h"

#include <utility>

namespace flashpods::uploads {

namespace {

void record(Transaction& tx, std::string_view id, const char* kind, Time now) {
  tx.run("INSERT INTO events (upload_id, kind, at) VALUES (?1, ?2, ?3)",
         {to_value(id), to_value(kind), to_value(now)});
}

Upload from_row(const Row& row) {
  Upload upload;
  upload.id = row.text("id");
  upload.state = parse_state(row.text("state")).value_or(State::kExpired);
  upload.size_bytes = row.optional_integer("size_bytes");
  upload.file_count = row.optional_integer("file_count");
  upload.created_at = row.time("created_at");
  upload.finalized_at = row.optional_time("finalized_at");
  upload.consumed_at = row.optional_time("consumed_at");
  upload.expires_at = row.optional_time("expires_at");
  upload.job_id = row.optional_text("job_id");
  upload.owner = row.text("owner");
  upload.deleted = row.boolean("deleted");
  upload.disk_gone = row.boolean("disk_gone");
  upload.complete = row.boolean("complete");
  return upload;
}

std::vector<Upload> from_rows(const std::vector<Row>& rows) {
  std::vector<Upload> uploads;
  uploads.reserve(rows.size());
  for (const Row& row : rows) uploads.push_back(from_row(row));
  return uploads;
}

void insert(Transaction& tx, std::string_view id, std::string_view owner, Time now, Time expires) {
  tx.run(
      "INSERT INTO uploads (id, state, created_at, expires_at, owner) "
      "VALUES (?1, 'uploading', ?2, ?3, ?4)",
      {to_value(id), to_value(now), to_value(expires), to_value(owner)});
  record(tx, id, "upload_begun", now);
}

}  // namespace

std::optional<Upload> find(Transaction& tx, std::string_view id) {
  const auto row = tx.row("SELECT * FROM uploads WHERE id = ?1", {to_value(id)});
  if (!row) return std::nullopt;
  return from_row(*row);
}

Result<Upload> get(Transaction& tx, std::string_view id) {
  auto upload = find(tx, id);
  if (!upload) return std::unexpected(not_found(id));
  return std::move(*upload);
}

Result<Upload> begin(Transaction& tx, std::string_view id, std::string_view owner, Time now,
                     const Limits& limits) {
  const auto upload = find(tx, id);
  if (!upload) {
    insert(tx, id, owner, now, now + limits.uploading_ttl);
    return get(tx, id);
  }
  if (auto allowed = may_receive(*upload, owner, now); !allowed) {
    return std::unexpected(allowed.error());
  }
  tx.run("UPDATE uploads SET expires_at = ?2 WHERE id = ?1",
         {to_value(id), to_value(now + limits.uploading_ttl)});
  return get(tx, id);
}

void begin_receiving(Transaction& tx, std::string_view id) {
  tx.run("UPDATE uploads SET complete = 0 WHERE id = ?1 AND state = 'uploading'", {to_value(id)});
}

void end_receiving(Transaction& tx, std::string_view id, bool well, Time now,
                   const Limits& limits) {
  tx.run("UPDATE uploads SET expires_at = ?2, complete = ?3 WHERE id = ?1 AND state = 'uploading'",
         {to_value(id), to_value(now + limits.uploading_ttl), to_value(well)});
}

Result<Upload> finalize(Transaction& tx, std::string_view id, std::uint64_t bytes,
                        std::uint64_t files, Time now, const Limits& limits) {
  const auto upload = get(tx, id);
  if (!upload) return upload;
  if (auto allowed = may_finalize(*upload, now); !allowed) {
    return std::unexpected(allowed.error());
  }
  tx.run(
      "UPDATE uploads SET state = 'finalized', size_bytes = ?2, file_count = ?3, "
      "finalized_at = ?4, expires_at = ?5 WHERE id = ?1",
      {to_value(id), to_value(bytes), to_value(files), to_value(now),
       to_value(now + limits.finalized_ttl)});
  record(tx, id, "upload_finalized", now);
  return get(tx, id);
}

Result<void> reserve(Transaction& tx, std::string_view id, std::string_view job_id, Time now) {
  const auto upload = get(tx, id);
  if (!upload) return std::unexpected(upload.error());
  if (auto allowed = may_reserve(*upload, now); !allowed) return allowed;
  tx.run("UPDATE uploads SET job_id = ?2 WHERE id = ?1", {to_value(id), to_value(job_id)});
  record(tx, id, "upload_reserved", now);
  return {};
}

void consume(Transaction& tx, std::string_view id, Time now) {
  const auto changed = tx.run(
      "UPDATE uploads SET state = 'consumed', consumed_at = ?2, disk_gone = 1 "
      "WHERE id = ?1 AND state = 'finalized'",
      {to_value(id), to_value(now)});
  if (changed > 0) record(tx, id, "upload_consumed", now);
}

void release_unused(Transaction& tx, std::string_view id, Time now) {
  const auto changed = tx.run(
      "UPDATE uploads SET state = 'expired' WHERE id = ?1 AND state = 'finalized'", {to_value(id)});
  if (changed > 0) record(tx, id, "upload_expired", now);
}

Result<Upload> remove(Transaction& tx, std::string_view id, Time now) {
  const auto upload = get(tx, id);
  if (!upload) return upload;
  if (auto allowed = may_delete(*upload, now); !allowed) return std::unexpected(allowed.error());
  tx.run("UPDATE uploads SET state = 'expired', deleted = 1, expires_at = ?2 WHERE id = ?1",
         {to_value(id), to_value(now)});
  record(tx, id, "upload_deleted", now);
  return get(tx, id);
}

std::vector<Upload> due(Transaction& tx, Time now) {
  return from_rows(
      tx.rows("SELECT * FROM uploads WHERE expires_at <= ?1 AND job_id IS NULL "
              "AND state IN ('uploading', 'finalized') ORDER BY expires_at, id",
              {to_value(now)}));
}

void expire(Transaction& tx, std::string_view id, Time now) {
  const auto changed = tx.run(
      "UPDATE uploads SET state = 'expired' WHERE id = ?1 AND expires_at <= ?2 "
      "AND job_id IS NULL AND state IN ('uploading', 'finalized')",
      {to_value(id), to_value(now)});
  if (changed > 0) record(tx, id, "upload_expired", now);
}

std::vector<std::string> to_clear(Transaction& tx) {
  std::vector<std::string> ids;
  for (const Row& row :
       tx.rows("SELECT id FROM uploads WHERE state = 'expired' AND disk_gone = 0 ORDER BY id")) {
    ids.push_back(row.text("id"));
  }
  return ids;
}

void mark_cleared(Transaction& tx, std::string_view id) {
  tx.run("UPDATE uploads SET disk_gone = 1 WHERE id = ?1 AND state = 'expired'", {to_value(id)});
}

std::vector<Upload> with_files(Transaction& tx) {
  return from_rows(tx.rows("SELECT * FROM uploads WHERE disk_gone = 0 ORDER BY id"));
}

std::uint64_t total_accounted(Transaction& tx) {
  const auto row =
      tx.row("SELECT COALESCE(SUM(size_bytes), 0) AS total FROM uploads WHERE state = 'finalized'");
  return row ? static_cast<std::uint64_t>(row->integer("total")) : 0;
}

}  // namespace flashpods::uploads
