#include "executors/podman/run_command.h"

#include <algorithm>

namespace flashpods::podman {

namespace {

using Words = std::vector<std::string>;

/// What programs expect to write to besides their own places, and the directory that it is.
constexpr std::pair<const char*, const char*> kWritablePlaces[] = {
    {"/tmp", "root-tmp"}, {"/var/tmp", "root-var-tmp"}, {"/run", "root-run"}};

void add(Words& words, std::initializer_list<std::string> more) { words.insert(words.end(), more); }

void add_identity(Words& words, const jobs::ContainerSpec& spec) {
  const bool agent = spec.type == jobs::JobType::kAgent;
  add(words, {"--name", spec.job_id});
  add(words, {"--label", "flashpods-job=true"});
  add(words, {"--label", "flashpods-job-id=" + spec.job_id});
  add(words, {"--label", std::string("flashpods-job-type=") + (agent ? "agent" : "worker")});
  add(words, {"--label", "flashpods-instance=" + spec.instance});
}

void add_limits(Words& words, const jobs::ContainerSpec& spec, const PodmanSettings& settings) {
  add(words, {"--cpus", std::to_string(spec.cpus)});
  add(words, {"--memory", std::to_string(spec.memory_gb) + "g"});
  add(words, {"--pids-limit", std::to_string(settings.pids_limit)});
  add(words, {"--shm-size", std::to_string(settings.shm_size_mb) + "m"});
}

/// A job's id as a host's name (RFC 1123, section 2.1: no '_').
std::string host_name(const jobs::ContainerSpec& spec) {
  auto name = spec.job_id;
  std::ranges::replace(name, '_', '-');
  return name;
}

/// slirp4netns' own resolver asks the host's. Without --dns, podman would add the host's resolvers
/// and its search domains.
void add_names(Words& words, const jobs::ContainerSpec& spec, const PodmanSettings& settings) {
  add(words, {"--hostname", host_name(spec), "--no-hosts"});
  add(words, {"-v", (spec.directory / kHostsFile).string() + ":/etc/hosts:ro"});
  if (spec.network == jobs::Network::kNone) return;  // podman refuses --dns then
  constexpr const char* kSlirpResolver = "10.0.2.3";
  const auto resolvers = settings.dns.empty() ? Words{kSlirpResolver} : settings.dns;
  for (const auto& resolver : resolvers) add(words, {"--dns", resolver});
  add(words, {"--dns-search", "."});
}

void add_isolation(Words& words, const jobs::ContainerSpec& spec, const PodmanSettings& settings) {
  const bool internet = spec.network == jobs::Network::kInternet;
  add(words, {"--userns=keep-id", internet ? "--network=slirp4netns" : "--network=none"});
  add(words, {"--security-opt", "no-new-privileges", "--cap-drop", "ALL"});
  if (!settings.user.empty()) add(words, {"--user", settings.user});
}

/// What an image could smuggle in, and what podman would add by itself.
void add_refusals(Words& words) {
  add(words, {"--no-healthcheck", "--image-volume=ignore", "--http-proxy=false", "--pull=never"});
}

/// No tmpfs of podman's, which would be as large as half of the host's memory: these directories
/// are part of the scratch space, which the disk budget counts.
void add_read_only_root(Words& words, const jobs::ContainerSpec& spec) {
  if (!spec.read_only_root) return;
  add(words, {"--read-only", "--read-only-tmpfs=false"});
  for (const auto& [place, directory] : kWritablePlaces) {
    const auto source = spec.directory / kScratchDirectory / directory;
    add(words, {"-v", source.string() + ':' + place + ":rw"});
  }
}

void add_mounts(Words& words, const jobs::ContainerSpec& spec, const PodmanSettings& settings) {
  const auto directory = spec.directory.string();
  const bool read_only = spec.workspace == jobs::Workspace::kReadOnly;
  add(words, {"-v", directory + "/work:/work:" + (read_only ? "ro" : "O")});
  add(words, {"-v", directory + "/artifacts:/artifacts:rw"});
  if (spec.type == jobs::JobType::kWorker) {
    add(words, {"-v", directory + '/' + kScratchDirectory + ':' + kPrivateDirectory + ":rw"});
  }
  for (const auto& socket : settings.sockets) {
    add(words, {"-v", socket.host + ':' + socket.container + ":ro"});
  }
}

void add_bookkeeping(Words& words, const jobs::ContainerSpec& spec) {
  const auto file = [&spec](const char* name) { return (spec.directory / name).string(); };
  add(words, {"--log-driver=passthrough", "--init"});
  add(words, {"--cidfile", file(kContainerIdFile)});
  add(words, {"--pidfile", file(kContainerPidFile)});
  add(words, {"--conmon-pidfile", file(kConmonPidFile)});
}

Words global_words(const jobs::ContainerSpec& spec, const PodmanSettings& settings,
                   const std::string& oci_runtime) {
  Words words{settings.podman, "--conmon", (spec.directory / kConmonStage).string()};
  if (!oci_runtime.empty()) add(words, {"--runtime", oci_runtime});
  return words;
}

}  // namespace

Words run_command(const jobs::ContainerSpec& spec, const PodmanSettings& settings,
                  const std::string& image, const std::string& oci_runtime) {
  Words words = global_words(spec, settings, oci_runtime);
  add(words, {"run", "-d"});
  add_identity(words, spec);
  add_limits(words, spec, settings);
  add_isolation(words, spec, settings);
  add_refusals(words);
  add_names(words, spec, settings);
  add_read_only_root(words, spec);
  add_mounts(words, spec, settings);
  add_bookkeeping(words, spec);
  // An empty entrypoint: the image's own must not stand before our command.
  add(words, {"--workdir", "/work", "--entrypoint=", "--", image});
  if (spec.type == jobs::JobType::kAgent) {
    add(words, {"/entrypoint.sh"});
  } else {
    add(words, {"/bin/sh", "-c", spec.command});
  }
  return words;
}

namespace {

/// What container_record.h reads, in podman's own shape: the whole would hold all that an image
/// brings along, megabytes of labels if it likes.
constexpr const char* kRecord =
    R"([{"Id":{{json .ID}},"Image":{{json .Image}},"ImageDigest":{{json .ImageDigest}},)"
    R"("Config":{"Labels":{"flashpods-instance":)"
    R"({{json (index .Config.Labels "flashpods-instance")}}}},)"
    R"("State":{{json .State}},"GraphDriver":{{json .GraphDriver}},)"
    R"("StaticDir":{{json .StaticDir}}}])";

}  // namespace

Words inspect_command(const PodmanSettings& settings, const std::string& name) {
  return {settings.podman, "inspect", "--type", "container", "--format", kRecord, "--", name};
}

Words pull_command(const PodmanSettings& settings, const std::string& image) {
  return {settings.podman, "pull", "--quiet", "--", image};
}

Words guarded_pull_command(const PodmanSettings& settings, const std::string& shim,
                           const std::string& image, bool rootless) {
  Words words;
  if (rootless) add(words, {settings.podman, "unshare"});
  add(words, {shim, kGuardedPullArgument});
  words.insert(words.end(), settings.private_registries.begin(), settings.private_registries.end());
  words.emplace_back("--");
  const auto pull = pull_command(settings, image);
  words.insert(words.end(), pull.begin(), pull.end());
  return words;
}

Words image_place_command(const PodmanSettings& settings) {
  return {settings.podman, "info", "--format", "{{.Store.GraphRoot}}"};
}

Words kill_command(const PodmanSettings& settings, const std::string& name, int signal) {
  return {settings.podman, "kill", "--signal", std::to_string(signal), "--", name};
}

Words remove_command(const PodmanSettings& settings, const std::string& name) {
  return {settings.podman, "rm", "--force", "--ignore", "--time", "0", "--", name};
}

namespace {

constexpr std::pair<const char*, const char*> kPrivate[] = {
    {"HOME", "home"},
    {"TMPDIR", "tmp"},
    {"CARGO_HOME", "cargo"},
    {"CARGO_TARGET_DIR", "target"},
    {"npm_config_cache", "npm"},
    {"PIP_CACHE_DIR", "pip"},
    {"GOCACHE", "go-build"},
    {"GOPATH", "go"},
    {"GOMODCACHE", "go-mod"},
    {"PYTHONPYCACHEPREFIX", "pycache"},
};

}  // namespace

std::string hosts_text(const jobs::ContainerSpec& spec) {
  return "127.0.0.1 localhost\n127.0.0.1 " + host_name(spec) + "\n";
}

std::map<std::string, std::string> container_environment(const jobs::ContainerSpec& spec) {
  auto environment = spec.env;
  if (spec.type != jobs::JobType::kWorker) return environment;
  for (const auto& [name, directory] : kPrivate) {
    environment.try_emplace(name, std::string(kPrivateDirectory) + '/' + directory);
  }
  return environment;
}

Words scratch_directories() {
  Words names;
  for (const auto& [variable, directory] : kPrivate) names.emplace_back(directory);
  for (const auto& [place, directory] : kWritablePlaces) names.emplace_back(directory);
  return names;
}

}  // namespace flashpods::podman
