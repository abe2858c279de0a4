#pragma once

#include <filesystem>

#include "base/error.h"
#include "uploads/upload_files.h"

namespace flashpods::uploads {

/// Walks a tree that a client filled and nobody writes to any more: takes setuid, setgid and sticky
/// bits off everything, gives symbolic links the targets the client sent (kMungedPrefix), removes
/// device nodes, and measures. Other modes and all times stay as they are, also of a directory that
/// must be opened up for the walk. Never follows a link. Uses the name .link-NAME beside `path`.
/// Blocks.
/// kNotFound if `path` is absent.
[[nodiscard]] Result<TreeContent> seal_tree(const std::filesystem::path& path);

/// The other way, before rsync may write there again: links get the targets by which rsync keeps
/// them from leading anywhere. A tree that was sealed and whose row did not become final needs it,
/// whatever came between. An absent tree is empty. May be repeated. Blocks.
[[nodiscard]] Result<TreeContent> reopen_tree(const std::filesystem::path& path);

/// Measures alone, at any depth, also while rsync writes: what vanishes meanwhile does not count,
/// and no mode changes for longer than the walk. Nor does what another user keeps to himself: rsync
/// writes as we do, and what a job's users have is the job's. An absent tree is empty. Blocks.
[[nodiscard]] Result<TreeContent> measure_upload(const std::filesystem::path& path);

}  // namespace flashpods::uploads
