#pragma once
// An artifact into a local file: whole and verified, or not at all.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/blocking_pool.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/api.h"

namespace flashpods::client {

struct DownloadRequest {
  std::string job_id;
  std::string name;              ///< of the artifact
  std::filesystem::path target;  ///< from resolve_target (local_paths.h), or the user's own word
  bool overwrite = false;
  /// Stop after this long with kTimeout "download_incomplete"; what came stays in
  /// a hidden sibling of the target, and the next call goes on from there. Nothing: until the end.
  std::optional<Milliseconds> time_limit;
};

struct Downloaded {
  std::filesystem::path path;
  std::uint64_t bytes = 0;
  std::string sha256;
};

using OnDownloaded = std::function<void(std::uint64_t bytes, std::uint64_t total)>;

/// Streams into a hidden sibling (mode 0600), goes on by Range after an interruption, checks the
/// SHA-256 of the file against what the server lists, then gives it its name. The result has mode
/// 0644 less umask: never an exec bit. No link is followed on the way to it; an existing target is
/// kConflict "file_exists" unless `overwrite`, which replaces a link instead of writing through it.
/// kNotFound "artifact_not_found" names the artifacts there are.
Awaitable<Result<Downloaded>> download_artifact(Api& api, Timer& timer, BlockingPool& pool,
                                                DownloadRequest request, OnDownloaded on_progress);

}  // namespace flashpods::client
