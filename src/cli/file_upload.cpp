#include "cli/file_upload.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "async/blocking_pool.h"
#include "base/text.h"
#include "cli/progress_bar.h"
#include "client/uploader.h"

namespace flashpods::cli {
namespace {

Result<std::filesystem::path> existing_directory(const std::string& word) {
  std::error_code error;
  auto path = std::filesystem::canonical(word, error);
  if (error) {
    return fail(ErrorKind::kNotFound, "path_not_found",
                "cannot upload " + to_one_line(word) + ": " + error.message());
  }
  if (!std::filesystem::is_directory(path, error)) {
    return fail(ErrorKind::kInvalid, "not_a_directory",
                to_one_line(word) +
                    " is no directory; --files takes the directory that the job "
                    "sees as /work");
  }
  return path;
}

client::UploadRequest to_request(std::filesystem::path directory, const FileOptions& options) {
  client::UploadRequest request;
  request.directory = std::move(directory);
  request.exclude = options.all_files ? std::vector<std::string>{} : options.left_out;
  request.exclude.insert(request.exclude.end(), options.exclude.begin(), options.exclude.end());
  request.gitignore = options.gitignore;
  return request;
}

void name_secrets(Console& console, const client::UploadPlan& plan) {
  if (plan.secrets.empty()) return;
  std::string listed;
  for (const auto& path : plan.secrets) listed += (listed.empty() ? "" : ", ") + to_one_line(path);
  console.note("note: these look like secrets and go along: " + listed +
               "\n      leave them out with --exclude");
}

Awaitable<Result<client::UploadPlan>> make_plan(Session& session, client::Api& api,
                                                FileOptions options) {
  auto directory = existing_directory(options.directory);
  if (!directory) co_return std::unexpected(directory.error());
  auto health = co_await api.health();
  if (!health) co_return std::unexpected(health.error());
  BlockingPool pool{1};
  auto request = to_request(*directory, options);
  auto plan = co_await client::plan_upload(std::move(request), pool, session.commands);
  if (!plan) co_return plan;
  const auto limit = client::upload_limit(*health);
  if (!limit) co_return plan;
  if (auto fits = client::check_quota(*plan, *limit); !fits) {
    co_return std::unexpected(fits.error());
  }
  co_return plan;
}

}  // namespace

void add_file_parameters(std::vector<Parameter>& parameters, FileOptions& options) {
  parameters.insert(
      parameters.end(),
      {{"-f,--files", &options.directory, "DIR", "upload DIR; the job finds it at /work"},
       {"--exclude", &options.exclude, "PATTERN", "leave this out of the upload; repeatable"},
       {"--gitignore", &options.gitignore, "", "also leave out what git ignores"},
       {"--all-files", &options.all_files, "",
        "upload what is left out by default too: .git (which an agent gets), node_modules, target, "
        "__pycache__, .venv"}});
}

Awaitable<Result<std::string>> upload_files(Session& session, client::Api& api,
                                            FileOptions options) {
  auto plan = co_await make_plan(session, api, std::move(options));
  if (!plan) co_return std::unexpected(plan.error());
  name_secrets(session.console, *plan);
  ProgressBar bar{session.console, session.clock, "uploading"};
  client::OnProgress on_progress = [&bar, total = plan->bytes](const client::UploadProgress& at) {
    bar.update(at.bytes, total);
  };
  auto id = make_upload_id(session.random);
  auto sent = co_await client::send_upload(api, session.timer, std::move(*plan), id,
                                           std::move(on_progress));
  if (!sent) co_return std::unexpected(sent.error());
  co_return id;
}

}  // namespace flashpods::cli
