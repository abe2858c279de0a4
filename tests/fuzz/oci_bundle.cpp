// The OCI bundle that podman wrote, and the job's environment that joins it:
// "NAME=VALUE\n…\n\n{…config.json…}".

#include <set>

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/text.h"
#include "executors/shim/conmon_stage.h"
#include "executors/shim/masked_paths.h"
#include "executors/shim/priority.h"
#include "executors/shim/seccomp_profile.h"
#include "executors/shim/shared_limits.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;
using nlohmann::json;

shim::BundleChange take_change(std::string_view& input) {
  shim::BundleChange change;
  while (!input.empty()) {
    const auto line = fuzz::take_line(input);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) break;
    change.environment[to_valid_utf8(line.substr(0, equals))] =
        to_valid_utf8(line.substr(equals + 1));
  }
  change.hook = "/usr/bin/flashpods-shim";
  change.close_networks = !change.environment.empty();
  return change;
}

void check_environment(const json& list, const shim::BundleChange& change) {
  std::set<std::string> names;
  for (const auto& entry : list) {
    const auto text = entry.get<std::string>();
    const auto equals = text.find('=');
    require(equals != std::string::npos, "a variable has a value");
    const auto name = text.substr(0, equals);
    require(names.insert(name).second, "no variable stands twice");
    const auto ours = change.environment.find(name);
    if (ours != change.environment.end())
      require(text.substr(equals + 1) == ours->second, "the job's values win");
  }
  for (const auto& [name, value] : change.environment)
    require(names.contains(name), "every variable of the job is there");
}

FUZZ_TARGET(oci_bundle) {
  const auto change = take_change(input);
  const auto changed = shim::changed_bundle(input, change);
  if (!changed) return;
  auto before = parse_json(input);
  auto after = parse_json(*changed);
  require(after.has_value(), "a changed bundle is JSON");
  check_environment((*after)["process"]["env"], change);
  const auto& hooks = (*after)["hooks"]["createRuntime"];
  require(!hooks.empty() && hooks.back()["path"] == change.hook, "the hook is called");
  shim::limit_shared(*before, change.processes);
  shim::lower_priority(*before);
  shim::mask_paths(*before);
  if (auto& settings = (*before)["linux"]; settings.contains("seccomp")) {
    shim::tighten_seccomp(settings["seccomp"]);
  }
  for (auto* config : {&*before, &*after}) {
    (*config)["process"].erase("env");
    config->erase("hooks");
  }
  require(*before == *after, "nothing else is changed");
}

}  // namespace
}  // namespace flashpods
