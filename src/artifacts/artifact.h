#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flashpods::artifacts {

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// Specification, "Artifact Constraints"; the rest bounds what hostile output can cost us.
struct Limits {
  std::uint64_t max_file_bytes = kGiB;
  std::uint64_t max_total_bytes = 2 * kGiB;
  std::size_t max_count = 200;

  std::size_t max_listed = 10'000;  ///< entries of /artifacts that are looked at
  std::size_t max_rejected = 200;   ///< rejections that are named; the rest is one more entry
  std::size_t max_archive_depth = 100;
  // Of all directories of a job together, so that what a job leaves costs a bounded time.
  std::size_t max_archive_entries = 200'000;
  std::uint64_t max_archive_input_bytes = 8 * kGiB;  ///< before compression, by apparent size
  std::size_t max_surveyed_entries = 1'000'000;      ///< also those of directories that are refused
};

/// What directories hold, as packing them has to read it.
struct ArchiveSize {
  std::size_t entries = 0;
  std::uint64_t input_bytes = 0;  ///< by apparent size, each hard link anew
};

/// One file that a job left, as served: a plain file name, `size_bytes` bytes with this digest.
struct Artifact {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::string sha256;  ///< lower-case hex

  bool operator==(const Artifact&) const = default;
};

/// What was in /artifacts and is not kept.
struct Rejected {
  std::string name;    ///< made fit to be shown; may be a path inside a directory
  std::string reason;  ///< for a person

  bool operator==(const Rejected&) const = default;
};

/// What a job left. `conflict` is the name that a file and a packed directory both claim: the job
/// fails with artifact_name_conflict (specification, "Overwrite Semantics"), the file is kept.
struct Collected {
  std::vector<Artifact> artifacts;  ///< by name
  std::vector<Rejected> rejected;
  std::optional<std::string> conflict = std::nullopt;

  bool operator==(const Collected&) const = default;
};

}  // namespace flashpods::artifacts
