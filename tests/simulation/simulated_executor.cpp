#include "simulation/simulated_executor.h"

namespace flashpods::simulation {

using jobs::EndCause;
using jobs::Exited;
using jobs::Started;
using Phase = Container::Phase;

namespace {

constexpr Seconds kPatience{60};

std::unexpected<Error> podman_failed() {
  return fail(ErrorKind::kUnavailable, "podman_failed", "simulated: podman failed");
}

}  // namespace

/// A moment, or until it is given up.
Awaitable<bool> SimulatedExecutor::answers(std::string_view what) {
  co_await scheduler_.step(Owner::kDaemon, what);
  if (scheduler_.chance(faults_.hang)) {
    co_await scheduler_.sleep(Owner::kDaemon, kPatience);
    co_return false;
  }
  co_return !scheduler_.chance(faults_.executor);
}

Awaitable<Result<void>> SimulatedExecutor::launch(jobs::ContainerSpec spec) {
  const bool answered = co_await answers("launch");
  if (!spec.adopt_only && !answered) co_return podman_failed();
  if (spec.adopt_only) {
    if (containers_.find(spec.job_id) == nullptr) {
      co_return fail(ErrorKind::kNotFound, "never_launched", "simulated: no shim ever had it");
    }
    containers_.adopt(spec.job_id);
  } else {
    containers_.make(std::move(spec));
  }
  co_await scheduler_.step(Owner::kDaemon, "launched");
  co_return Result<void>{};
}

bool SimulatedExecutor::is_past(const std::string& job_id, Phase phase) const {
  const Container* container = containers_.find(job_id);
  return container == nullptr || container->noted >= phase;
}

Started SimulatedExecutor::started(const Container& container) const {
  const auto& clock = scheduler_.clock();
  Started started = container.started;
  started.ran_for = clock.monotonic() - container.began;
  if (bug_ == Bug::kCountsByWallClock) started.ran_for = clock.now() - started.at;
  return started;
}

Exited SimulatedExecutor::exit_of(const std::string& job_id) const {
  if (const Container* container = containers_.find(job_id)) return container->exited;
  Exited lost;
  lost.cause = EndCause::kLost;
  return lost;
}

Awaitable<std::variant<Started, Exited>> SimulatedExecutor::wait_started(std::string job_id) {
  co_await scheduler_.wait(Owner::kDaemon, "started",
                           [this, &job_id] { return is_past(job_id, Phase::kRunning); });
  const Container* container = containers_.find(job_id);
  if (container != nullptr && container->started.at != Time{}) co_return started(*container);
  co_return exit_of(job_id);
}

Awaitable<Exited> SimulatedExecutor::wait_exited(std::string job_id) {
  co_await scheduler_.wait(Owner::kDaemon, "exited",
                           [this, &job_id] { return is_past(job_id, Phase::kEnded); });
  co_return exit_of(job_id);
}

Awaitable<void> SimulatedExecutor::wait_removed(std::string job_id) {
  co_await scheduler_.wait(Owner::kDaemon, "removed",
                           [this, &job_id] { return is_past(job_id, Phase::kGone); });
}

Awaitable<void> SimulatedExecutor::stop(std::string job_id) {
  co_await answers("stop");  // the shim hears of it when it is asked again
  if (bug_ != Bug::kForgetsStop) containers_.ask_to_stop(job_id);
  co_await scheduler_.step(Owner::kDaemon, "stop noted");
}

Awaitable<Result<void>> SimulatedExecutor::force_end(std::string job_id, EndCause cause) {
  co_await scheduler_.step(Owner::kDaemon, "force end");
  if (containers_.resists(job_id)) {
    if (scheduler_.chance(50)) co_return podman_failed();
    co_await scheduler_.wait(Owner::kDaemon, "hangs", [] { return false; });
  }
  containers_.force_end(job_id, cause);
  co_await scheduler_.step(Owner::kDaemon, "killed by force");
  containers_.note_forced_end(job_id);
  co_await scheduler_.step(Owner::kDaemon, "noted the forced end");
  co_return Result<void>{};
}

Awaitable<Result<void>> SimulatedExecutor::remove(std::string job_id) {
  const bool answered = co_await answers("remove container");
  if (!answered) co_return podman_failed();
  containers_.remove(job_id);
  co_await scheduler_.step(Owner::kDaemon, "removed container");
  co_return Result<void>{};
}

Awaitable<Result<std::vector<jobs::Observed>>> SimulatedExecutor::list() {
  const bool answered = co_await answers("list containers");
  if (!answered) co_return podman_failed();
  std::vector<jobs::Observed> observed;
  for (const auto& [id, container] : containers_.all()) {
    if (container.phase == Phase::kGone) continue;
    observed.push_back({id, "c-" + id, container.phase == Phase::kRunning});
  }
  co_return observed;
}

}  // namespace flashpods::simulation
