#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "artifacts/artifact.h"
#include "artifacts/measured_copy.h"
#include "artifacts/source_entry.h"
#include "base/error.h"

namespace flashpods::artifacts {

/// Told of each entry that the archive leaves out, by its path in the archive.
using OnRejected = std::function<void(std::string path, std::string reason)>;

/// Adds up in `found` what write_archive would read; opens no file. Fails as a whole where that is
/// more than `room`, the tree nests too deeply, or `stop` was asked for (is_shortage); `found` then
/// tells how much was looked at.
[[nodiscard]] Result<void> survey_archive(const SourceEntry& directory, const Limits& limits,
                                          const ArchiveSize& room, ArchiveSize& found,
                                          const std::stop_token& stop);

/// Writes the tree of a held directory to `out` as a gzipped tar under the top name `name`. Sorted,
/// and the same bytes for the same tree. Regular files and directories; symbolic links that stay
/// inside the tree, as links; hard links as separate files; no owners, no xattrs, no setuid, setgid
/// or sticky bits, all readable for their owner. The rest is left out and reported. Fails as a
/// whole beyond `room` or `max_bytes` of output (kTooLarge), where the host lacks what it takes,
/// and where `stop` was asked for (both is_shortage).
[[nodiscard]] Result<Measured> write_archive(const SourceEntry& directory, const std::string& name,
                                             int out, std::uint64_t max_bytes, const Limits& limits,
                                             const ArchiveSize& room, const OnRejected& on_rejected,
                                             const std::stop_token& stop = {});

}  // namespace flashpods::artifacts
