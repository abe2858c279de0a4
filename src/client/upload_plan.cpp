#include "client/upload_plan.h"

#include "base/text.h"
#include "client/exclude_rules.h"
#include "client/reply_error.h"
#include "client/tree_survey.h"

namespace flashpods::client {

namespace {

/// Where downloads go by default: never sent back.
constexpr const char* kOwnDirectory = "/.flashpods/";
constexpr std::size_t kIgnoredList = 64 * 1024 * 1024;
constexpr Milliseconds kGitLimit{60'000};

/// fsmonitor off: a repository's own configuration must not name a program that we then run.
Command git_command(const std::filesystem::path& directory) {
  Command command;
  command.argv = {"git",      "-c",        "core.fsmonitor=false", "ls-files",
                  "--others", "--ignored", "--exclude-standard",   "--directory",
                  "-z"};
  command.env = tool_environment();
  command.working_directory = directory.string();
  command.timeout = kGitLimit;
  command.max_output = kIgnoredList;
  return command;
}

std::vector<std::string> split_at_nul(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const auto end = text.find('\0');
    names.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return names;
}

Awaitable<Result<std::vector<std::string>>> list_ignored(std::filesystem::path directory,
                                                         CommandRunner& runner) {
  auto result = co_await runner.run(git_command(directory));
  if (!result) {
    co_return fail(ErrorKind::kUnavailable, "git_missing",
                   "gitignore needs the program git, which is not installed; list the patterns "
                   "in files.exclude instead");
  }
  if (result->ok()) co_return split_at_nul(result->out);
  Error error{ErrorKind::kInvalid, "not_a_git_tree",
              "gitignore is set, but git cannot read '" + to_one_line(directory.string()) +
                  "'; leave gitignore out"};
  co_return std::unexpected(quoting(std::move(error), result->err));
}

/// What the pool works on: its own copies.
struct Survey {
  UploadRequest request;
  std::vector<std::string> ignored;

  Result<UploadPlan> operator()() const {
    UploadPlan plan;
    plan.directory = request.directory;
    plan.exclude = request.exclude;
    plan.exclude.emplace_back(kOwnDirectory);
    for (const auto& path : ignored) {
      if (auto pattern = to_anchored_pattern(path); !pattern.empty()) {
        plan.ignored.push_back(std::move(pattern));
      }
    }
    auto surveyed = survey_tree(plan.directory, {plan.exclude, ignored}, plan);
    if (!surveyed) return std::unexpected(std::move(surveyed.error()));
    return plan;
  }
};

std::string anchored(const std::string& path) { return "\"/" + to_one_line(path) + "\""; }

}  // namespace

const std::vector<std::string>& default_excludes() {
  static const std::vector<std::string> excludes{".git", "node_modules", "target", "__pycache__",
                                                 ".venv"};
  return excludes;
}

const std::vector<std::string>& agent_excludes() {
  static const std::vector<std::string> excludes{"node_modules", "target", "__pycache__", ".venv"};
  return excludes;
}

Awaitable<Result<UploadPlan>> plan_upload(UploadRequest request, BlockingPool& pool,
                                          CommandRunner& runner) {
  Survey survey{std::move(request), {}};
  if (survey.request.gitignore) {
    auto ignored = co_await list_ignored(survey.request.directory, runner);
    if (!ignored) co_return std::unexpected(std::move(ignored.error()));
    survey.ignored = std::move(*ignored);
  }
  co_return co_await pool.run(std::move(survey));
}

Result<void> check_quota(const UploadPlan& plan, std::uint64_t max_bytes) {
  if (plan.bytes <= max_bytes) return {};
  std::string sizes = "largest:";
  std::string excludes;
  for (const auto& entry : plan.largest) {
    sizes += (excludes.empty() ? " " : ", ") + to_one_line(entry.path) + " (" +
             to_human_size(entry.bytes) + ")";
    excludes += (excludes.empty() ? "" : ", ") + anchored(entry.path);
  }
  Error error{ErrorKind::kTooLarge, "upload_too_large",
              "'" + to_one_line(plan.directory.string()) + "' would send " +
                  to_human_size(plan.bytes) + ", and the server takes " + to_human_size(max_bytes) +
                  ". Nothing was sent. Add what the job does not need to files.exclude, or set "
                  "gitignore"};
  return std::unexpected(quoting(std::move(error), sizes + "; exclude for example " + excludes));
}

}  // namespace flashpods::client
