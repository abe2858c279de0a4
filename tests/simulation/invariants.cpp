#include "simulation/invariants.h"

#include <algorithm>

#include <fmt/format.h>

#include "artifacts/repository.h"
#include "jobs/admission.h"
#include "jobs/state_machine.h"

namespace flashpods::simulation {

using jobs::Status;

namespace {

/// What attempts that fail or hang, and waits for a full disk, may add.
constexpr Milliseconds kSlack = std::chrono::minutes{15};

}  // namespace

struct Invariants::Seen {
  std::string id;
  Status status;
  std::optional<std::string> key;
  std::optional<std::string> outcome;
  std::optional<std::int64_t> exit_code;
  std::string error;
  std::string message;
  std::optional<Time> stop_requested_at;
  bool released;
  bool log_deleted;
  bool artifacts_deleted;
  std::optional<Time> log_expires_at;
  std::optional<Time> artifacts_expires_at;
  Milliseconds run_limit;

  [[nodiscard]] bool is_over() const { return !jobs::is_active(status); }
  [[nodiscard]] Status end() const { return *jobs::parse_status(outcome.value_or("failed")); }
};

std::vector<Invariants::Seen> Invariants::jobs_in(Transaction& tx) {
  std::vector<Seen> all;
  for (const auto& row : tx.rows("SELECT * FROM jobs ORDER BY id")) {
    all.push_back({row.text("id"), *jobs::parse_status(row.text("status")),
                   row.optional_text("client_job_id"), row.optional_text("outcome"),
                   row.optional_integer("exit_code"), row.optional_text("error").value_or(""),
                   row.optional_text("message").value_or(""),
                   row.optional_time("stop_requested_at"),
                   row.optional_text("released_at").has_value(),
                   row.optional_text("log_deleted_at").has_value(),
                   row.optional_text("artifacts_deleted_at").has_value(),
                   row.optional_time("log_expires_at"), row.optional_time("artifacts_expires_at"),
                   std::chrono::minutes{row.integer("timeout_minutes")}});
  }
  return all;
}

void Invariants::violation(const std::string& job, const std::string& what) {
  scheduler_.trace().violation(job + ": " + what);
}

bool Invariants::is_cleaned(const std::string& job_id) const {
  const auto found = last_.find(job_id);
  return found != last_.end() && found->second == Status::kCleaned;
}

void Invariants::after_commit(Transaction& tx) {
  latest_ = std::max(latest_, scheduler_.clock().now());
  const auto changes = tx.row("SELECT total_changes() AS n")->integer("n");
  if (std::exchange(changes_, changes) == changes) return;
  const auto all = jobs_in(tx);
  std::map<std::string, std::string> by_key;
  for (const Seen& job : all) {
    check_transition(job);
    note_end_before_stop(job);
    check_outcome(job);
    check_kept(job);
    check_reason(job);
    note_times(job);
    if (!job.key) continue;
    if (job.status == Status::kCleaned) {
      std::erase_if(promises.job_of_key, [&](const auto& entry) { return entry.second == job.id; });
      continue;
    }
    if (!by_key.emplace(*job.key, job.id).second)
      violation(job.id, "a second job of key " + *job.key);
  }
  if (last_.size() > all.size()) scheduler_.trace().violation("a job's row is gone");
  check_admission(tx);
  look_at_uploads(tx);
}

void Invariants::note_times(const Seen& job) {
  const auto now = scheduler_.clock().monotonic();
  Life& life = lives_[job.id];
  life.run_limit = job.run_limit;
  life.runs = job.status == Status::kRunning;
  life.released = job.released;
  if (!life.starting && job.status != Status::kPending) life.starting = now;
  if (!life.stop && job.stop_requested_at) life.stop = now;
  if (!life.over && job.is_over()) life.over = now;
}

bool Invariants::all_released() const {
  return std::ranges::all_of(lives_, [](const auto& entry) { return entry.second.released; });
}

std::optional<Milliseconds> Invariants::due(const std::string& id, const Life& life) const {
  const auto since = [this](Milliseconds moment) { return std::max(moment, daemon_since_); };
  const auto last = limits_.overdue_bound + kSlack;
  if (life.released) return std::nullopt;
  if (life.over) return since(*life.over) + last;
  if (!life.starting) return std::nullopt;
  auto due = since(*life.starting) + limits_.start_limit + life.run_limit;
  const Container* container = containers_.find(id);
  if (container != nullptr && life.runs && container->noted == Container::Phase::kRunning) {
    due = std::min(due, since(container->began + life.run_limit));
  }
  if (life.stop) due = std::min(due, since(*life.stop));
  return due + limits_.grace + last;
}

/// Whatever one job does, it ends in time, and what it holds is free soon after.
void Invariants::check_times() {
  const auto now = scheduler_.clock().monotonic();
  for (const auto& [id, life] : lives_) {
    const auto latest = due(id, life);
    if (!latest || now <= *latest) continue;
    violation(id, fmt::format("{} in time, {} s after its daemon started",
                              life.over ? "is not released" : "does not end",
                              std::chrono::floor<Seconds>(now - daemon_since_).count()));
  }
}

/// No state moves backwards, and a job that is over keeps its end.
void Invariants::check_transition(const Seen& job) {
  const auto [entry, is_new] = last_.emplace(job.id, job.status);
  if (is_new || entry->second == job.status) return;
  if (!jobs::may_become(entry->second, job.status)) {
    violation(job.id, fmt::format("went from {} to {}", jobs::to_string(entry->second),
                                  jobs::to_string(job.status)));
  }
  entry->second = job.status;
}

/// Remembers the jobs whose command had ended before anybody asked for the stop: the container may
/// be gone by the time that the job's end is committed.
void Invariants::note_end_before_stop(const Seen& job) {
  const Container* container = containers_.find(job.id);
  if (!job.stop_requested_at || container == nullptr) return;
  if (container->phase >= Container::Phase::kEnded &&
      container->exited.at < *job.stop_requested_at) {
    ended_before_stop_.insert(job.id);
  }
}

/// The end is the container's own, and a cancelled job never completes.
void Invariants::check_outcome(const Seen& job) {
  if (!job.is_over()) return;
  const auto outcome = job.end();
  const bool stopped = job.stop_requested_at || promises.stopped.contains(job.id);
  if (stopped && outcome == Status::kCompleted && !ended_before_stop_.contains(job.id)) {
    violation(job.id, "was cancelled and completed");
  }
  if (outcome == Status::kCompleted && job.exit_code != 0) {
    violation(job.id, "completed without exit code 0");
  }
  const Container* container = containers_.find(job.id);
  if (container == nullptr) return;
  if (container->phase < Container::Phase::kEnded) {
    return violation(job.id, "is over while its container runs");
  }
  if (job.released && container->phase != Container::Phase::kGone) {
    violation(job.id, "is released before its container is gone");
  }
  const auto code = container->exited.exit_code;
  const bool by_itself = container->exited.cause == jobs::EndCause::kExited;
  if ((by_itself || job.exit_code) && job.exit_code != code) {
    violation(job.id, fmt::format("exit code {}, not the container's {}",
                                  job.exit_code.value_or(-1), code.value_or(-1)));
  }
  if (by_itself && !stopped && outcome == Status::kFailed && code == 0 &&
      !container->exited.host_restarted_since) {
    violation(job.id, "failed although its command did not: " + job.message);
  }
}

/// Until their time is over, log and artifacts of a job that is over are there, whole.
void Invariants::check_kept(const Seen& job) {
  if (!job.is_over()) return;
  const Container* container = containers_.find(job.id);
  const bool ran = container != nullptr && container->exited.started.has_value();
  if (!ran) return;
  if (!job.log_deleted && job.status != Status::kCleaning && job.log_expires_at > latest_) {
    const auto log = disk_.now.logs.find(job.id);
    const bool there = log != disk_.now.logs.end();
    const bool whole = there && log->second->content == container->says;
    if (!there || (container->log_kept && !whole))
      violation(job.id, "its log is gone or not whole");
  }
  const bool written = container->writes && !container->cut_short;
  if (job.artifacts_deleted || !written || job.artifacts_expires_at <= latest_) return;
  const auto kept = disk_.now.artifacts.find(job.id);
  const bool whole =
      kept != disk_.now.artifacts.end() && kept->second->content == *container->writes;
  // What the power took before it could be collected must at least be said.
  const bool said = job.message.contains("The host restarted");
  if (!whole && !said) violation(job.id, "its artifact is gone or not whole");
}

/// A job that did not run has a true reason for it. Asked once: containers are forgotten later.
void Invariants::check_reason(const Seen& job) {
  if (!job.is_over() || !over_.insert(job.id).second) return;
  if (job.error == "container_start_failed" && !job.message.contains("simulated")) {
    violation(job.id, "did not start, and nothing had failed: " + job.message);
  }
  const bool lost =
      job.error == "container_not_found_on_recovery" || job.error == "container_lost_on_recovery";
  const Container* container = containers_.find(job.id);
  const bool truly = container != nullptr && (container->exited.cause == jobs::EndCause::kLost ||
                                              container->exited.host_restarted_since);
  if (lost && !truly) {
    violation(job.id, "is lost, and nothing had happened to it");
  }
}

void Invariants::look_at_uploads(Transaction& tx) {
  for (const auto& row : tx.rows("SELECT * FROM uploads")) {
    const auto state = row.text("state");
    const auto known = snapshots_.find(row.text("id"));
    if (state == "finalized") {
      const auto content = static_cast<Content>(row.integer("size_bytes"));
      const Snapshot now{content, true, row.optional_text("job_id").value_or("")};
      snapshots_.insert_or_assign(row.text("id"), now);
    } else if (known != snapshots_.end()) {
      known->second.wanted = false;
    }
  }
}

/// A snapshot's bytes never change, and until it has served it is there.
void Invariants::check_uploads() {
  const auto& disk = disk_.now;
  for (const auto& [id, snapshot] : snapshots_) {
    const auto home = disk.workspaces.find(snapshot.job_id);
    File file = home == disk.workspaces.end() ? nullptr : home->second.work;
    for (const auto* place : {&disk.sealed, &disk.received}) {
      const auto found = place->find(id);
      if (found != place->end()) file = found->second;
    }
    if (file == nullptr && snapshot.wanted) violation(id, "was finalized and is gone");
    if (file != nullptr && file->content != snapshot.content) {
      violation(id, "changed after it was finalized");
    }
  }
}

void Invariants::check_admission(Transaction& tx) {
  const auto held = jobs::usage(tx).held;
  if (held.cpus > limits_.capacity.cpus || held.memory_gb > limits_.capacity.memory_gb) {
    scheduler_.trace().violation(
        fmt::format("{} CPUs and {} GB are given away", held.cpus, held.memory_gb));
  }
}

void Invariants::at_any_time() {
  latest_ = std::max(latest_, scheduler_.clock().now());
  std::int64_t cpus = 0;
  std::int64_t memory = 0;
  for (const auto& [id, container] : containers_.all()) {
    if (containers_.starts_of(id) > 1) violation(id, "its command ran twice");
    if (container.forced_early) violation(id, "was ended by force while it had time");
    if (container.phase == Container::Phase::kGone) continue;
    cpus += container.spec.cpus;
    memory += container.spec.memory_gb;
    if (!last_.contains(id)) violation(id, "has a container and no row");
  }
  if (cpus > limits_.capacity.cpus || memory > limits_.capacity.memory_gb) {
    scheduler_.trace().violation(fmt::format("containers hold {} CPUs, {} GB", cpus, memory));
  }
  check_uploads();
  check_times();
}

void Invariants::at_rest(Transaction& tx) {
  std::set<std::string> known;
  for (const Seen& job : jobs_in(tx)) {
    known.insert(job.id);
    if (!job.is_over()) violation(job.id, "never ends");
    if (!job.released) violation(job.id, "is never released");
    if (disk_.now.workspaces.contains(job.id)) violation(job.id, "left its workspace");
    const Container* container = containers_.find(job.id);
    if (container != nullptr && container->phase != Container::Phase::kGone) {
      violation(job.id, "left its container");
    }
  }
  for (const auto& id : promises.acknowledged) {
    if (!known.contains(id)) violation(id, "was acknowledged and is gone");
  }
  for (const auto& [id, container] : containers_.all()) {
    if (!known.contains(id)) violation(id, "a container without a job");
  }
}

void Invariants::long_after(Transaction& tx) {
  for (const Seen& job : jobs_in(tx)) {
    if (job.status != Status::kCleaned) violation(job.id, "is never cleaned");
  }
  const auto& disk = disk_.now;
  const auto left = disk.received.size() + disk.sealed.size() + disk.transfers.size() +
                    disk.workspaces.size() + disk.artifacts.size() + disk.logs.size();
  if (left > 0) {
    scheduler_.trace().violation(fmt::format(
        "left on the disk: {} received, {} sealed, {} transfers, {} workspaces, {} artifacts, {} "
        "logs",
        disk.received.size(), disk.sealed.size(), disk.transfers.size(), disk.workspaces.size(),
        disk.artifacts.size(), disk.logs.size()));
  }
}

}  // namespace flashpods::simulation
