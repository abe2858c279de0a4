#include "jobs/admission.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace flashpods::jobs {

namespace {

using nlohmann::json;

json to_json(const Resources& resources) {
  return {{"cpus", resources.cpus}, {"memory_gb", resources.memory_gb}};
}

bool fits(const Resources& wanted, const Resources& available) {
  return wanted.cpus <= available.cpus && wanted.memory_gb <= available.memory_gb;
}

std::string advice(bool never_fits) {
  return never_fits ? "This host is too small for the job: ask for fewer cpus or less memory_gb"
                    : "Not enough resources to start job: try again when a running job has ended, "
                      "or ask for less";
}

}  // namespace

Grant apply_caps(const JobRequest& request, const TypeLimits& limits) {
  return {{std::min(request.resources.cpus, limits.caps.cpus),
           std::min(request.resources.memory_gb, limits.caps.memory_gb)},
          std::min(request.timeout_minutes, limits.max_timeout_minutes)};
}

std::string describe_adjustments(const JobRequest& request, const Grant& grant) {
  json cut = json::object();
  const auto note = [&cut](const char* field, std::int64_t requested, std::int64_t granted) {
    if (requested != granted) cut[field] = {{"requested", requested}, {"granted", granted}};
  };
  note("cpus", request.resources.cpus, grant.resources.cpus);
  note("memory_gb", request.resources.memory_gb, grant.resources.memory_gb);
  note("timeout_minutes", request.timeout_minutes, grant.timeout_minutes);
  return cut.dump();
}

Result<void> admit(const Resources& wanted, const Usage& usage, const Resources& capacity) {
  const Resources available{capacity.cpus - usage.held.cpus,
                            capacity.memory_gb - usage.held.memory_gb};
  if (fits(wanted, available)) return {};
  const bool never_fits = !fits(wanted, capacity);
  Error error{ErrorKind::kExhausted, "insufficient_resources", advice(never_fits)};
  error.details = std::make_shared<const json>(json{{"requested", to_json(wanted)},
                                                    {"available", to_json(available)},
                                                    {"host_capacity", to_json(capacity)},
                                                    {"running_jobs", usage.jobs},
                                                    {"never_fits", never_fits}});
  return std::unexpected(std::move(error));
}

}  // namespace flashpods::jobs
