#include "artifacts/repository.h"

namespace flashpods::artifacts {
namespace {

StoredArtifact to_artifact(const Row& row) {
  return {.artifact = {.name = row.text("name"),
                       .size_bytes = static_cast<std::uint64_t>(row.integer("size_bytes")),
                       .sha256 = row.text("sha256")},
          .created_at = row.time("created_at")};
}

Totals to_totals(const std::optional<Row>& row) {
  if (!row) return {};
  return {.count = static_cast<std::uint64_t>(row->integer("count")),
          .size_bytes = static_cast<std::uint64_t>(row->integer("size_bytes"))};
}

}  // namespace

void insert_all(Transaction& tx, std::string_view job, const std::vector<Artifact>& artifacts,
                Time created_at) {
  remove_all(tx, job);
  for (const auto& artifact : artifacts) {
    tx.run(
        "INSERT INTO artifacts (job_id, name, path, size_bytes, created_at, sha256)"
        " VALUES (?1, ?2, ?2, ?3, ?4, ?5)",
        {to_value(job), to_value(artifact.name), to_value(artifact.size_bytes),
         to_value(created_at), to_value(artifact.sha256)});
  }
}

std::vector<StoredArtifact> list(Transaction& tx, std::string_view job) {
  std::vector<StoredArtifact> artifacts;
  for (const auto& row : tx.rows("SELECT name, size_bytes, created_at, sha256 FROM artifacts"
                                 " WHERE job_id = ?1 ORDER BY name",
                                 {to_value(job)})) {
    artifacts.push_back(to_artifact(row));
  }
  return artifacts;
}

std::optional<StoredArtifact> find(Transaction& tx, std::string_view job, std::string_view name) {
  const auto row = tx.row(
      "SELECT name, size_bytes, created_at, sha256 FROM artifacts WHERE job_id = ?1 AND name = ?2",
      {to_value(job), to_value(name)});
  if (!row) return std::nullopt;
  return to_artifact(*row);
}

void remove_all(Transaction& tx, std::string_view job) {
  tx.run("DELETE FROM artifacts WHERE job_id = ?1", {to_value(job)});
}

Totals totals(Transaction& tx, std::string_view job) {
  return to_totals(
      tx.row("SELECT COUNT(*) AS count, COALESCE(SUM(size_bytes), 0) AS size_bytes"
             " FROM artifacts WHERE job_id = ?1",
             {to_value(job)}));
}

std::uint64_t counted_bytes(Transaction& tx) {
  const auto row = tx.row("SELECT COALESCE(SUM(MAX(size_bytes, ?1)), 0) AS bytes FROM artifacts",
                          {to_value(kLeastCountedBytes)});
  return row ? static_cast<std::uint64_t>(row->integer("bytes")) : 0;
}

}  // namespace flashpods::artifacts
