#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "artifacts/artifact.h"
#include "base/error.h"

namespace flashpods::artifacts {

/// Takes what a job left in `source` (JOBDIR/artifacts, filled by hostile code) into `destination`
/// (artifacts/JOB, ours alone, created 0700): regular files as they are, each directory as one
/// NAME.tar.gz, symbolic links by the regular file inside `source` that they lead to. What cannot
/// be kept is in `rejected` with its reason and costs nothing else. Everything kept is on disk when
/// it returns. Blocking, for as long as `limits` let it take (a minute or two): on a thread of its
/// own.
///
/// May be killed at any instruction and called again: `source` keeps every file until the caller
/// removes it, and the result is committed by a manifest beside `source`. Without the manifest,
/// collecting starts over; with it, a repeated call gives the same result at once. Once `source`
/// is gone too (the caller had the result and removed the job's directory), what `destination`
/// holds is the result. Don't call it again once the result is stored: a half removed job's
/// directory would look like one that is not collected yet.
///
/// Fails only if the host does: it lacks room, descriptors or memory, it is to stop (both
/// is_shortage), or `destination` or the manifest cannot be written. Nothing is rejected for that:
/// to be called again.
[[nodiscard]] Result<Collected> collect(const std::filesystem::path& source,
                                        const std::filesystem::path& destination,
                                        const Limits& limits = {},
                                        const std::stop_token& stop = {});

/// Called before each step that changes the disk; for tests, which stop there.
using BeforeStep = std::function<void()>;

[[nodiscard]] Result<Collected> collect_stepwise(const std::filesystem::path& source,
                                                 const std::filesystem::path& destination,
                                                 const Limits& limits, const BeforeStep& before,
                                                 const std::stop_token& stop = {});

}  // namespace flashpods::artifacts
