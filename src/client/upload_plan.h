#pragma once
// What an upload would send, found out before a byte leaves the machine.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/blocking_pool.h"
#include "base/error.h"
#include "process/command_runner.h"

namespace flashpods::client {

/// The excludes of spec/02 "MCP Tools": what is sent without being asked for would be waste.
[[nodiscard]] const std::vector<std::string>& default_excludes();

/// The same for a sub-agent, less .git: it works on a branch, commits and pushes.
[[nodiscard]] const std::vector<std::string>& agent_excludes();

/// What the user or agent asks to send. `directory` has passed resolve_source (local_paths.h).
struct UploadRequest {
  std::filesystem::path directory;
  std::vector<std::string> exclude = default_excludes();  ///< rsync patterns
  bool gitignore = false;                                 ///< also leave out what git ignores
};

struct SizedPath {
  std::string path;  ///< relative to the directory, '/' between names
  std::uint64_t bytes = 0;
};

/// Sizes of what would be sent. Patterns that only rsync understands count as not excluding, so the
/// sum is never too small.
struct UploadPlan {
  std::filesystem::path directory;
  std::vector<std::string> exclude;
  std::vector<std::string> ignored;  ///< anchored exclude lines from git, for --exclude-from
  std::uint64_t bytes = 0;           ///< sum of sizes of regular files
  std::uint64_t files = 0;
  std::vector<SizedPath> largest;  ///< directories (or files at the top), largest first, at most 5
  std::vector<std::string> secrets;  ///< files that look like secrets and would be sent, at most 20
};

/// Walks the directory on the pool; .flashpods at its top, where downloads go, is always left out.
/// kForbidden "unreadable" names what cannot be read;
/// kInvalid "not_a_git_tree" if `gitignore` is asked outside a git work tree.
Awaitable<Result<UploadPlan>> plan_upload(UploadRequest request, BlockingPool& pool,
                                          CommandRunner& runner);

/// Refuses a plan above `max_bytes` (kTooLarge "upload_too_large"): the message names the largest
/// directories and the excludes to add.
[[nodiscard]] Result<void> check_quota(const UploadPlan& plan, std::uint64_t max_bytes);

/// True for names that usually hold secrets: .env*, *.pem, id_rsa, .npmrc, .netrc, .aws/…
/// `relative` has '/' between names.
[[nodiscard]] bool looks_secret(std::string_view relative);

}  // namespace flashpods::client
