#include "cli/doctor/podman_checks.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/doctor/advisories.h"
#include "cli/doctor/version_number.h"
#include "cli/json_fields.h"

namespace flashpods::cli {
namespace {

constexpr VersionNumber kOldestPodman{4, 3, 0};

Check check_version(const nlohmann::json& info) {
  const auto text = text_at(member_at(info, "version"), "Version");
  Check check{"podman", "podman", Health::kOk, text};
  const auto version = find_version(text);
  if (version && *version >= kOldestPodman) return check;
  check.health = Health::kWarn;
  check.detail = text + ", older than what Flashpods is tested with (4.3)";
  check.fix = "upgrade podman";
  return check;
}

Check check_rootless(const nlohmann::json& security) {
  Check check{"rootless", "rootless", Health::kOk, "yes"};
  if (flag_at(security, "rootless")) return check;
  check.health = Health::kFail;
  check.detail = "no: podman runs as root, where a job's container cannot start";
  check.fix = "use an ordinary user: useradd -m flashpods, then run `flashpods up` as that user";
  return check;
}

bool has_controllers(const nlohmann::json& host) {
  const auto& controllers = array_at(host, "cgroupControllers");
  const auto has = [&](const char* name) {
    return std::ranges::find(controllers, name) != controllers.end();
  };
  return has("cpu") && has("memory") && has("pids");
}

Check check_cgroups(const nlohmann::json& host) {
  const auto version = text_at(host, "cgroupVersion");
  const auto manager = text_at(host, "cgroupManager");
  Check check{"cgroups", "cgroups", Health::kOk, version + ", " + manager + ", limits hold"};
  if (version == "v2" && has_controllers(host)) return check;
  check.health = Health::kWarn;
  if (version != "v2") {
    check.detail = version + ": CPU and memory limits of jobs are not enforced";
    check.fix =
        "boot with cgroup v2: add systemd.unified_cgroup_hierarchy=1 to the kernel's "
        "command line";
    return check;
  }
  check.detail = "v2, but cpu, memory and pids are not delegated: limits are not enforced";
  check.fix =
      "mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu "
      "cpuset io memory pids\\n' > /etc/systemd/system/user@.service.d/delegate.conf && "
      "systemctl daemon-reload, then log in anew";
  return check;
}

Check check_runtime(const nlohmann::json& host) {
  const auto& runtime = member_at(host, "ociRuntime");
  const auto name = text_at(runtime, "name");
  auto version = text_at(runtime, "version");
  version = version.substr(0, version.find('\n'));
  if (!name.empty())
    return {"oci_runtime", "OCI runtime", Health::kOk, version.empty() ? name : version};
  return {"oci_runtime", "OCI runtime", Health::kFail, "none", "apt-get install crun"};
}

Check check_storage(const nlohmann::json& store) {
  const auto driver = text_at(store, "graphDriverName");
  Check check{"storage", "storage driver", Health::kOk, driver};
  if (driver == "overlay") {
    const bool native = text_at(member_at(store, "graphStatus"), "Native Overlay Diff") == "true";
    check.detail = native ? "overlay, native" : "overlay";
    return check;
  }
  check.health = driver == "vfs" ? Health::kFail : Health::kWarn;
  check.detail = driver == "vfs" ? "vfs copies the whole image for every container"
                                 : driver + " is slower than overlay";
  check.fix =
      "put `[storage]` and `driver = \"overlay\"` into ~/.config/containers/storage.conf, "
      "then podman system reset (this removes all images and containers)";
  return check;
}

Check check_network(const nlohmann::json& host) {
  const auto program = text_at(member_at(host, "slirp4netns"), "executable");
  if (!program.empty()) return {"slirp4netns", "slirp4netns", Health::kOk, program};
  return {"slirp4netns", "slirp4netns", Health::kFail, "missing: jobs would have no network",
          "apt-get install slirp4netns"};
}

/// Podman names Debian's packages NAME_VERSION_ARCHITECTURE, and rpm's NAME-VERSION.
std::string package_version(const std::string& package) {
  const auto first = package.find('_');
  const auto last = package.rfind('_');
  return first == last ? package : package.substr(first + 1, last - first - 1);
}

}  // namespace

Checks check_container_advisories(const nlohmann::json& info, std::string_view podman_package) {
  constexpr std::string_view kLibrary = "libslirp:";
  const auto& host = member_at(info, "host");
  const auto& runtime = member_at(host, "ociRuntime");
  const auto& network = member_at(host, "slirp4netns");
  const auto network_version = text_at(network, "version");
  const auto network_package = package_version(text_at(network, "package"));
  Checks checks;
  const auto add = [&checks](const std::string& program, std::string_view version,
                             std::string_view package) {
    if (auto check = check_advisories(program, version, package)) checks.push_back(*check);
  };
  add("podman", text_at(member_at(info, "version"), "Version"), podman_package);
  add(text_at(runtime, "name"), text_at(runtime, "version"),
      package_version(text_at(runtime, "package")));
  add("slirp4netns", network_version, network_package);
  const auto library = network_version.find(kLibrary);
  if (library != std::string::npos) {
    add("libslirp", std::string_view(network_version).substr(library), "");
  }
  return checks;
}

Checks check_podman_info(const nlohmann::json& info) {
  const auto& host = member_at(info, "host");
  return {check_version(info), check_rootless(member_at(host, "security")), check_cgroups(host),
          check_runtime(host), check_storage(member_at(info, "store")),     check_network(host)};
}

Check podman_missing() {
  return {"podman", "podman", Health::kFail, "not installed",
          "apt-get install podman uidmap slirp4netns crun fuse-overlayfs catatonit"};
}

Check podman_broken(const std::string& detail) {
  return {"podman", "podman", Health::kFail, "`podman info` fails: " + detail,
          "run `podman info` by hand; after a change of subuid or runtime: podman system migrate"};
}

}  // namespace flashpods::cli
