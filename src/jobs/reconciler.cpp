#include "jobs/reconciler.h"

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

/// What a full disk prevents now is done by a later turn.
Awaitable<void> Reconciler::attempt(Awaitable<void> work) {
  try {
    co_await std::move(work);
  } catch (const StoreError& e) {
    with_.log.error("sweep_failed", {{"what", e.what()}});
  }
}

}  // namespace flashpods::jobs
