#include "jobs/stored_job_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "artifacts/repository.h"
#include "async/own_thread.h"
#include "base/failpoint.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/random.h"
#include "logs/log_files.h"

namespace flashpods::jobs {

namespace {

using nlohmann::json;

constexpr std::string_view kLogEnding = ".log";
constexpr std::string_view kIndexEnding = ".log.idx";  // logs::index_path

std::string to_json_text(const std::vector<artifacts::Rejected>& rejected) {
  json list = json::array();
  for (const auto& [name, reason] : rejected) list.push_back({{"name", name}, {"reason", reason}});
  return dump_json(list);
}

Collected to_collected(std::string job_id, artifacts::Collected found) {
  Collected collected;
  collected.conflict = found.conflict;
  collected.rejected = to_json_text(found.rejected);
  collected.insert_rows = [job_id = std::move(job_id), kept = std::move(found.artifacts)](
                              Transaction& tx, Time now) {
    artifacts::insert_all(tx, job_id, kept, now);
  };
  return collected;
}

/// The last `bytes` bytes of a file; empty if there is none.
std::string read_end(const std::filesystem::path& file, std::size_t bytes) {
  const Fd log(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!log) return {};
  const off_t size = ::lseek(log.get(), 0, SEEK_END);
  ::lseek(log.get(), std::max<off_t>(0, size - static_cast<off_t>(bytes)), SEEK_SET);
  std::string text(bytes, '\0');
  const ssize_t got = ::read(log.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

void add_job_ids(const std::filesystem::path& directory, std::string_view ending,
                 std::vector<std::string>& ids) {
  const auto names = list_directory(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.ends_with(ending)) continue;
    std::string id = name.substr(0, name.size() - ending.size());
    if (is_job_id(id)) ids.push_back(std::move(id));
  }
}

}  // namespace

StoredJobFiles::StoredJobFiles(Directories directories, uploads::Directories uploads,
                               artifacts::Limits limits, BlockingPool& pool)
    : directories_(std::move(directories)),
      uploads_(std::move(uploads)),
      limits_(limits),
      pool_(pool) {}

std::filesystem::path StoredJobFiles::directory(const std::string& job_id) const {
  return directories_.jobs / job_id;
}

std::filesystem::path StoredJobFiles::log_file(const std::string& job_id) const {
  return directories_.logs / (job_id + std::string{kLogEnding});
}

Result<void> StoredJobFiles::make_workspace(const std::string& job_id,
                                            const std::optional<std::string>& upload_id) const {
  const auto home = directory(job_id);
  FLASHPODS_FAILPOINT("job.preparing");
  if (auto made = make_directories(home / "artifacts"); !made) return made;
  if (upload_id) return uploads_.move_to_job(*upload_id, home / "work");
  return make_directories(home / "work");
}

Awaitable<Result<void>> StoredJobFiles::prepare(std::string job_id,
                                                std::optional<std::string> upload_id) {
  // A few renames: not worth a trip through the pool, this is on the way to the first output byte.
  co_return make_workspace(job_id, upload_id);
}

Awaitable<Result<Collected>> StoredJobFiles::collect(std::string job_id) {
  auto work = [source = directory(job_id) / "artifacts",
               destination = directories_.artifacts / job_id, limits = limits_,
               stop = stop_.get_token()] {
    return artifacts::collect(source, destination, limits, stop);
  };
  auto found = co_await run_on_own_thread(std::move(work));
  if (!found) co_return std::unexpected(found.error());
  co_return to_collected(std::move(job_id), std::move(*found));
}

Awaitable<std::string> StoredJobFiles::log_tail(std::string job_id, std::size_t bytes) {
  co_return read_end(log_file(job_id), bytes);
}

std::optional<std::uint64_t> StoredJobFiles::free_bytes() const {
  const auto free = free_space(directories_.jobs);
  return free ? std::optional(*free) : std::nullopt;
}

Awaitable<Result<void>> StoredJobFiles::remove_workspace(std::string job_id) {
  auto work = [path = directory(job_id)] { return remove_tree(path); };
  co_return co_await run_on_own_thread(std::move(work));
}

Awaitable<Result<void>> StoredJobFiles::remove_log(std::string job_id) {
  auto work = [path = log_file(job_id)] { return logs::remove_log(path); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<Result<void>> StoredJobFiles::remove_artifacts(std::string job_id) {
  auto work = [path = directories_.artifacts / job_id] { return remove_tree(path); };
  co_return co_await pool_.run(std::move(work));
}

Awaitable<JobsOnDisk> StoredJobFiles::on_disk() {
  auto work = [directories = directories_] {
    JobsOnDisk found;
    add_job_ids(directories.jobs, "", found.workspaces);
    add_job_ids(directories.artifacts, "", found.results);
    add_job_ids(directories.logs, kLogEnding, found.results);
    add_job_ids(directories.logs, kIndexEnding, found.results);
    std::ranges::sort(found.results);
    const auto repeated = std::ranges::unique(found.results);
    found.results.erase(repeated.begin(), repeated.end());
    return found;
  };
  co_return co_await pool_.run(std::move(work));
}

}  // namespace flashpods::jobs
