#include "jobs/lifecycle.h"

#include <utility>

#include "async/retry.h"
#include "async/with_timeout.h"
#include "base/failpoint.h"
#include "jobs/request.h"
#include "jobs/state_machine.h"
#include "uploads/repository.h"

namespace flashpods::jobs {

namespace {

constexpr std::size_t kTailForAdvice = 64 * 1024;

/// A job that will never run gives up the upload it reserved.
void give_up_upload(Transaction& tx, const Job& job, Time now) {
  if (job.request.files_id) uploads::release_unused(tx, *job.request.files_id, now);
}

/// That the command ran may never have been noted, where its start could not be.
void settle_upload(Transaction& tx, const Job& job, const Exited& exited, Time now) {
  if (!exited.started) return give_up_upload(tx, job, now);
  if (job.request.files_id) uploads::consume(tx, *job.request.files_id, exited.started->at);
}

/// From when they can be fetched on: artifacts for as long as the job asked, the log as configured.
void set_expiries(Finish& over, const Job& job, const JobLimits& limits) {
  over.log_expires_at = over.now + std::chrono::hours{limits.log_hours};
  over.artifacts_expires_at = over.now + std::chrono::minutes{job.request.keep_minutes};
}

Result<Job> stop_in(Transaction& tx, const std::string& id, Time now, const JobLimits& limits) {
  auto job = find(tx, id);
  if (!job) return fail(ErrorKind::kNotFound, "job_not_found", "There is no such job");
  if (!is_active(job->status)) return std::move(*job);
  request_stop(tx, id, now);
  if (job->status != Status::kPending) return *find(tx, id);
  // Nothing of it exists yet: it is over at once.
  Finish over;
  over.ending = {Status::kCancelled, "cancelled", "Job was cancelled before it started"};
  over.exited.cause = EndCause::kCancelled;
  over.ended_at = over.now = now;
  set_expiries(over, *job, limits);
  finish(tx, id, over);
  give_up_upload(tx, *job, now);
  return *find(tx, id);
}

}  // namespace

Lifecycle::Lifecycle(Surroundings surroundings, JobLimits limits, std::string instance,
                     bool limits_enforced, ::flashpods::Executor loop)
    : with_(surroundings),
      executor_({with_.executor, with_.clock, with_.timer, with_.log, loop}, limits.overdue_bound),
      limits_(std::move(limits)),
      instance_(std::move(instance)),
      limits_enforced_(limits_enforced),
      start_slots_(static_cast<std::size_t>(limits_.concurrent_starts)),
      tasks_(std::move(loop), [this](const std::string& task, const std::string& what) {
        with_.log.error("task_failed", {{"task", task}, {"what", what}});
      }) {}

Awaitable<Result<Creation>> Lifecycle::create(JobRequest request) {
  Semaphore::Permit permit = start_slots_.try_acquire();
  const CreationContext context{make_job_id(with_.random), with_.clock.now(),
                                static_cast<bool>(permit), with_.files.free_bytes(),
                                limits_enforced_};
  auto body = [request = std::move(request), limits = limits_, context](Transaction& tx) {
    auto made = jobs::create(tx, request, limits, context);
    FLASHPODS_FAILPOINT("job.creating");
    return made;
  };
  auto creation = co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.created");
  if (creation && creation->created) {
    with_.log.info("job_created", {{"job", creation->job.id}});
    supervise(creation->job.id, Origin::kNew, std::move(permit));
  }
  co_return creation;
}

Awaitable<Result<Job>> Lifecycle::stop(std::string job_id) {
  const Time now = with_.clock.now();
  auto body = [job_id, now, limits = limits_](Transaction& tx) {
    auto asked = stop_in(tx, job_id, now, limits);
    FLASHPODS_FAILPOINT("job.stopping");
    return asked;
  };
  auto job = co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.stop_noted");
  if (job) co_await executor_.stop(job_id);
  FLASHPODS_FAILPOINT("job.stop_passed_on");
  // A job that never got a start slot holds nothing but its reservation: free it now.
  if (job && is_terminal(job->status) && !job->released_at && !job->started_at &&
      !executor_.knows(job_id)) {
    auto attempt = [this, job_id] { return release(job_id, false); };
    tasks_.start("release " + job_id, until_done(job_id, std::move(attempt)));
  }
  co_return job;
}

Awaitable<void> Lifecycle::recover() {
  const auto ids = co_await with_.store.read([](Transaction& tx) { return unfinished(tx); });
  for (const std::string& id : ids) supervise(id, Origin::kRecovered, {});
}

Awaitable<void> Lifecycle::close() { co_await tasks_.close(); }

void Lifecycle::supervise(const std::string& job_id, Origin origin, Semaphore::Permit permit) {
  if (!supervised_.insert(job_id).second) return;
  tasks_.start(job_id, run_until_released(job_id, origin, std::move(permit)));
}

Awaitable<void> Lifecycle::run_until_released(std::string job_id, Origin origin,
                                              Semaphore::Permit permit) {
  // Every step can be repeated from what the row says; whose job it is stays as it was, or one that
  // this process has yet to start would count as vanished.
  auto attempt = [this, &job_id, &origin, &permit] {
    return run(job_id, origin, std::exchange(permit, Semaphore::Permit{}));
  };
  co_await until_done(job_id, std::move(attempt));
  supervised_.erase(job_id);
  executor_.forget(job_id);
}

/// The disk may be full, or memory or epoll watches used up: none of it lasts, and the job stays.
Awaitable<void> Lifecycle::until_done(std::string job_id,
                                      std::function<Awaitable<void>()> attempt) {
  auto failed = [this, job_id](const std::string& what) {
    with_.log.error("job_waits", {{"job", job_id}, {"what", what}});
  };
  return retry(with_.timer, std::move(attempt), std::move(failed));
}

Awaitable<void> Lifecycle::run(std::string job_id, Origin& origin, Semaphore::Permit permit) {
  Job job = co_await load(job_id);
  if (job.status == Status::kPending) {
    if (co_await become_starting(job_id, permit)) origin = Origin::kNew;
    job = co_await load(job_id);
  }
  if (is_active(job.status)) {
    Exited exited = co_await run_container(job, origin, std::move(permit));
    co_await end(std::move(job), std::move(exited));
  }
  const bool launched = executor_.knows(job_id);
  if (!launched) co_await remove_left_container(job_id);
  co_await release(job_id, launched);
}

/// What a job holds is free again only when its container is known to be gone.
Awaitable<void> Lifecycle::remove_left_container(std::string job_id) {
  const auto removed = co_await executor_.remove(job_id);
  if (!removed) throw StoreError(removed.error().message, false);
}

Awaitable<bool> Lifecycle::become_starting(std::string job_id, Semaphore::Permit& permit) {
  if (!permit) permit = co_await start_slots_.acquire();
  const Time now = with_.clock.now();
  auto body = [job_id, now](Transaction& tx) { return mark_starting(tx, job_id, now); };
  FLASHPODS_FAILPOINT("job.becoming_starting");
  const bool became = co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.starting");
  co_return became;
}

Awaitable<Exited> Lifecycle::run_container(Job job, Origin origin, Semaphore::Permit permit) {
  if (!executor_.knows(job.id)) {
    if (auto ended = co_await hand_over(job, origin, permit)) co_return std::move(*ended);
    FLASHPODS_FAILPOINT("job.launched");
  }
  // A stop between the row's creation and here found nobody to tell.
  const Job now = co_await load(job.id);
  if (now.stop_requested_at) co_await executor_.stop(job.id);

  auto first = co_await wait_started(job, std::move(permit));
  if (auto* exited = std::get_if<Exited>(&first)) co_return std::move(*exited);
  co_await note_running(job, std::get<Started>(first));
  auto exited = co_await executor_.wait_exited(job.id);
  FLASHPODS_FAILPOINT("job.exited");
  co_return exited;
}

/// Nothing once the executor has the job; else how it ended without a container. A job of an
/// earlier process that was never handed over is launched now: nothing of it can have started
/// (docs/decisions/0007).
Awaitable<std::optional<Exited>> Lifecycle::hand_over(Job job, Origin origin,
                                                      Semaphore::Permit& permit) {
  if (origin == Origin::kRecovered) {
    const auto adopted = co_await launch(job, true);
    if (adopted) co_return std::nullopt;
    if (job.status == Status::kRunning) {
      co_await remove_left_container(job.id);
      co_return never_started(EndCause::kLost, "");
    }
    if (!permit) permit = start_slots_.try_acquire();
    with_.log.info("job_launched_after_restart", {{"job", job.id}});
  }
  if (job.stop_requested_at) co_return never_started(EndCause::kCancelled, "");
  const auto launched = co_await launch(job, false);
  if (launched) co_return std::nullopt;
  log_error("job_not_launched", job.id, launched.error());
  co_return never_started(EndCause::kStartFailed, launched.error().message);
}

Awaitable<Result<void>> Lifecycle::launch(Job job, bool adopt) {
  if (!adopt) {
    auto prepared = co_await with_.files.prepare(job.id, job.request.files_id);
    if (!prepared) co_return prepared;
  }
  auto body = [id = job.id](Transaction& tx) { return texts(tx, id); };
  const auto whole = co_await with_.store.read(std::move(body));
  if (!whole) co_return fail(ErrorKind::kInternal, "request_lost", "The job's command is lost.");
  FLASHPODS_FAILPOINT("job.launching");
  co_return co_await executor_.launch(spec_of(job, *whole, adopt));
}

/// A start that takes long (a registry that says nothing, an image on which podman hangs) keeps no
/// other waiting for its turn.
Awaitable<std::variant<Started, Exited>> Lifecycle::wait_started(Job job,
                                                                 Semaphore::Permit permit) {
  auto first =
      co_await with_timeout(with_.timer, limits_.start_slot, executor_.wait_started(job.id));
  permit.give_back();
  if (first) co_return std::move(*first);
  co_return co_await executor_.wait_started(job.id);
}

Awaitable<void> Lifecycle::note_running(Job job, Started started) {
  auto body = [job, started](Transaction& tx) {
    mark_running(tx, job, started);
    if (job.request.files_id) uploads::consume(tx, *job.request.files_id, started.at);
  };
  FLASHPODS_FAILPOINT("job.noting_running");
  co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.running");
  with_.log.info("job_running", {{"job", job.id}, {"container", started.container_id}});
}

Awaitable<void> Lifecycle::end(Job job, Exited exited) {
  auto collected = co_await with_.files.collect(job.id);
  if (!collected) {
    log_error("artifacts_not_collected", job.id, collected.error());
    throw StoreError(collected.error().message, true);  // nothing may be lost: try again
  }
  FLASHPODS_FAILPOINT("job.collected");
  const std::string tail = co_await with_.files.log_tail(job.id, kTailForAdvice);
  const Time now = with_.clock.now();
  auto body = [job, exited, tail, now, kept = std::move(*collected),
               limits = limits_](Transaction& tx) {
    const auto current = find(tx, job.id);
    if (!current || !is_active(current->status)) return;
    Finish over;
    over.ending = decide_ending(*current, exited);
    const bool doubtful = exited.host_restarted_since && exited.started;
    if (doubtful) over.ending = with_doubtful_artifacts(over.ending);
    if (kept.conflict) over.ending = with_artifact_conflict(over.ending, *kept.conflict);
    over.hint = advise(*current, over.ending, exited, tail);
    over.exited = exited;
    over.rejected = kept.rejected;
    over.ended_at = ended_at(*current, exited, now);
    over.now = now;
    set_expiries(over, *current, limits);
    finish(tx, job.id, over);
    if (kept.insert_rows) kept.insert_rows(tx, now);
    settle_upload(tx, *current, exited, now);
    FLASHPODS_FAILPOINT("job.ending");
  };
  co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.ended");
  const auto& details = exited.log_details.empty() ? exited.details : exited.log_details;
  with_.log.info("job_ended",
                 {{"job", job.id}, {"cause", to_string(exited.cause)}, {"details", details}});
}

Awaitable<void> Lifecycle::release(std::string job_id, bool launched) {
  if (launched) co_await executor_.wait_removed(job_id);
  FLASHPODS_FAILPOINT("job.container_gone");
  executor_.forget(job_id);  // as the executor has
  if (auto removed = co_await with_.files.remove_workspace(job_id); !removed) {
    log_error("workspace_not_removed", job_id, removed.error());  // the sweep tries again
  }
  FLASHPODS_FAILPOINT("job.workspace_removed");
  const Time now = with_.clock.now();
  auto body = [job_id, now](Transaction& tx) { mark_released(tx, job_id, now); };
  co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.released");
}

Awaitable<Job> Lifecycle::load(std::string job_id) {
  auto body = [job_id](Transaction& tx) { return find(tx, job_id); };
  auto job = co_await with_.store.transact(std::move(body));
  if (!job) throw StoreError("the row of " + job_id + " is gone", false);
  co_return std::move(*job);
}

ContainerSpec Lifecycle::spec_of(const Job& job, const JobTexts& texts, bool adopt) const {
  ContainerSpec spec;
  spec.job_id = job.id;
  spec.instance = instance_;
  spec.type = job.request.type;
  spec.image = job.request.image;
  spec.command = texts.command.value_or("");
  spec.env = container_environment(job, texts);
  spec.cpus = job.request.resources.cpus;
  spec.memory_gb = job.request.resources.memory_gb;
  spec.network = job.request.network;
  spec.workspace = job.request.workspace;
  spec.read_only_root = job.request.read_only_root;
  spec.directory = with_.files.directory(job.id);
  spec.log_file = with_.files.log_file(job.id);
  spec.max_log_bytes = limits_.max_log_bytes;
  spec.max_disk_bytes = limits_.max_disk_bytes;
  spec.min_free_bytes = limits_.min_free_bytes;
  spec.start_limit = limits_.start_limit;
  spec.run_limit = std::chrono::minutes{job.request.timeout_minutes};
  spec.grace = limits_.grace;
  spec.adopt_only = adopt;
  return spec;
}

Exited Lifecycle::never_started(EndCause cause, std::string message) const {
  Exited exited;
  exited.cause = cause;
  exited.message = std::move(message);
  exited.at = with_.clock.now();
  return exited;
}

void Lifecycle::log_error(std::string_view event, const std::string& job_id, const Error& error) {
  with_.log.error(event, {{"job", job_id}, {"error", error.code}, {"message", error.message}});
}

}  // namespace flashpods::jobs
