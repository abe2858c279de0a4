#pragma once

#include <filesystem>
#include <optional>

#include "artifacts/artifact.h"
#include "base/error.h"

namespace flashpods::artifacts {

/// What a finished collection found, beside its source: `JOBDIR/artifacts.manifest.json`. It is
/// the commit: written durably after everything it names is on disk.
[[nodiscard]] std::filesystem::path manifest_path(const std::filesystem::path& source);

/// Nothing if there is none, or none that can be read: then collecting starts over.
[[nodiscard]] std::optional<Collected> read_manifest(const std::filesystem::path& file);

[[nodiscard]] Result<void> write_manifest(const std::filesystem::path& file,
                                          const Collected& collected);

}  // namespace flashpods::artifacts
