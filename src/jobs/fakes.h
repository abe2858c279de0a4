#pragma once
// For tests: an executor whose containers do what the test says, and a disk that is a few sets.

#include <cerrno>
#include <map>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "jobs/executor.h"
#include "jobs/job_files.h"

namespace flashpods::jobs {

/// Containers live in `containers`, which outlives the executor as the real ones do the daemon.
class FakeExecutor final : public Executor {
 public:
  struct Container {
    ContainerSpec spec;
    int launches = 0;
    bool stop_asked = false;
    std::optional<Started> started;
    std::optional<Exited> exited;
    bool removed = false;
    bool only_processes = false;  ///< podman knows none, but processes are left
  };
  using World = std::map<std::string, Container>;

  explicit FakeExecutor(World& world) : world_(world) {}

  Awaitable<Result<void>> launch(ContainerSpec spec) override {
    lack_something();
    if (fail_launch) co_return fail(ErrorKind::kInternal, "launch_failed", "no shim");
    if (!world_.contains(spec.job_id) && spec.adopt_only) {
      co_return fail(ErrorKind::kNotFound, "never_launched", "no shim ever had it");
    }
    Container& container = world_[spec.job_id];
    if (container.launches == 0) ++created;
    ++container.launches;
    container.spec = std::move(spec);
    while (hang_launch && !container.exited) co_await turn();
    co_return Result<void>{};
  }

  Awaitable<std::variant<Started, Exited>> wait_started(std::string job_id) override {
    Container& container = world_[job_id];
    while (!container.started && !container.exited) co_await turn();
    if (container.started) co_return *container.started;
    co_return *container.exited;
  }

  Awaitable<Exited> wait_exited(std::string job_id) override {
    lack_something();
    Container& container = world_[job_id];
    while (!container.exited) co_await turn();
    co_return *container.exited;
  }

  Awaitable<void> wait_removed(std::string job_id) override {
    lack_something();
    Container& container = world_[job_id];
    while (!container.removed) co_await turn();
  }

  Awaitable<void> stop(std::string job_id) override {
    const auto found = world_.find(job_id);
    if (found != world_.end()) found->second.stop_asked = true;
    if (hang_stop) co_await hang();
  }

  Awaitable<Result<void>> force_end(std::string job_id, EndCause cause) override {
    forced.emplace_back(job_id, cause);
    if (hang_force) co_await hang();
    if (fail_remove) co_return fail(ErrorKind::kUnavailable, "podman_failed", "podman failed");
    Container& container = world_[job_id];
    if (!container.exited) {
      container.exited.emplace();
      container.exited->cause = cause;
      container.exited->started = container.started;
    }
    container.removed = true;
    co_return Result<void>{};
  }

  Awaitable<Result<void>> remove(std::string job_id) override {
    if (hang_remove) co_await hang();
    if (fail_remove) co_return fail(ErrorKind::kUnavailable, "podman_failed", "podman failed");
    world_.erase(job_id);
    co_return Result<void>{};
  }

  Awaitable<Result<std::vector<Observed>>> list() override {
    std::vector<Observed> all;
    for (const auto& [id, container] : world_) {
      const auto container_id = container.only_processes ? "" : "c-" + id;
      if (!container.removed) all.push_back({id, container_id, !container.exited});
    }
    co_return all;
  }

  /// So many calls more of launch(), wait_exited() and wait_removed() throw what is thrown where
  /// the host lacks epoll watches or memory.
  int lacking = 0;
  bool fail_launch = false;
  bool fail_remove = false;  ///< also force_end()
  /// These calls do not return until they are cancelled.
  bool hang_launch = false;
  bool hang_stop = false;
  bool hang_force = false;
  bool hang_remove = false;
  int created = 0;                                       ///< containers made, ever
  std::vector<std::pair<std::string, EndCause>> forced;  ///< calls of force_end()

 private:
  void lack_something() {
    if (lacking == 0) return;
    if (--lacking % 2 == 0) throw std::bad_alloc();
    throw boost::system::system_error(ENOSPC, boost::system::system_category(), "assign");
  }
  static Awaitable<void> hang() {
    for (;;) co_await turn();
  }
  static Awaitable<void> turn() {
    const auto executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }

  World& world_;
};

class FakeJobFiles final : public JobFiles {
 public:
  std::filesystem::path directory(const std::string& job_id) const override {
    return "/jobs/" + job_id;
  }
  std::filesystem::path log_file(const std::string& job_id) const override {
    return "/logs/" + job_id + ".log";
  }
  Awaitable<Result<void>> prepare(std::string job_id, std::optional<std::string>) override {
    workspaces.insert(job_id);
    if (fail_prepare) co_return fail(ErrorKind::kInsufficientStorage, "disk_full", "disk full");
    co_return Result<void>{};
  }
  Awaitable<Result<Collected>> collect(std::string job_id) override {
    ++collections[job_id];
    artifacts.insert(job_id);
    co_return Collected{};
  }
  Awaitable<std::string> log_tail(std::string, std::size_t) override { co_return tail; }
  [[nodiscard]] std::optional<std::uint64_t> free_bytes() const override { return free; }
  Awaitable<Result<void>> remove_workspace(std::string job_id) override {
    if (fail_removal) {
      co_return fail(ErrorKind::kInternal, "busy", "It could not be removed");
    }
    workspaces.erase(job_id);
    co_return Result<void>{};
  }
  Awaitable<Result<void>> remove_log(std::string job_id) override {
    logs.erase(job_id);
    co_return Result<void>{};
  }
  Awaitable<Result<void>> remove_artifacts(std::string job_id) override {
    artifacts.erase(job_id);
    co_return Result<void>{};
  }
  Awaitable<JobsOnDisk> on_disk() override {
    std::set<std::string> results = logs;
    results.insert(artifacts.begin(), artifacts.end());
    co_return JobsOnDisk{{workspaces.begin(), workspaces.end()}, {results.begin(), results.end()}};
  }

  std::set<std::string> workspaces, logs, artifacts;
  std::map<std::string, int> collections;
  std::string tail;
  std::optional<std::uint64_t> free;
  bool fail_prepare = false;
  bool fail_removal = false;
};

}  // namespace flashpods::jobs
