#include "executors/shim/podman_calls.h"

#include <algorithm>
#include <unistd.h>

#include "base/files.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"
#include "executors/shim/own_program.h"
#include "jobs/image_reference.h"

namespace flashpods::shim {

namespace {

constexpr Milliseconds kPatience{60'000};

ToolLimits patience() { return {.until = since_boot() + kPatience}; }

}  // namespace

std::optional<std::string> PodmanCalls::container_id() const {
  constexpr std::size_t kMostId = 128;
  const auto id = read_file(job_.spec.directory / podman::kContainerIdFile, kMostId);
  if (!id || id->empty()) return std::nullopt;
  return *id;
}

/// By the time there is an id, somebody else's container may have the name.
std::string PodmanCalls::container() const { return container_id().value_or(job_.spec.job_id); }

Inspected PodmanCalls::inspect(ToolLimits limits) {
  const auto latest = since_boot() + kPatience;
  limits.until = std::min(limits.until.value_or(latest), latest);
  const auto result = tool_.run(inspect_command(job_.settings, container()), limits);
  if (result.cut_short || !result.exit_code) return {};
  if (!result.ok()) return {std::nullopt, podman::says_no_container(result.err)};
  auto record = podman::parse_inspect(result.out);
  const bool answered = record.has_value();
  return {std::move(record), answered};
}

ToolResult PodmanCalls::run(const std::string& image, const std::string& oci_runtime,
                            const ToolLimits& limits) {
  auto for_job = limits;
  for_job.pid_file = job_.spec.directory / kPodmanPidFile;
  // Where `--conmon` fails its version check podman takes the first conmon of PATH, and a container
  // that starts without our step has neither its output nor its isolation.
  for_job.first_in_path = job_.spec.directory;
  return tool_.run(run_command(job_.spec, job_.settings, image, oci_runtime), for_job);
}

std::filesystem::path PodmanCalls::pull_directory() const {
  return job_.spec.directory / kPullDirectory;
}

/// An operator who names a registry trusts it, also with HTTP and with redirects.
std::vector<std::string> PodmanCalls::pull_words(const std::string& image) const {
  const auto& settings = job_.settings;
  const auto reference = jobs::parse_image_reference(image);
  const auto& registries = settings.private_registries;
  const bool trusted =
      reference && std::ranges::find(registries, reference->registry) != registries.end();
  if (!settings.guard_pulls || trusted) return pull_command(settings, image);
  // Without a program there is no guard, and the pull fails.
  const auto self = own_program().value_or("");
  return guarded_pull_command(settings, self, image, ::geteuid() != 0);
}

std::vector<std::string> PodmanCalls::image_places() {
  std::vector<std::string> places{job_.spec.directory};
  const auto result = tool_.run(image_place_command(job_.settings), patience());
  if (result.ok()) places.push_back(result.out.substr(0, result.out.find('\n')));
  return places;
}

ToolResult PodmanCalls::pull(const std::string& image, const ToolLimits& limits) {
  auto in_our_directory = limits;
  if (make_directories(pull_directory())) in_our_directory.temporary = pull_directory();
  auto result = tool_.run(pull_words(image), in_our_directory);
  [[maybe_unused]] const auto removed = remove_tree(pull_directory());  // else with the job's
  return result;
}

void PodmanCalls::kill(int signal) {
  [[maybe_unused]] const auto result =
      tool_.run(kill_command(job_.settings, container(), signal), patience());
}

bool PodmanCalls::remove() {
  if (!container_id()) {  // by the name alone it may be anybody's
    const auto found = inspect();
    if (!found.answered) return false;
    if (found.record && found.record->instance != job_.spec.instance) return true;
  }
  if (!tool_.run(remove_command(job_.settings, container()), patience()).ok()) return false;
  const auto& directory = job_.spec.directory;
  std::error_code ignored;
  // Podman leaves it behind where it doesn't know that conmon ran.
  const auto exit_file = std::filesystem::read_symlink(directory / kExitCodeLink, ignored);
  if (!exit_file.empty()) std::filesystem::remove(exit_file, ignored);
  for (const char* file : {podman::kContainerIdFile, podman::kContainerPidFile,
                           podman::kConmonPidFile, kExitCodeLink}) {
    std::filesystem::remove(directory / file, ignored);
  }
  return true;
}

}  // namespace flashpods::shim
