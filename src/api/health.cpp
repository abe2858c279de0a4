// /health: no token needed, so nothing in it is secret.

#include <nlohmann/json.hpp>

#include "api/services.h"
#include "base/files.h"
#include "jobs/repository.h"
#include "uploads/repository.h"

namespace flashpods::api {

namespace {

constexpr int kApiRevision = 1;

nlohmann::json to_json(const jobs::Resources& resources) {
  return {{"cpus", resources.cpus}, {"memory_gb", resources.memory_gb}};
}

/// Free space where uploads go; null if it cannot be told.
nlohmann::json free_bytes(const std::filesystem::path& directory) {
  const auto free = free_space(directory);
  return free ? nlohmann::json(*free) : nlohmann::json();
}

}  // namespace

Awaitable<Reply> get_health(Services& services, http::Request) {
  const jobs::Usage usage =
      co_await services.store.read([](Transaction& tx) { return jobs::usage(tx); });
  const jobs::Resources& capacity = services.jobs.limits().capacity;
  const jobs::Resources available{capacity.cpus - usage.held.cpus,
                                  capacity.memory_gb - usage.held.memory_gb};
  const HostFacts& facts = services.facts;
  co_return json_reply(
      200, {{"status", "ok"},
            {"version", facts.version},
            {"api_revision", kApiRevision},
            {"instance", facts.instance},
            {"executor", facts.executor},
            {"capacity", to_json(capacity)},
            {"available", to_json(available)},
            {"running_jobs", usage.jobs},
            {"limits", facts.limits_enforced ? "enforced" : "unenforced"},
            {"lan_isolation", facts.lan_isolation ? "on" : "off"},
            {"rsync_port", facts.rsync_port},
            {"uploads",
             {{"max_bytes", facts.max_upload_bytes}, {"free_bytes", free_bytes(services.spool)}}}});
}

}  // namespace flashpods::api
