#include "simulation/containers.h"

#include <algorithm>

namespace flashpods::simulation {

using jobs::EndCause;
using Phase = Container::Phase;
using Shim = Container::Shim;

void Containers::make(jobs::ContainerSpec spec) {
  const auto id = spec.job_id;
  if (containers_.contains(id)) return adopt(id);
  Container container;
  container.spec = std::move(spec);
  container.exit_code = scheduler_.chance(70) ? 0 : 1 + static_cast<int>(scheduler_.below(255));
  container.starts = !scheduler_.chance(5);
  container.runs_for = Seconds{scheduler_.below(scheduler_.chance(10) ? 7200 : 60)};
  container.made = scheduler_.clock().monotonic();
  container.hostile = scheduler_.chance(10);
  container.endless = scheduler_.chance(container.hostile ? 60 : 5);
  if (scheduler_.chance(30)) container.force_failures = 1 + static_cast<int>(scheduler_.below(3));
  container.says = 1 + scheduler_.below(1'000'000);
  if (scheduler_.chance(70)) container.writes = 1 + scheduler_.below(1'000'000);
  containers_.emplace(id, std::move(container));
  adopt(id);
}

void Containers::adopt(const std::string& job_id) {
  const auto found = containers_.find(job_id);
  if (found == containers_.end()) return;
  found->second.log_change = disk_.begin_change();
  disk_.now.logs.try_emplace(job_id, make_file());
}

void Containers::ask_to_stop(const std::string& job_id) {
  const auto found = containers_.find(job_id);
  if (found != containers_.end()) found->second.stop_asked = true;
}

bool Containers::resists(const std::string& job_id) {
  const auto found = containers_.find(job_id);
  return found != containers_.end() && found->second.force_failures-- > 0;
}

void Containers::force_end(const std::string& job_id, EndCause cause) {
  const auto found = containers_.find(job_id);
  if (found == containers_.end() || bug_ == Bug::kForceForgetsContainer) return;
  Container& container = found->second;
  const bool had_time =
      container.phase == Phase::kRunning
          ? !is_overdue(container)
          : scheduler_.clock().monotonic() - container.made < container.spec.start_limit;
  if (container.phase < Phase::kEnded) {
    container.forced_early = had_time && !container.stop_asked;
    be_over(container, cause, std::nullopt);
    container.exited.message = "simulated: ended by force";
  }
  container.phase = Phase::kGone;
}

void Containers::note_forced_end(const std::string& job_id) {
  const auto found = containers_.find(job_id);
  if (found == containers_.end()) return;
  sync_log(found->second);
  found->second.noted = Phase::kGone;
}

void Containers::remove(const std::string& job_id) { containers_.erase(job_id); }

const Container* Containers::find(const std::string& job_id) const {
  const auto found = containers_.find(job_id);
  return found == containers_.end() ? nullptr : &found->second;
}

int Containers::starts_of(const std::string& job_id) const {
  const auto found = starts_.find(job_id);
  return found == starts_.end() ? 0 : found->second;
}

bool Containers::advance(bool daemon_lives) {
  std::vector<Container*> candidates;
  for (auto& [id, container] : containers_) {
    if (can_advance(container, daemon_lives)) candidates.push_back(&container);
  }
  if (candidates.empty()) return false;
  advance(*candidates[scheduler_.below(candidates.size())]);
  return true;
}

bool Containers::is_overdue(const Container& container) const {
  return scheduler_.clock().monotonic() - container.began >= container.spec.run_limit;
}

bool Containers::can_advance(const Container& container, bool daemon_lives) const {
  const bool prevented = container.hostile && container.started.at != Time{};
  if (container.noted == Phase::kGone) return false;
  if (container.shim == Shim::kDead && daemon_lives && !prevented) return true;
  if (container.phase == Phase::kRunning && !container.endless) return true;
  if (container.shim != Shim::kWorks) return false;
  const bool idle = container.phase == Phase::kRunning && container.noted == Phase::kRunning;
  return !idle || container.hostile || container.stop_asked || is_overdue(container);
}

void Containers::advance(Container& container) {
  const bool works = container.shim == Shim::kWorks;
  if (works && container.noted < container.phase && !(container.hostile && scheduler_.chance(30))) {
    return note(container);
  }
  if (container.phase == Phase::kRunning) return advance_running(container);
  if (!works) {
    restart_shim(container);
  } else if (container.phase >= Phase::kEnded) {
    if (container.noted < container.phase) return note(container);
    container.phase = Phase::kGone;
    scheduler_.trace().add("container gone", container.spec.job_id);
  } else if (container.stop_asked) {
    be_over(container, EndCause::kCancelled, std::nullopt);
  } else if (!container.starts) {
    be_over(container, EndCause::kImageNotFound, std::nullopt);
  } else {
    start(container);
  }
}

void Containers::advance_running(Container& container) {
  const auto ran = scheduler_.clock().monotonic() - container.began;
  const bool by_itself = ran >= container.runs_for || scheduler_.chance(20);
  if (container.shim == Shim::kDead && !container.hostile) {
    restart_shim(container);
  } else if (container.hostile && container.shim == Shim::kWorks) {
    scheduler_.trace().add("no shim any more", container.spec.job_id);
    container.shim = Shim::kDead;
  } else if (container.shim == Shim::kWorks && container.stop_asked && scheduler_.chance(90)) {
    be_over(container, EndCause::kCancelled, 143);
  } else if (container.shim == Shim::kWorks && is_overdue(container)) {
    be_over(container, EndCause::kTimedOut, 143);
  } else if (by_itself && !container.endless) {
    be_over(container, EndCause::kExited, container.exit_code);
  }
}

void Containers::restart_shim(Container& container) {
  scheduler_.trace().add("another shim", container.spec.job_id);
  container.shim = Shim::kWorks;
  adopt(container.spec.job_id);
}

void Containers::break_a_shim() {
  std::vector<Container*> working;
  for (auto& [id, container] : containers_) {
    const bool works = container.shim == Shim::kWorks && container.noted != Phase::kGone;
    if (works) working.push_back(&container);
  }
  if (working.empty()) return;
  Container& chosen = *working[scheduler_.below(working.size())];
  chosen.shim = scheduler_.chance(15) ? Shim::kStuck : Shim::kDead;
  scheduler_.trace().add(chosen.shim == Shim::kStuck ? "a shim is stopped" : "a shim is killed",
                         chosen.spec.job_id);
}

void Containers::start(Container& container) {
  container.phase = Phase::kRunning;
  container.began = scheduler_.clock().monotonic();
  container.started = {scheduler_.clock().now(), "c-" + container.spec.job_id, "sha256:1"};
  ++starts_[container.spec.job_id];
  if (const auto home = disk_.now.workspaces.find(container.spec.job_id);
      home != disk_.now.workspaces.end() && container.writes) {
    home->second.artifact = make_file(*container.writes);
  }
  Inode& log = *disk_.now.logs.at(container.spec.job_id);  // the same file since the launch
  log = {container.says, false};
  scheduler_.trace().add("container runs", container.spec.job_id);
}

void Containers::sync_log(Container& container) {
  if (bug_ == Bug::kLogNotSynced) return;
  const auto log = disk_.now.logs.find(container.spec.job_id);
  if (log != disk_.now.logs.end()) log->second->synced = true;
  disk_.synced(container.log_change);
}

void Containers::note(Container& container) {
  if (container.phase >= Phase::kEnded && container.noted < Phase::kEnded) {
    sync_log(container);
    container.log_kept = container.exited.started.has_value() && !container.cut_short;
  }
  container.noted = container.phase;
  scheduler_.trace().add("the shim notes", container.spec.job_id);
}

void Containers::be_over(Container& container, EndCause cause, std::optional<int> code) {
  if (container.phase == Phase::kRunning) container.exited.started = container.started;
  container.phase = Phase::kEnded;
  container.exited.cause = cause;
  container.exited.exit_code = code;
  container.exited.at = scheduler_.clock().now();
  scheduler_.trace().add("container ended", container.spec.job_id);
}

void Containers::vanish() {
  std::vector<Container*> running;
  for (auto& [id, container] : containers_) {
    if (container.phase == Phase::kRunning) running.push_back(&container);
  }
  if (running.empty()) return;
  Container& chosen = *running[scheduler_.below(running.size())];
  scheduler_.trace().add("container vanishes", chosen.spec.job_id);
  be_over(chosen, EndCause::kLost, std::nullopt);
}

void Containers::cut_power() {
  for (auto& [id, container] : containers_) {
    const bool open = container.noted < Phase::kEnded;
    if (open) {
      const Phase phase = std::max(container.phase, Phase::kEnded);
      be_over(container, EndCause::kLost, std::nullopt);
      container.phase = phase;
    }
    container.cut_short = container.cut_short || open;
    container.exited.host_restarted_since = !open && bug_ != Bug::kNoBootId;
    container.shim = Shim::kDead;
  }
}

}  // namespace flashpods::simulation
