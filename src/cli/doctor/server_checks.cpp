#include "cli/doctor/server_checks.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/json_fields.h"

namespace flashpods::cli {
namespace {

Check check_limits(const std::string& word) {
  if (word == "enforced") return {"limits", "limits of jobs", Health::kOk, "enforced"};
  return {"limits", "limits of jobs", Health::kWarn,
          "not enforced: a job may take more CPU and memory than it reserved",
          "see the cgroups line above"};
}

Check check_isolation(const std::string& word) {
  if (word == "on") return {"lan_isolation", "LAN isolation", Health::kOk, "on"};
  return {"lan_isolation", "LAN isolation", Health::kWarn,
          "off: jobs can reach the private networks that this machine can",
          "run jobs that need no network with --network none; the server's log says why it is off"};
}

// Nothing if the server does not say.
Checks check_space(const nlohmann::json& uploads) {
  const auto free_bytes = integer_at(uploads, "free_bytes");
  if (!free_bytes) return {};
  Check check{
      "upload_space", "room for uploads", Health::kOk,
      to_human_size(static_cast<std::uintmax_t>(std::max<std::int64_t>(0, *free_bytes))) + " free"};
  if (*free_bytes > 0) return {check};
  check.health = Health::kWarn;
  check.fix = "wait until old uploads expire, or delete them: DELETE /uploads/ID";
  return {check};
}

std::string capacity_of(const nlohmann::json& object) {
  return std::to_string(integer_at(object, "cpus").value_or(0)) + " cpus, " +
         std::to_string(integer_at(object, "memory_gb").value_or(0)) + " GB";
}

}  // namespace

Checks check_health(const nlohmann::json& health) {
  const auto detail =
      "version " + text_at(health, "version") + ", " + capacity_of(member_at(health, "available")) +
      " of " + capacity_of(member_at(health, "capacity")) + " free, " +
      std::to_string(integer_at(health, "running_jobs").value_or(0)) + " jobs running";
  Checks checks{{"server", "server", Health::kOk, detail},
                check_limits(text_at(health, "limits")),
                check_isolation(text_at(health, "lan_isolation"))};
  for (auto& check : check_space(member_at(health, "uploads"))) checks.push_back(std::move(check));
  return checks;
}

Checks no_server(const Error& error) {
  return {{"server", "server", Health::kWarn, error.message, "flashpods up"},
          {"lan_isolation", "LAN isolation", Health::kUnknown, "known once a server runs"}};
}

}  // namespace flashpods::cli
