#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "api/services.h"
#include "async/blocking_pool.h"
#include "async/task_group.h"
#include "base/random.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/state_directory.h"
#include "executors/podman/podman_executor.h"
#include "http/server.h"
#include "jobs/reconciler.h"
#include "jobs/stored_job_files.h"
#include "process/command_runner.h"
#include "telemetry/log.h"
#include "uploads/rsync_listener.h"
#include "uploads/stored_upload_files.h"
#include "uploads/uploads.h"

namespace flashpods::daemon {

/// The parts of a running daemon, in the order in which they depend on each other.
class Instance {
 public:
  Instance(boost::asio::io_context& loop, Config config, Programs programs);
  ~Instance();

  /// Opens everything, recovers, listens. An error leaves nothing running.
  Awaitable<Result<void>> start();

  /// Requests under way finish, tasks end, jobs go on.
  Awaitable<void> stop();

  [[nodiscard]] Log& log() { return log_; }

 private:
  Result<void> open_state();
  Awaitable<void> read_instance_id();
  Awaitable<Result<void>> open_executor();
  void open_uploads();
  void open_jobs();
  Awaitable<Result<void>> open_rsync();
  Result<void> open_api();
  [[nodiscard]] bool may_connect(const http::Peer& peer) const;
  [[nodiscard]] http::Server::Options server_options();
  [[nodiscard]] uploads::Surroundings upload_surroundings();
  [[nodiscard]] std::string endpoints() const;
  Awaitable<void> report_held_lines();

  boost::asio::io_context& loop_;
  Config config_;
  Programs programs_;
  SystemClock clock_;
  SystemRandom random_;
  SystemTimer timer_;
  Log log_;
  BlockingPool pool_{4};
  TaskGroup tasks_;
  std::unique_ptr<CommandRunner> runner_;

  std::optional<StateDirectory> state_;
  std::string token_;
  std::string rsync_secret_;
  std::unique_ptr<SqliteStore> store_;
  api::HostFacts facts_;
  std::unique_ptr<executors::PodmanExecutor> executor_;
  std::unique_ptr<uploads::StoredUploadFiles> upload_files_;
  std::unique_ptr<uploads::Uploads> uploads_;
  std::unique_ptr<jobs::StoredJobFiles> files_;
  std::unique_ptr<jobs::Lifecycle> jobs_;
  std::unique_ptr<jobs::Retention> retention_;
  std::unique_ptr<jobs::Reconciler> reconciler_;
  std::unique_ptr<api::Services> services_;
  std::unique_ptr<uploads::RsyncListener> rsync_;
  std::unique_ptr<http::Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace flashpods::daemon
