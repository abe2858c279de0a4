#include "cli/artifact_file.h"

#include <algorithm>

#include "async/blocking_pool.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/progress_bar.h"
#include "client/obeyed_names.h"

namespace flashpods::cli {
namespace {

constexpr mode_t kDirectoryMode = 0755;

bool has_control(std::string_view name) {
  return std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

// The download itself follows no links; the directories are the person's own word.
Result<std::filesystem::path> resolve_directory(const std::filesystem::path& target) {
  const auto directory = std::filesystem::absolute(target).parent_path();
  if (auto made = make_directories(directory, kDirectoryMode); !made) {
    return std::unexpected(made.error());
  }
  std::error_code error;
  const auto real = std::filesystem::canonical(directory, error);
  if (error) return std::unexpected(errno_error(error.value(), directory.string()));
  return real / target.filename();
}

}  // namespace

Result<std::string> local_file_name(std::string_view artifact) {
  const bool safe = !artifact.empty() && artifact != "." && artifact != ".." &&
                    !artifact.contains('/') && !has_control(artifact);
  if (safe && !client::is_obeyed_file(artifact)) return std::string{artifact};
  if (safe) {
    return fail(ErrorKind::kInvalid, "unsafe_name",
                "'" + to_one_line(artifact) +
                    "' is not saved under its own name, which programs "
                    "obey without being asked; save it with flashpods get JOB NAME -o FILE");
  }
  return fail(ErrorKind::kInvalid, "unsafe_name",
              "'" + to_one_line(artifact) + "' cannot be a file name here; choose one with -o");
}

Result<std::filesystem::path> artifact_target(const std::string& output,
                                              std::string_view artifact) {
  std::error_code ignored;
  const bool names_a_file =
      !output.empty() && !output.ends_with('/') && !std::filesystem::is_directory(output, ignored);
  if (names_a_file) return std::filesystem::path{output};
  auto name = local_file_name(artifact);
  if (!name) return std::unexpected(name.error());
  return std::filesystem::path{output} / *name;
}

Awaitable<Result<client::Downloaded>> download(Session& session, client::Api& api,
                                               client::DownloadRequest request) {
  const auto wanted = request.target;
  auto resolved = resolve_directory(wanted);
  if (!resolved) co_return std::unexpected(resolved.error());
  request.target = std::move(*resolved);
  ProgressBar bar{session.console, session.clock, to_one_line(request.name, 40)};
  client::OnDownloaded on_progress = [&bar](std::uint64_t bytes, std::uint64_t total) {
    bar.update(bytes, total);
  };
  BlockingPool pool{1};
  auto saved = co_await client::download_artifact(api, session.timer, pool, std::move(request),
                                                  std::move(on_progress));
  if (saved) saved->path = wanted;
  co_return saved;
}

}  // namespace flashpods::cli
