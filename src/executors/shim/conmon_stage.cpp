#include "executors/shim/conmon_stage.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "executors/podman/run_command.h"
#include "executors/shim/container_hook.h"
#include "executors/shim/job_files.h"
#include "executors/shim/masked_paths.h"
#include "executors/shim/output_keeper.h"
#include "executors/shim/own_program.h"
#include "executors/shim/priority.h"
#include "executors/shim/read_only_mount.h"
#include "executors/shim/seccomp_profile.h"
#include "executors/shim/shared_limits.h"
#include "executors/shim/shim_records.h"
#include "process/find_program.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostConfig = 64 * 1024 * 1024;
/// Where podman looks for conmon besides PATH (containers.conf(5), conmon_path).
constexpr const char* kConmonPlaces =
    ":/usr/libexec/podman:/usr/local/libexec/podman:/usr/local/lib/podman:/usr/bin:/usr/sbin"
    ":/usr/local/bin:/usr/local/sbin:/run/current-system/sw/bin";

std::string argument_after(std::span<char*> arguments, std::string_view name) {
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == name) return arguments[i + 1];
  }
  return {};
}

BundleChange change_for(const JobRecord& job, std::string program) {
  const bool close_networks = job.settings.isolate_lan && job.spec.network != jobs::Network::kNone;
  return {podman::container_environment(job.spec), std::move(program), close_networks,
          job.settings.pids_limit};
}

Result<void> change_bundle(const std::filesystem::path& bundle, const BundleChange& change) {
  const auto path = bundle / "config.json";
  const auto config = read_file(path, kMostConfig);
  if (!config) return std::unexpected(config.error());
  const auto changed = changed_bundle(*config, change);
  if (!changed) return std::unexpected(changed.error());
  const Fd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file) return std::unexpected(errno_error("cannot change the container's configuration"));
  return write_all(file.get(), *changed);
}

Result<void> connect_output(const std::filesystem::path& directory, const char* name, int target) {
  const auto fifo = open_fifo_for_job(directory, name);
  if (!fifo) return std::unexpected(fifo.error());
  if (::dup2(fifo->get(), target) < 0) {
    return std::unexpected(errno_error("cannot connect the job's output"));
  }
  return {};
}

Result<JobRecord> read_job(const std::filesystem::path& directory) {
  const auto text = read_file(directory / kSpecFile, kMostConfig);
  if (!text) return std::unexpected(text.error());
  return parse_job(*text);
}

/// conmon writes the exit code to EXIT-DIR/ID: podman's record of it depends on podman being alive.
Result<void> link_exit_file(const std::filesystem::path& directory, std::span<char*> arguments) {
  const auto exit_directory = argument_after(arguments, "--exit-dir");
  const auto id = argument_after(arguments, "-c");
  if (exit_directory.empty() || id.empty()) return {};
  std::error_code error;
  std::filesystem::remove(directory / kExitCodeLink, error);
  std::filesystem::create_symlink(std::filesystem::path(exit_directory) / id,
                                  directory / kExitCodeLink, error);
  if (error) return std::unexpected(errno_error(error.value(), "cannot link to the exit file"));
  return {};
}

Result<void> prepare(const std::filesystem::path& directory, const std::string& bundle,
                     std::span<char*> arguments, const JobRecord& job) {
  if (auto linked = link_exit_file(directory, arguments); !linked) return linked;
  auto program = own_program();
  if (!program) return std::unexpected(program.error());
  auto changed = change_bundle(bundle, change_for(job, std::move(*program)));
  if (!changed) return changed;
  if (auto joined = join_common_keyring(); !joined) return joined;
  if (auto out = connect_output(directory, kStdoutFifo, STDOUT_FILENO); !out) return out;
  return connect_output(directory, kStderrFifo, STDERR_FILENO);
}

/// PATH without the job's directory, which is first in podman's own (podman_calls.cpp) and has this
/// step under conmon's name.
std::string path_beyond(const std::filesystem::path& directory) {
  const char* given = std::getenv("PATH");
  std::string path(given == nullptr ? "" : given);
  const auto own = directory.string() + ':';
  if (path.starts_with(own)) path.erase(0, own.size());
  return path;
}

Result<void> become_conmon(std::vector<char*> arguments, const std::filesystem::path& directory,
                           const std::string& conmon) {
  const auto path = path_beyond(directory);
  ::setenv("PATH", path.c_str(), 1);
  const auto program = find_program(conmon, path + kConmonPlaces);
  if (!program) return std::unexpected(program.error());
  std::string no_new_keyring = kNoNewKeyring;
  arguments.insert(arguments.begin() + 1, no_new_keyring.data());
  arguments.push_back(nullptr);
  ::execv(program->c_str(), arguments.data());
  return std::unexpected(errno_error("cannot run conmon"));
}

Result<void> run_stage(std::span<char*> arguments) {
  const auto directory = std::filesystem::path(arguments[0]).parent_path();
  const auto job = read_job(directory);
  if (!job) return std::unexpected(job.error());
  const auto bundle = argument_after(arguments, "-b");
  if (!bundle.empty()) {  // podman also asks for conmon's version
    if (auto prepared = prepare(directory, bundle, arguments, *job); !prepared) return prepared;
    start_output_keeper(directory);
    become_nicer();
  }
  return become_conmon(without_exit_command(arguments), directory, job->settings.conmon);
}

}  // namespace

namespace {

using nlohmann::json;

json merged_environment(const json& list, std::map<std::string, std::string> environment) {
  for (const auto& entry : list) {
    if (!entry.is_string()) continue;
    const auto& text = entry.get_ref<const std::string&>();
    const auto equals = text.find('=');
    if (equals == std::string::npos) continue;
    environment.try_emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  auto merged = json::array();
  for (const auto& [name, value] : environment) merged.push_back(name + '=' + value);
  return merged;
}

}  // namespace

std::vector<char*> without_exit_command(std::span<char* const> arguments) {
  std::vector<char*> kept;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (std::string_view(arguments[i]).starts_with("--exit-command")) {
      ++i;  // its value
    } else {
      kept.push_back(arguments[i]);
    }
  }
  return kept;
}

Result<std::string> changed_bundle(std::string_view config, const BundleChange& change) {
  auto parsed = parse_json(config);
  if (!parsed) return std::unexpected(parsed.error());
  if (!parsed->is_object() || !(*parsed)["process"].is_object()) {
    return fail(ErrorKind::kInvalid, "invalid_bundle", "The OCI configuration has no process.");
  }
  auto& list = (*parsed)["process"]["env"];
  list = merged_environment(list, change.environment);
  limit_shared(*parsed, change.processes);
  lower_priority(*parsed);
  mask_paths(*parsed);
  if (auto& settings = (*parsed)["linux"]; settings.contains("seccomp")) {
    tighten_seccomp(settings["seccomp"]);
  }
  add_container_hook(*parsed, change.hook, change.close_networks);
  return dump_json(*parsed);
}

int run_conmon_stage(int argc, char** argv) {
  const auto result = run_stage(std::span(argv, static_cast<std::size_t>(argc)));
  std::fprintf(stderr, "Error: %s\n", result.error().message.c_str());
  return EXIT_FAILURE;
}

}  // namespace flashpods::shim
