#include "jobs/bounded_executor.h"

#include <algorithm>
#include <utility>

#include "async/deadline.h"
#include "async/with_timeout.h"
#include "jobs/job.h"

namespace flashpods::jobs {

namespace {

using namespace std::chrono_literals;

constexpr Milliseconds kFirstPause = 5s;
constexpr Milliseconds kLongestPause = 5min;

}  // namespace

/// What is known of a job that was handed to the executor.
struct BoundedExecutor::Watched {
  std::string id;
  Milliseconds run_limit;
  Milliseconds grace;
  bool adopted;
  Milliseconds since;  ///< of the clock that never jumps: when this process took it up
  Deadline deadline;   ///< of whatever it is waited for at present
  bool launched = false;
  bool started = false;
  bool stopping = false;
  bool over = false;

  /// The end of a job of which nobody knows another.
  [[nodiscard]] EndCause cause() const {
    if (stopping) return EndCause::kCancelled;
    if (started) return EndCause::kTimedOut;
    return adopted ? EndCause::kLost : EndCause::kStartFailed;
  }
};

BoundedExecutor::BoundedExecutor(Parts parts, Seconds bound)
    : with_(std::move(parts)), bound_(bound) {}

BoundedExecutor::~BoundedExecutor() = default;

bool BoundedExecutor::knows(const std::string& job_id) const {
  const auto found = jobs_.find(job_id);
  return found != jobs_.end() && found->second->launched;
}

void BoundedExecutor::forget(const std::string& job_id) { jobs_.erase(job_id); }

BoundedExecutor::WatchedPtr BoundedExecutor::watch(const ContainerSpec& spec) {
  Watched job{.id = spec.job_id,
              .run_limit = spec.run_limit,
              .grace = spec.grace,
              .adopted = spec.adopt_only,
              .since = with_.clock.monotonic(),
              .deadline = {with_.clock, with_.timer, with_.loop}};
  return jobs_[spec.job_id] = std::make_shared<Watched>(std::move(job));
}

Awaitable<Result<void>> BoundedExecutor::launch(ContainerSpec spec) {
  const auto job = watch(spec);
  const Milliseconds patience = spec.start_limit + spec.grace + bound_;
  job->deadline.set(patience);
  const auto launched =
      co_await race(with_.executor.launch(std::move(spec)), job->deadline.passed());
  if (!launched) {
    co_await end_by_force(job);
  } else if (!*launched) {
    forget(job->id);
    co_return *launched;
  }
  job->launched = true;
  // A start that nobody reports may be a command that runs: it has its whole time.
  if (launched && !job->stopping) job->deadline.set(patience + job->run_limit);
  co_return Result<void>{};
}

template <class T>
Awaitable<T> BoundedExecutor::in_time(WatchedPtr job, Awaitable<T> (Executor::*wait)(std::string)) {
  for (;;) {
    auto came = co_await race((with_.executor.*wait)(job->id), job->deadline.passed());
    if (came) co_return std::move(*came);
    co_await end_by_force(job);
  }
}

Awaitable<std::variant<Started, Exited>> BoundedExecutor::wait_started(std::string job_id) {
  const auto job = jobs_.at(job_id);
  auto first = co_await in_time(job, &Executor::wait_started);
  const auto* started = std::get_if<Started>(&first);
  if (started != nullptr && !std::exchange(job->started, true) && !job->stopping) {
    const auto ran = std::clamp(started->ran_for, Milliseconds{0}, job->run_limit);
    job->deadline.set(job->run_limit - ran + job->grace + bound_);
  }
  co_return first;
}

Awaitable<Exited> BoundedExecutor::wait_exited(std::string job_id) {
  co_return co_await in_time(jobs_.at(job_id), &Executor::wait_exited);
}

/// False if it took too long.
Awaitable<bool> BoundedExecutor::removed(WatchedPtr job) {
  co_return co_await race(with_.executor.wait_removed(job->id), job->deadline.passed());
}

Awaitable<void> BoundedExecutor::wait_removed(std::string job_id) {
  const auto job = jobs_.at(job_id);
  if (!std::exchange(job->over, true)) job->deadline.set(bound_);
  for (;;) {
    const bool gone = co_await removed(job);
    if (gone) co_return;
    co_await end_by_force(job);
  }
}

Awaitable<void> BoundedExecutor::stop(std::string job_id) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) co_return;
  const auto job = found->second;
  if (!job->over && !std::exchange(job->stopping, true)) {
    job->deadline.bring_forward(job->grace + bound_);
  }
  if (job->launched) co_await with_timeout(with_.timer, bound_, with_.executor.stop(job_id));
}

Awaitable<Result<void>> BoundedExecutor::remove(std::string job_id) {
  auto removed = co_await with_timeout(with_.timer, bound_, with_.executor.remove(job_id));
  if (removed) co_return std::move(*removed);
  co_return fail(ErrorKind::kUnavailable, "remove_overdue",
                 "The container of " + job_id + " could not be removed in time");
}

/// True once the executor says that nothing of the job runs any more.
Awaitable<bool> BoundedExecutor::try_force(WatchedPtr job) {
  const auto waited = std::chrono::duration_cast<Seconds>(with_.clock.monotonic() - job->since);
  with_.log.error("job_overdue", {{"job", job->id}, {"waited_for", waited.count()}});
  const auto ended =
      co_await with_timeout(with_.timer, bound_, with_.executor.force_end(job->id, job->cause()));
  if (ended && *ended) co_return true;
  with_.log.error("job_not_ended",
                  {{"job", job->id}, {"message", ended ? ended->error().message : "no answer"}});
  co_return false;
}

Awaitable<void> BoundedExecutor::end_by_force(WatchedPtr job) {
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    const bool ended = co_await try_force(job);
    if (ended) break;
    co_await with_.timer.sleep_for(pause);
  }
  with_.log.warning("job_ended_by_force", {{"job", job->id}, {"cause", to_string(job->cause())}});
  job->deadline.set(bound_);
}

}  // namespace flashpods::jobs
