#include "executors/podman/podman_executor.h"

#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

#include "async/retry.h"
#include "base/failpoint.h"
#include "base/files.h"
#include "base/random.h"
#include "executors/podman/container_record.h"
#include "executors/podman/job_follower.h"
#include "executors/podman/podman_words.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"
#include "executors/shim/job_processes.h"
#include "executors/shim/lan_isolation.h"
#include "executors/shim/leftovers.h"
#include "executors/shim/shim_records.h"

namespace flashpods::executors {

namespace {

constexpr Seconds kPodmanPatience{60};
constexpr std::size_t kMostPodmanOutput = 64 * 1024 * 1024;

/// What would break podman's own syntax of -v, or is no job of ours.
Result<void> check(const jobs::ContainerSpec& spec) {
  if (!is_job_id(spec.job_id)) {
    return fail(ErrorKind::kInternal, "invalid_job_id", "The job's id is not one of ours.");
  }
  const auto directory = spec.directory.string();
  if (!spec.directory.is_absolute() || directory.contains(':')) {
    return fail(ErrorKind::kInternal, "invalid_directory",
                "The state directory must be absolute and without ':': podman cannot mount '" +
                    directory + "'.");
  }
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.contains('=') || name.contains('\0') || value.contains('\0')) {
      return fail(ErrorKind::kInvalid, "invalid_env", "An environment variable is malformed.");
    }
  }
  return {};
}

/// No shim ever had the job: spec.json is durable before the first one starts. A file that cannot
/// be looked at proves nothing.
bool was_never_launched(const jobs::ContainerSpec& spec) {
  std::error_code ignored;
  const auto found = std::filesystem::symlink_status(spec.directory / shim::kSpecFile, ignored);
  return found.type() == std::filesystem::file_type::not_found;
}

/// Without a sync: no job starts from it once the host has restarted.
Result<void> write_hosts(const jobs::ContainerSpec& spec) {
  const auto path = spec.directory / podman::kHostsFile;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) return std::unexpected(errno_error("cannot write the job's hosts file"));
  return write_all(file.get(), podman::hosts_text(spec));
}

Result<void> write_spec_once(const shim::JobRecord& record) {
  const auto file = record.spec.directory / shim::kSpecFile;
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return {};
  if (auto made = write_hosts(record.spec); !made) return made;
  return write_file_durably(file, shim::to_text(record));
}

}  // namespace

PodmanExecutor::PodmanExecutor(PodmanExecutorConfig config, Parts parts)
    : config_(std::move(config)), with_(std::move(parts)) {
  if (config_.settings.user.empty()) {
    config_.settings.user = std::to_string(::geteuid()) + ':' + std::to_string(::getegid());
  }
}

PodmanExecutor::~PodmanExecutor() = default;

std::shared_ptr<JobFollower> PodmanExecutor::known(const std::string& job_id) const {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) throw std::logic_error("no launch() before waiting for " + job_id);
  return found->second;
}

std::shared_ptr<JobFollower> PodmanExecutor::begin(const jobs::ContainerSpec& spec) {
  const FollowerTools tools{
      config_.shim_program,
      with_.pool,
      with_.timer,
      with_.tasks,
      with_.log,
      [this](std::string job_id) { return remove(std::move(job_id)); },
      config_.most_shim_deaths,
  };
  const auto job =
      std::make_shared<JobFollower>(with_.executor, spec.job_id, spec.directory, tools);
  jobs_[spec.job_id] = job;
  const shim::JobRecord record{spec, config_.settings, shim::boot_time()};
  auto follow = [this, job, record] { return write_and_follow(job, record); };
  auto failed = [this, id = spec.job_id](const std::string& what) {
    with_.log.error("follow_waits", {{"job", id}, {"what", what}});
  };
  with_.tasks.start("follow " + spec.job_id,
                    retry(with_.timer, std::move(follow), std::move(failed)));
  return job;
}

Awaitable<void> PodmanExecutor::write_and_follow(std::shared_ptr<JobFollower> job,
                                                 shim::JobRecord record) {
  // Its container may run: only a shim can tell, however long it takes until one can be started.
  job->responsible = job->responsible || record.spec.adopt_only;
  const auto write = [record = std::move(record)] { return write_spec_once(record); };
  const auto written = co_await with_.pool.run(write);
  FLASHPODS_FAILPOINT("job.spec_written");
  if (written) co_return co_await job->follow();
  job->failure = written.error();
  job->changed().notify();
}

Awaitable<Result<void>> PodmanExecutor::launch(jobs::ContainerSpec spec) {
  if (auto checked = check(spec); !checked) co_return checked;
  const auto found = jobs_.find(spec.job_id);
  if (found == jobs_.end() && spec.adopt_only && was_never_launched(spec)) {
    co_return fail(ErrorKind::kNotFound, "never_launched", "The job was never handed to a shim.");
  }
  const auto job = found == jobs_.end() ? begin(spec) : found->second;
  while (!job->responsible && !job->removed && !job->failure) co_await job->changed().wait();
  if (!job->failure) co_return Result<void>();
  jobs_.erase(spec.job_id);
  co_return std::unexpected(*job->failure);
}

Awaitable<std::variant<jobs::Started, jobs::Exited>> PodmanExecutor::wait_started(
    std::string job_id) {
  const auto job = known(job_id);
  while (!job->started && !job->exited) co_await job->changed().wait();
  if (job->started) co_return *job->started;
  co_return *job->exited;
}

Awaitable<jobs::Exited> PodmanExecutor::wait_exited(std::string job_id) {
  const auto job = known(job_id);
  while (!job->exited) co_await job->changed().wait();
  co_return *job->exited;
}

Awaitable<void> PodmanExecutor::wait_removed(std::string job_id) {
  const auto job = known(job_id);
  while (!job->removed) co_await job->changed().wait();
  jobs_.erase(job_id);
}

Awaitable<void> PodmanExecutor::stop(std::string job_id) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) co_return;
  const auto job = found->second;
  co_await job->stop();
}

Awaitable<Result<void>> PodmanExecutor::force_end(std::string job_id, jobs::EndCause cause) {
  const auto job = known(job_id);
  co_return co_await job->force_end(cause);
}

Awaitable<Result<std::string>> PodmanExecutor::podman(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  command.env = tool_environment();
  command.env["LC_ALL"] = "C.UTF-8";
  command.timeout = kPodmanPatience;
  command.max_output = kMostPodmanOutput;
  auto result = co_await with_.runner.run(std::move(command));
  if (!result) co_return std::unexpected(result.error());
  if (result->ok()) co_return std::move(result->out);
  const auto words =
      result->timed_out ? std::string("no answer") : podman::podman_message(result->err);
  co_return fail(ErrorKind::kUnavailable, "podman_failed", "podman failed: " + words);
}

Awaitable<Result<void>> PodmanExecutor::remove(std::string job_id) {
  if (!is_job_id(job_id)) co_return fail(ErrorKind::kInvalid, "invalid_job_id", "No job's id.");
  // By id: somebody else's container may have the name.
  const auto ours = co_await list();
  if (!ours) co_return std::unexpected(ours.error());
  for (const auto& container : *ours) {
    if (container.job_id != job_id || container.container_id.empty()) continue;
    auto words = podman::remove_command(config_.settings, container.container_id);
    const auto answer = co_await podman(std::move(words));
    if (!answer) co_return std::unexpected(answer.error());
  }
  co_await end_leftovers(job_id);
  co_return Result<void>();
}

/// What podman would forget without ending it.
Awaitable<void> PodmanExecutor::end_leftovers(std::string job_id) {
  const auto look = [job_id] { return shim::end_leftovers_once(job_id); };
  for (int looks = 0; looks < shim::kLeftoversLooks; ++looks) {
    if (!co_await with_.pool.run(look)) co_return;
    co_await with_.timer.sleep_for(shim::kLeftoversPause);
  }
}

Awaitable<Result<std::vector<jobs::Observed>>> PodmanExecutor::list() {
  std::vector<std::string> words{config_.settings.podman,
                                 "ps",
                                 "--all",
                                 "--filter",
                                 "label=flashpods-instance=" + config_.instance,
                                 "--format",
                                 "json"};
  const auto answer = co_await podman(std::move(words));
  if (!answer) co_return std::unexpected(answer.error());
  auto parsed = podman::parse_list(*answer);
  if (!parsed) co_return fail(ErrorKind::kUnavailable, "podman_failed", "podman ps gave no list.");
  auto with_processes = co_await with_.pool.run([] { return shim::jobs_with_processes(); });
  for (const auto& container : *parsed) with_processes.erase(container.job_id);
  for (const auto& job_id : with_processes) parsed->push_back({job_id, "", true});
  co_return std::move(*parsed);
}

Awaitable<Result<Capabilities>> PodmanExecutor::probe() {
  std::vector<std::string> words{config_.settings.podman, "info", "--format", "json"};
  const auto answer = co_await podman(std::move(words));
  if (!answer) co_return std::unexpected(answer.error());
  auto parsed = parse_podman_info(*answer);
  if (parsed) {
    parsed->lan_isolation = config_.settings.isolate_lan && shim::can_close_private_networks();
    co_return std::move(*parsed);
  }
  co_return fail(ErrorKind::kUnavailable, "podman_failed", "podman info gave no description.");
}

}  // namespace flashpods::executors
