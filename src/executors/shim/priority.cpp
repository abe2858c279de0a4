#include "executors/shim/priority.h"

#include <algorithm>
#include <charconv>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"

namespace flashpods::shim {

namespace {

using nlohmann::json;

constexpr int kOomStep = 500;
constexpr int kMostOomScore = 1000;
constexpr int kNiceStep = 5;
/// cgroup v1's measure; the default is 1024.
constexpr int kCpuShares = 512;

int own_oom_score_adj() {
  const auto text = read_file("/proc/self/oom_score_adj", 100).value_or("");
  int score = 0;
  std::from_chars(text.data(), text.data() + text.size(), score);
  return score;
}

bool has_cpu_quota(const json& config) {
  const json::json_pointer quota("/linux/resources/cpu/quota");
  return config.contains(quota) && config.at(quota).is_number();
}

}  // namespace

void lower_priority(json& config) {
  config["process"]["oomScoreAdj"] = std::min(own_oom_score_adj() + kOomStep, kMostOomScore);
  if (has_cpu_quota(config)) config["linux"]["resources"]["cpu"]["shares"] = kCpuShares;
}

void become_nicer() { static_cast<void>(::nice(kNiceStep)); }

}  // namespace flashpods::shim
