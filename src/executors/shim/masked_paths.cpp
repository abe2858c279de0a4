#include "executors/shim/masked_paths.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include <nlohmann/json.hpp>

namespace flashpods::shim {

namespace {

using nlohmann::json;

constexpr std::array kMasked = std::to_array<std::string_view>({
    "/proc/acpi",
    "/proc/asound",
    "/proc/cmdline",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
});

constexpr std::array kReadOnly = std::to_array<std::string_view>({
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
});

constexpr const char* kProcessors = "/sys/devices/system/cpu";

void add_once(json& list, std::string_view path) {
  if (!list.is_array()) list = json::array();
  if (std::find(list.begin(), list.end(), path) == list.end()) list.push_back(path);
}

/// How often each processor was slowed down for its heat says what else the host does.
void mask_thermal_throttle(json& masked) {
  std::error_code error;
  for (std::filesystem::directory_iterator each(kProcessors, error), end; !error && each != end;
       each.increment(error)) {
    const auto path = each->path() / "thermal_throttle";
    if (std::error_code absent; std::filesystem::is_directory(path, absent)) {
      add_once(masked, path.native());
    }
  }
}

}  // namespace

void mask_paths(json& config) {
  auto& settings = config["linux"];
  if (!settings.is_object()) settings = json::object();
  for (const auto& path : kMasked) add_once(settings["maskedPaths"], path);
  for (const auto& path : kReadOnly) add_once(settings["readonlyPaths"], path);
  mask_thermal_throttle(settings["maskedPaths"]);
}

}  // namespace flashpods::shim
