#include "daemon/instance.h"

#include <algorithm>
#include <iostream>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/error_reply.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "daemon/access_log.h"
#include "telemetry/log_file.h"

namespace flashpods::daemon {

namespace {

using namespace std::chrono_literals;

constexpr Milliseconds kStopGrace = 10s;

LogLevel level_of(const std::string& word) {
  if (word == "debug") return LogLevel::kDebug;
  if (word == "warning") return LogLevel::kWarning;
  if (word == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

/// The id in `meta`, made at the first start: the label by which containers are ours.
std::string instance_id(Transaction& tx, const std::string& fresh) {
  tx.run("INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', ?1)", {to_value(fresh)});
  return tx.row("SELECT value FROM meta WHERE key = 'instance'")->text("value");
}

artifacts::Limits artifact_limits(const Config& config) {
  artifacts::Limits limits;
  limits.max_file_bytes = config.artifact_bytes;
  limits.max_total_bytes = config.artifact_total_bytes;
  limits.max_count = static_cast<std::size_t>(config.artifact_count);
  return limits;
}

/// Uploads on their way, sealed ones, and the snapshots of jobs that are not over.
uploads::Usage upload_usage(uploads::Paths paths, std::filesystem::path jobs) {
  return [paths = std::move(paths), jobs = std::move(jobs)] {
    std::vector<std::filesystem::path> directories{paths.uploads, paths.sealed, paths.transfers};
    const auto ids = list_directory(jobs);
    if (ids) {
      for (const std::string& id : *ids) directories.push_back(jobs / id / "work");
    }
    return uploads::measured_usage(std::move(directories))();
  };
}

/// The daemon's log: a file that it rotates itself, or standard error. A file that cannot be opened
/// is no reason not to start: what stands in the way is said on standard error.
Log::Output log_output(const Config& config) {
  if (config.log_file.empty()) return Log::to_descriptor(STDERR_FILENO);
  auto opened = LogFile::open(config.log_file, config.log_file_bytes);
  if (!opened) {
    std::cerr << "flashpodsd: " << opened.error().message << '\n';
    return Log::to_descriptor(STDERR_FILENO);
  }
  auto file = std::make_shared<LogFile>(std::move(*opened));
  return [file](std::string_view line) { file->write(line); };
}

}  // namespace

Instance::Instance(boost::asio::io_context& loop, Config config, Programs programs)
    : loop_(loop),
      config_(std::move(config)),
      programs_(std::move(programs)),
      log_(clock_, log_output(config_), level_of(config_.log_level)),
      tasks_(loop.get_executor(),
             [this](const std::string& task, const std::string& what) {
               log_.error("task_failed", {{"task", task}, {"what", what}});
             }),
      runner_(make_command_runner()) {}

Instance::~Instance() {
  pool_.join();
  if (store_) store_->close();
}

Awaitable<Result<void>> Instance::start() {
  if (auto opened = open_state(); !opened) co_return opened;
  co_await read_instance_id();
  if (auto opened = co_await open_executor(); !opened) co_return opened;
  open_uploads();
  open_jobs();
  if (auto recovered = co_await reconciler_->recover(); !recovered) co_return recovered;
  const auto receiving = co_await open_rsync();
  if (!receiving) co_return receiving;
  if (auto listening = open_api(); !listening) co_return listening;
  tasks_.start("rsync", rsync_->serve());
  tasks_.start("http", server_->serve());
  if (auto told = StateDirectory::publish(config_.state_dir / "run", endpoints()); !told) {
    co_return told;
  }
  tasks_.start("reconcile", reconciler_->run());
  tasks_.start("log", report_held_lines());
  log_.info("started", {{"version", FLASHPODS_VERSION},
                        {"instance", facts_.instance},
                        {"port", port_},
                        {"rsync_port", facts_.rsync_port},
                        {"limits", facts_.limits_enforced},
                        {"lan_isolation", facts_.lan_isolation}});
  co_return Result<void>{};
}

Result<void> Instance::open_state() {
  auto state = StateDirectory::open(config_);
  if (!state) return std::unexpected(state.error());
  state_.emplace(std::move(*state));
  auto token = StateDirectory::secret(config_.token_file, random_);
  if (!token) return std::unexpected(token.error());
  token_ = std::move(*token);
  auto secret = StateDirectory::secret(config_.state_dir / "rsync.secret", random_);
  if (!secret) return std::unexpected(secret.error());
  rsync_secret_ = std::move(*secret);
  auto store =
      SqliteStore::open(config_.database / "flashpods.db", SqliteStore::Threading::kOwnThread);
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  return {};
}

Awaitable<void> Instance::read_instance_id() {
  auto body = [fresh = random_hex(random_, 8)](Transaction& tx) { return instance_id(tx, fresh); };
  facts_.version = FLASHPODS_VERSION;
  facts_.executor = "podman";
  facts_.instance = co_await store_->transact(std::move(body));
  facts_.max_upload_bytes = config_.uploads.max_upload_bytes;
}

Awaitable<Result<void>> Instance::open_executor() {
  executors::PodmanExecutorConfig config;
  config.instance = facts_.instance;
  config.shim_program = programs_.shim;
  config.settings.oci_runtime = config_.oci_runtime;
  config.settings.private_registries = config_.jobs.private_registries;
  config.settings.dns = config_.dns;
  config.settings.guard_pulls = config_.guard_pulls;
  config.settings.runtime_memo = config_.state_dir / "run" / "oci-runtime";
  const executors::PodmanExecutor::Parts parts{
      loop_.get_executor(), *runner_, pool_, timer_, tasks_, log_};
  executor_ = std::make_unique<executors::PodmanExecutor>(std::move(config), parts);
  const auto capabilities = co_await executor_->probe();
  if (!capabilities) {
    // A daemon that takes this for a host without limits would go on to say so.
    if (capabilities.error().code == "no_watches") co_return std::unexpected(capabilities.error());
    // Jobs will say it again, each with podman's words; the API is worth having all the same.
    log_.error("podman_unusable", {{"message", capabilities.error().message}});
    facts_.limits_enforced = false;
    co_return Result<void>{};
  }
  facts_.limits_enforced = capabilities->limits_hold;
  facts_.lan_isolation = capabilities->lan_isolation;
  co_return Result<void>{};
}

uploads::Surroundings Instance::upload_surroundings() { return {*store_, clock_, timer_, log_}; }

void Instance::open_uploads() {
  const uploads::Paths paths = uploads::Paths::below(config_.spool);
  upload_files_ = std::make_unique<uploads::StoredUploadFiles>(
      paths, upload_usage(paths, config_.spool / "jobs"), pool_);
  uploads::Limits limits = config_.uploads;
  limits.min_free_bytes = config_.jobs.min_free_bytes;
  uploads_ = std::make_unique<uploads::Uploads>(upload_surroundings(), *upload_files_, limits);
}

void Instance::open_jobs() {
  files_ = std::make_unique<jobs::StoredJobFiles>(
      jobs::StoredJobFiles::Directories{config_.spool / "jobs", config_.artifacts, config_.logs},
      upload_files_->directories(), artifact_limits(config_), pool_);
  const jobs::Surroundings with{*store_, *executor_, *files_, clock_, random_, timer_, log_};
  jobs_ = std::make_unique<jobs::Lifecycle>(with, config_.jobs, facts_.instance,
                                            facts_.limits_enforced, loop_.get_executor());
  retention_ = std::make_unique<jobs::Retention>(with, jobs_->limits());
  reconciler_ = std::make_unique<jobs::Reconciler>(
      jobs::Reconciler::Parts{*uploads_, *jobs_, *retention_, timer_, log_});
}

Awaitable<Result<void>> Instance::open_rsync() {
  uploads::RsyncOptions rsync;
  rsync.address = config_.rsync_address;
  rsync.port = config_.rsync_port;
  rsync.max_connections = static_cast<std::size_t>(config_.rsync_connections);
  rsync.allowed_sources = config_.rsync_sources;
  if (config_.rsync_sources.empty()) rsync.secret = rsync_secret_;
  rsync.hook = {programs_.daemon, "--rsync-hook"};
  const uploads::Receiving receiving{*uploads_, *upload_files_, upload_surroundings()};
  auto listener =
      uploads::RsyncListener::open(loop_.get_executor(), receiving, random_, std::move(rsync));
  if (!listener) co_return std::unexpected(listener.error());
  rsync_ = std::move(*listener);
  facts_.rsync_port = rsync_->port();
  co_await rsync_->adopt_survivors();
  co_return Result<void>{};
}

Result<void> Instance::open_api() {
  services_ = std::make_unique<api::Services>(*store_, *jobs_, *files_, *uploads_,
                                              config_.artifacts, config_.spool, clock_, timer_,
                                              pool_, api::BearerToken(token_), facts_);
  server_ = std::make_unique<http::Server>(loop_.get_executor(), server_options());
  const auto port = server_->listen(config_.api_address, config_.api_port);
  if (!port) return std::unexpected(port.error());
  port_ = *port;
  return {};
}

http::Server::Options Instance::server_options() {
  http::Server::Options options;
  options.limits = config_.http;
  options.handler = api::make_handler(*services_);
  options.error_reply = api::error_reply;
  options.admit = [this](const http::Peer& peer) { return may_connect(peer); };
  options.on_fault = [this](std::string_view what, std::string_view request_id) {
    log_.error("http_fault", {{"what", what}, {"request_id", request_id}});
  };
  options.on_done = [this](const http::Request& request, int status, std::uint64_t bytes,
                           Milliseconds took) {
    log_request(log_, services_->token, request, {status, bytes, took});
  };
  return options;
}

bool Instance::may_connect(const http::Peer& peer) const {
  const auto& allowed = config_.api_sources;
  return allowed.empty() || std::ranges::find(allowed, peer.address) != allowed.end();
}

Awaitable<void> Instance::stop() {
  log_.info("stopping");
  if (server_) server_->stop(kStopGrace);
  if (rsync_) co_await rsync_->close();
  while (server_ && server_->connections() > 0) co_await timer_.sleep_for(20ms);
  if (files_) files_->interrupt();
  if (jobs_) co_await jobs_->close();
  co_await tasks_.close();
  log_.report_held();
  log_.info("stopped");
}

/// What came too often to be a line each is told once a second.
Awaitable<void> Instance::report_held_lines() {
  for (;;) {
    co_await timer_.sleep_for(1s);
    log_.report_held();
  }
}

std::string Instance::endpoints() const {
  const auto rsync_url =
      fmt::format("rsync://{}{}:{}/uploads", config_.rsync_sources.empty() ? "flashpods@" : "",
                  config_.rsync_address, facts_.rsync_port);
  return dump_json({{"pid", ::getpid()},
                    {"url", fmt::format("http://{}:{}", config_.api_address, port_)},
                    {"rsync_url", rsync_url},
                    {"instance", facts_.instance}});
}

}  // namespace flashpods::daemon
