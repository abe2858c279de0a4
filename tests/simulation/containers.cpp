#include "simulation/containers.h"

#include <algorithm>

namespace flashpods::simulation {

using jobs::EndCause;
using Phase = Container::Phase;

void Containers::make(jobs::ContainerSpec spec) {
  const auto id = spec.job_id;
  if (containers_.contains(id)) return adopt(id);
  Container container;
  container.spec = std::move(spec);
  container.exit_code = scheduler_.chance(70) ? 0 : 1 + static_cast<int>(scheduler_.below(255));
  container.starts = !scheduler_.chance(5);
  container.runs_for = Seconds{scheduler_.below(scheduler_.chance(10) ? 7200 : 60)};
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

void Containers::force_end(const std::string& job_id, EndCause cause) {
  const auto found = containers_.find(job_id);
  if (found == containers_.end()) return;
  Container& container = found->second;
  if (container.phase < Phase::kEnded) end(container, cause, std::nullopt);
  container.phase = Phase::kGone;
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

bool Containers::advance() {
  std::vector<Container*> candidates;
  for (auto& [id, container] : containers_) {
    if (container.phase != Phase::kGone) candidates.push_back(&container);
  }
  return !candidates.empty() && advance(*candidates[scheduler_.below(candidates.size())]);
}

bool Containers::advance(Container& container) {
  const auto ran = scheduler_.clock().monotonic() - container.began;
  switch (container.phase) {
    case Phase::kMade:
      if (container.stop_asked) {
        end(container, EndCause::kCancelled, std::nullopt);
      } else if (!container.starts) {
        end(container, EndCause::kImageNotFound, std::nullopt);
      } else {
        start(container);
      }
      return true;
    case Phase::kRunning:
      if (container.stop_asked && scheduler_.chance(90)) {
        end(container, EndCause::kCancelled, 143);
      } else if (ran >= container.spec.run_limit) {
        end(container, EndCause::kTimedOut, 143);
      } else if (ran >= container.runs_for || scheduler_.chance(20)) {
        end(container, EndCause::kExited, container.exit_code);
      }
      return true;
    case Phase::kEnded:
      container.phase = Phase::kGone;
      scheduler_.trace().add("container gone", container.spec.job_id);
      return true;
    case Phase::kGone:
      break;
  }
  return false;
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

void Containers::end(Container& container, EndCause cause, std::optional<int> code) {
  if (bug_ != Bug::kLogNotSynced) {
    disk_.now.logs.at(container.spec.job_id)->synced = true;
    disk_.synced(container.log_change);
  }
  be_over(container, cause, code);
  container.log_kept = container.exited.started.has_value();
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
  end(chosen, EndCause::kLost, std::nullopt);
}

void Containers::cut_power() {
  for (auto& [id, container] : containers_) {
    const bool open = container.phase == Phase::kMade || container.phase == Phase::kRunning;
    if (open) be_over(container, EndCause::kLost, std::nullopt);
    container.cut_short = container.cut_short || open;
    container.exited.host_restarted_since = !open && bug_ != Bug::kNoBootId;
  }
}

}  // namespace flashpods::simulation
