#pragma once
// The rows of table artifacts (store/schema.sql).

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "artifacts/artifact.h"
#include "base/clock.h"
#include "store/database.h"

namespace flashpods::artifacts {

/// An artifact as the API shows it.
struct StoredArtifact {
  Artifact artifact;
  Time created_at;
};

struct Totals {
  std::uint64_t count = 0;
  std::uint64_t size_bytes = 0;
};

/// Replaces what the job has, so that a repeated collection may store its result again.
void insert_all(Transaction& tx, std::string_view job, const std::vector<Artifact>& artifacts,
                Time created_at);

/// By name.
[[nodiscard]] std::vector<StoredArtifact> list(Transaction& tx, std::string_view job);

[[nodiscard]] std::optional<StoredArtifact> find(Transaction& tx, std::string_view job,
                                                 std::string_view name);

void remove_all(Transaction& tx, std::string_view job);

/// Of one job.
[[nodiscard]] Totals totals(Transaction& tx, std::string_view job);

/// What the artifacts of all jobs count for their common limit: their sizes, but at least
/// kLeastCountedBytes each, so that the limit bounds their number too.
[[nodiscard]] std::uint64_t counted_bytes(Transaction& tx);
inline constexpr std::uint64_t kLeastCountedBytes = std::uint64_t{64} * 1024;

}  // namespace flashpods::artifacts
