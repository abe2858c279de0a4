#include "daemon/config.h"

#include <arpa/inet.h>

#include "daemon/host_capacity.h"
#include "jobs/image_reference.h"

namespace flashpods::daemon {

namespace {

constexpr std::int64_t kMostMegabytes = 1024 * 1024;

void declare_paths(Settings& s, Config& c) {
  s.path("paths.state", c.state_dir, "Where everything of this instance lies, mode 0700.");
  s.path("paths.spool", c.spool,
         "Holds uploads/, sealed/ and jobs/, on one filesystem. Empty: in the state directory.");
  s.path("paths.artifacts", c.artifacts,
         "Collected artifacts, on the spool's filesystem. Empty: in the state directory.");
  s.path("paths.database", c.database, "Directory of flashpods.db. Empty: in the state directory.");
  s.path("paths.logs", c.logs, "Job logs. Empty: in the state directory.");
}

void declare_listeners(Settings& s, Config& c) {
  s.string("api.address", c.api_address, "Address of the HTTP API.");
  s.integer("api.port", c.api_port, 0, 65535, "Port of the HTTP API; 0 takes a free one.");
  s.strings("api.allowed_sources", c.api_sources,
            "Source addresses that may connect; empty: all that reach the address.");
  s.path("api.token_file", c.token_file,
         "Bearer token, made at the first start. Empty: `token` in the state directory.");
  s.integer("api.max_connections", c.http.connections, 1, 100000, "Connections at a time.");
  s.string("rsync.address", c.rsync_address, "Address of the upload listener (rsync daemon).");
  s.integer("rsync.port", c.rsync_port, 0, 65535,
            "Port of the upload listener; 0 takes a free one.");
  s.strings("rsync.allowed_sources", c.rsync_sources,
            "Source addresses that may upload; empty: only this user's own, from loopback.");
  s.integer("rsync.max_connections", c.rsync_connections, 1, 1000, "Transfers at a time.");
}

void declare_type(Settings& s, const std::string& table, jobs::TypeLimits& t) {
  s.string(table + ".image", t.default_image, "Image of a job that names none.");
  s.integer(table + ".default_cpus", t.defaults.cpus, 1, 4096, "CPUs of a job that names none.");
  s.integer(table + ".max_cpus", t.caps.cpus, 1, 4096, "A request above is granted this.");
  s.integer(table + ".default_memory_gb", t.defaults.memory_gb, 1, 65536,
            "Memory of a job that names none.", "GB");
  s.integer(table + ".max_memory_gb", t.caps.memory_gb, 1, 65536,
            "A request above is granted this.", "GB");
  s.integer(table + ".default_timeout_minutes", t.default_timeout_minutes, 1, 100000,
            "Running time of a job that names none.", "minutes");
  s.integer(table + ".max_timeout_minutes", t.max_timeout_minutes, 1, 100000,
            "A request above is granted this.", "minutes");
}

void declare_jobs(Settings& s, Config& c) {
  s.integer("capacity.cpus", c.jobs.capacity.cpus, 0, 4096,
            "CPUs to give away, all jobs together; 0: the host's.");
  s.integer("capacity.memory_gb", c.jobs.capacity.memory_gb, 0, 65536,
            "Memory to give away, all jobs together; 0: the host's.", "GB");
  declare_type(s, "worker", c.jobs.worker);
  declare_type(s, "agent", c.jobs.agent);
  s.strings("jobs.private_registries", c.jobs.private_registries,
            "Registries at an address or on a private network (\"host:port\") that images may come "
            "from.");
  s.boolean(
      "jobs.guard_pulls", c.guard_pulls,
      "Pull images through a proxy that connects to public addresses only, by HTTPS. Needed to "
      "be off where podman itself reaches registries by a proxy (containers.conf).");
  s.gigabytes("jobs.max_job_disk_gb", c.jobs.max_disk_bytes, 0, 1024 * 1024,
              "What one job may have on disk: /artifacts, its view of /work and everything else "
              "that it writes. Beyond, it ends with disk_quota; 0: no limit.");
  s.gigabytes("jobs.min_free_disk_gb", c.jobs.min_free_bytes, 0, 1024 * 1024,
              "What stays free on the host: below, new jobs and uploads are refused, and a running "
              "job that goes on writing ends with disk_quota.");
  s.seconds("jobs.grace_seconds", c.jobs.grace, 0, 3600, "Between SIGTERM and SIGKILL.");
  s.seconds("jobs.start_limit_seconds", c.jobs.start_limit, 1, 86400,
            "For pulling the image and starting the container.");
  s.seconds("jobs.overdue_seconds", c.jobs.overdue_bound, 1, 86400,
            "What a job may take beyond its limits before the daemon ends its container itself.");
  s.integer("jobs.concurrent_starts", c.jobs.concurrent_starts, 1, 1000,
            "Containers that start at a time; further jobs wait as pending.");
  s.seconds("jobs.start_slot_seconds", c.jobs.start_slot, 1, 86400,
            "A start that takes longer, for a slow registry perhaps, lets the next one begin.");
}

void declare_retention(Settings& s, Config& c) {
  s.megabytes("uploads.max_upload_mb", c.uploads.max_upload_bytes, 1, kMostMegabytes,
              "Largest upload.");
  s.megabytes("uploads.max_total_mb", c.uploads.max_total_bytes, 1, kMostMegabytes * 64,
              "All uploads together, those of running jobs included.");
  s.integer("uploads.max_files", c.uploads.max_files, 1, 100'000'000,
            "Files and directories in one upload.");
  s.seconds("uploads.uploading_ttl_seconds", c.uploads.uploading_ttl, 1, 7 * 86400,
            "A transfer that was never finalized is deleted after this.");
  s.seconds("uploads.finalized_ttl_seconds", c.uploads.finalized_ttl, 1, 7 * 86400,
            "An upload that no job took is deleted after this.");
  s.megabytes("logs.max_job_mb", c.jobs.max_log_bytes, 1, kMostMegabytes,
              "What is kept of one job's output, from its beginning.");
  s.megabytes("logs.max_total_mb", c.jobs.max_total_log_bytes, 1, kMostMegabytes * 64,
              "All logs together; beyond, those of the jobs that ended first go.");
  s.integer("logs.keep_hours", c.jobs.log_hours, 1, 24 * 365, "After the job's end.", "hours");
  s.megabytes("artifacts.max_file_mb", c.artifact_bytes, 1, kMostMegabytes, "Largest artifact.");
  s.megabytes("artifacts.max_total_mb", c.artifact_total_bytes, 1, kMostMegabytes,
              "All artifacts of one job.");
  s.megabytes("artifacts.max_stored_mb", c.jobs.max_stored_artifact_bytes, 1, kMostMegabytes * 64,
              "All artifacts of all jobs, each counted as 64 KiB at least; above it new jobs are "
              "refused until some have expired.");
  s.integer("artifacts.max_count", c.artifact_count, 1, 100000, "Artifacts of one job.");
  s.integer("artifacts.keep_minutes", c.jobs.default_keep_minutes, 1, 7 * 24 * 60,
            "After the job's end, unless the job says otherwise.", "minutes");
  s.integer("artifacts.max_keep_minutes", c.jobs.max_keep_minutes, 1, 7 * 24 * 60,
            "The most that a job may ask for.", "minutes");
}

/// Jobs have no IPv6.
bool is_address(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

template <class T>
void default_to(T& path, const std::filesystem::path& fallback) {
  if (path.empty()) path = fallback;
}

}  // namespace

void declare(Settings& settings, Config& config) {
  declare_paths(settings, config);
  declare_listeners(settings, config);
  declare_jobs(settings, config);
  declare_retention(settings, config);
  settings.strings("egress.dns", config.dns,
                   "Addresses of resolvers that jobs ask instead of the host's own, which may know "
                   "internal names.");
  settings.string("podman.runtime", config.oci_runtime,
                  "OCI runtime: auto (chosen by trying), crun, runc, or a path.");
  settings.choice("log.level", config.log_level, {"debug", "info", "warning", "error"},
                  "The least that is logged.");
  settings.path("log.file", config.log_file,
                "The log. Empty: standard error, which the service manager keeps and bounds.");
  settings.megabytes("log.max_mb", config.log_file_bytes, 1, kMostMegabytes,
                     "Of log.file; beyond, it becomes FILE.1 and a new one begins.");
}

Result<Config> load_config(const std::filesystem::path& file) {
  Config config;
  if (file.empty()) return config;
  Settings settings;
  declare(settings, config);
  if (auto loaded = settings.load_file(file); !loaded) return std::unexpected(loaded.error());
  for (const auto& resolver : config.dns) {
    if (is_address(resolver)) continue;
    return fail(ErrorKind::kInvalid, "invalid_settings",
                file.string() + ": egress.dns must list IPv4 addresses");
  }
  return config;
}

std::string print_defaults() {
  Config config;
  Settings settings;
  declare(settings, config);
  return settings.print_defaults();
}

void complete(Config& config) {
  const auto& state = config.state_dir;
  default_to(config.spool, state);
  default_to(config.artifacts, state / "artifacts");
  default_to(config.database, state / "db");
  default_to(config.logs, state / "logs");
  default_to(config.token_file, state / "token");
  for (auto& registry : config.jobs.private_registries) registry = jobs::lower_case(registry);
  const jobs::Resources host = host_capacity();
  if (config.jobs.capacity.cpus == 0) config.jobs.capacity.cpus = host.cpus;
  if (config.jobs.capacity.memory_gb == 0) config.jobs.capacity.memory_gb = host.memory_gb;
}

}  // namespace flashpods::daemon
