#include "jobs/retention.h"

#include "artifacts/repository.h"
#include "base/failpoint.h"
#include "jobs/repository.h"
#include "logs/log_files.h"

namespace flashpods::jobs {

namespace {

bool is_due(const std::optional<Time>& expires, const std::optional<Time>& deleted, Time now) {
  return !deleted && expires && *expires <= now;
}

}  // namespace

Awaitable<void> Retention::sweep() {
  const Time now = with_.clock.now();
  auto body = [now](Transaction& tx) { return due_for_cleanup(tx, now); };
  const auto due = co_await with_.store.read(std::move(body));
  for (const Kept& job : due) co_await clean(job);
  co_await drop_oldest_logs();
  co_await remove_unknown_files();
}

Awaitable<void> Retention::clean(Kept job) {
  const Time now = with_.clock.now();
  const bool artifacts_due = is_due(job.artifacts_expires_at, job.artifacts_deleted_at, now);
  const bool log_due = is_due(job.log_expires_at, job.log_deleted_at, now);
  const bool last = (artifacts_due || job.artifacts_deleted_at) && (log_due || job.log_deleted_at);
  if (last) {
    auto begin = [id = job.id, now](Transaction& tx) { mark_cleaning(tx, id, now); };
    co_await with_.store.transact(std::move(begin));
    FLASHPODS_FAILPOINT("job.cleaning");
  }
  if (artifacts_due) co_await delete_artifacts(job.id);
  if (log_due) co_await delete_log(job.id);
  const auto after = co_await kept(job.id);
  if (!last || !after || !after->artifacts_deleted_at || !after->log_deleted_at) co_return;
  auto finish = [id = job.id, now](Transaction& tx) { mark_cleaned(tx, id, now); };
  co_await with_.store.transact(std::move(finish));
  FLASHPODS_FAILPOINT("job.cleaned");
  with_.log.info("job_cleaned", {{"job", job.id}});
}

Awaitable<void> Retention::delete_artifacts(std::string job_id) {
  const auto removed = co_await with_.files.remove_artifacts(job_id);
  FLASHPODS_FAILPOINT("job.artifacts_removed");
  if (!done("artifacts", job_id, removed)) co_return;
  auto body = [job_id, now = with_.clock.now()](Transaction& tx) {
    artifacts::remove_all(tx, job_id);
    mark_artifacts_deleted(tx, job_id, now);
  };
  co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.artifacts_noted");
}

Awaitable<void> Retention::delete_log(std::string job_id) {
  const auto removed = co_await with_.files.remove_log(job_id);
  FLASHPODS_FAILPOINT("job.log_removed");
  if (!done("log", job_id, removed)) co_return;
  auto body = [job_id, now = with_.clock.now()](Transaction& tx) {
    mark_log_deleted(tx, job_id, now);
  };
  co_await with_.store.transact(std::move(body));
  FLASHPODS_FAILPOINT("job.log_noted");
}

Awaitable<void> Retention::drop_oldest_logs() {
  auto kept = co_await with_.store.read([](Transaction& tx) { return kept_logs(tx); });
  const auto chosen = logs::choose_logs_to_delete(std::move(kept), limits_.max_total_log_bytes);
  for (const std::string& id : chosen) co_await delete_log(id);
}

Awaitable<void> Retention::remove_orphans() {
  const auto containers = co_await with_.executor.list();
  if (!containers) {
    with_.log.error("containers_not_listed", {{"message", containers.error().message}});
    co_return;
  }
  for (const Observed& container : *containers) {
    const auto gone = co_await released(container.job_id);
    if (gone && !*gone) continue;                           // its own coroutine sees to it
    if (!gone && container.container_id.empty()) continue;  // of another instance, perhaps
    with_.log.warning("orphan_container", {{"job", container.job_id}});
    const auto removed = co_await with_.executor.remove(container.job_id);
    done("container", container.job_id, removed);
  }
}

/// A workspace is left where its removal failed; the rest only where a crash came before any row.
Awaitable<void> Retention::remove_unknown_files() {
  JobsOnDisk on_disk = co_await with_.files.on_disk();
  auto body = [found = std::move(on_disk)](Transaction& tx) {
    JobsOnDisk unknown;
    for (const auto& id : found.workspaces) {
      if (is_released(tx, id).value_or(true)) unknown.workspaces.push_back(id);
    }
    for (const auto& id : found.results) {
      if (!is_released(tx, id)) unknown.results.push_back(id);
    }
    return unknown;
  };
  const auto unknown = co_await with_.store.read(std::move(body));
  for (const std::string& id : unknown.workspaces) {
    const auto removed = co_await with_.files.remove_workspace(id);
    done("workspace", id, removed);
  }
  for (const std::string& id : unknown.results) {
    const auto artifacts = co_await with_.files.remove_artifacts(id);
    done("artifacts", id, artifacts);
    const auto log = co_await with_.files.remove_log(id);
    done("log", id, log);
  }
}

Awaitable<std::optional<Kept>> Retention::kept(std::string job_id) {
  auto body = [job_id](Transaction& tx) { return kept_of(tx, job_id); };
  co_return co_await with_.store.read(std::move(body));
}

Awaitable<std::optional<bool>> Retention::released(std::string job_id) {
  auto body = [job_id](Transaction& tx) { return is_released(tx, job_id); };
  co_return co_await with_.store.read(std::move(body));
}

bool Retention::done(std::string_view what, const std::string& job_id,
                     const Result<void>& removal) {
  if (removal) return true;
  with_.log.error("not_removed",
                  {{"job", job_id}, {"what", what}, {"message", removal.error().message}});
  return false;
}

}  // namespace flashpods::jobs
