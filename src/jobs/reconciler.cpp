#include "jobs/reconciler.h"

#include "async/retry.h"

namespace flashpods::jobs {

Awaitable<Result<void>> Reconciler::recover() {
  // Uploads first: a job that starts takes its files from where they belong.
  auto recovered = co_await with_.uploads.recover();
  if (recovered) co_await with_.jobs.recover();
  co_return recovered;
}

Awaitable<void> Reconciler::run() {
  for (;;) {
    co_await attempt(with_.retention.remove_orphans());
    co_await attempt(with_.uploads.sweep());
    co_await attempt(with_.retention.sweep());
    co_await with_.timer.sleep_for(kEvery);
  }
}

/// What a full disk, or a lack of memory or epoll watches, prevents now is done by a later turn.
Awaitable<void> Reconciler::attempt(Awaitable<void> work) {
  const auto failure = co_await failure_of(std::move(work));
  if (failure) with_.log.error("sweep_failed", {{"what", *failure}});
}

}  // namespace flashpods::jobs
