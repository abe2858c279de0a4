#include "simulation/daemon.h"

namespace flashpods::simulation {

namespace {

using namespace std::chrono_literals;

}  // namespace

Daemon::Daemon(Host host, int number, std::uint64_t seed)
    : host_(host),
      number_(number),
      random_(seed),
      timer_(host.scheduler),
      log_(host.scheduler.clock(), -1, LogLevel::kError),
      store_(host.scheduler, host.database, host.faults, host.bug,
             [&invariants = host.invariants](Transaction& tx) { invariants.after_commit(tx); }),
      executor_(host.scheduler, host.containers, host.faults, host.bug),
      job_files_({host.scheduler, host.disk, host.faults, host.bug}),
      upload_files_({host.scheduler, host.disk, host.faults, host.bug}),
      uploads_({store_, host.scheduler.clock(), timer_, log_}, upload_files_, host.upload_limits),
      jobs_({store_, executor_, job_files_, host.scheduler.clock(), random_, timer_, log_},
            host.job_limits, "instance", true, host.scheduler.loop().get_executor()),
      retention_({store_, executor_, job_files_, host.scheduler.clock(), random_, timer_, log_},
                 host.job_limits),
      reconciler_({uploads_, jobs_, retention_, timer_, log_}),
      tasks_(host.scheduler.loop().get_executor(), [](const std::string&, const std::string&) {}) {}

Daemon::~Daemon() = default;

void Daemon::start() {
  host_.scheduler.start_daemon();
  tasks_.start("recover", recover());
}

void Daemon::kill() {
  serves_ = false;
  host_.scheduler.kill_daemon();
}

Awaitable<void> Daemon::recover() {
  for (;;) {  // flashpodsd would end here with an error, and be started again
    std::string failure;
    try {
      const auto recovered = co_await reconciler_.recover();
      if (!recovered) failure = recovered.error().message;
    } catch (const StoreError& e) {
      failure = e.what();
    }
    if (failure.empty()) break;
    co_await timer_.sleep_for(1s);
  }
  serves_ = true;
  tasks_.start("reconcile", reconciler_.run());
}

}  // namespace flashpods::simulation
