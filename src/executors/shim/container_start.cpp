#include "executors/shim/container_start.h"

#include "base/files.h"
#include "executors/podman/run_command.h"
#include "executors/shim/job_files.h"
#include "executors/shim/own_program.h"
#include "jobs/image_reference.h"

namespace flashpods::shim {

namespace {

using podman::RunFailure;

/// A start under way is let come to its end when the job is stopped: killing podman in the middle
/// leaves more behind than a container.
constexpr Milliseconds kStopPatience{15'000};
constexpr const char* kOtherRuntime = "runc";

/// Counted from the launch; from now where that is of another boot, or of none.
Milliseconds start_deadline(const JobRecord& job) {
  const auto now = boot_time();
  const bool same_boot = job.launched.boot == now.boot;
  const auto begin = same_boot ? job.launched.since_boot : now.since_boot;
  return std::min(begin, now.since_boot) + job.spec.start_limit;
}

/// How a podman ended that said nothing.
std::string end_of(const ToolResult& result) {
  if (result.exit_code) return "ended with exit code " + std::to_string(*result.exit_code) + '.';
  if (result.signal != 0) return "was ended by signal " + std::to_string(result.signal) + '.';
  return "could not be run.";
}

}  // namespace

ContainerStart::ContainerStart(const JobRecord& job, PollLoop& loop, PodmanCalls& podman,
                               const StopRequest& stop, std::function<void()> forget_output)
    : job_(job),
      loop_(loop),
      podman_(podman),
      stop_(stop),
      forget_output_(std::move(forget_output)),
      deadline_(start_deadline(job)) {
  failure_.cause = jobs::EndCause::kStartFailed;
}

std::string ContainerStart::chosen_runtime() const {
  if (!runtime_.empty()) return runtime_;
  if (job_.settings.oci_runtime != "auto") return job_.settings.oci_runtime;
  if (job_.settings.runtime_memo.empty()) return {};
  return read_file(job_.settings.runtime_memo, 4096).value_or("");
}

bool ContainerStart::use_other_runtime() {
  if (job_.settings.oci_runtime != "auto" || !chosen_runtime().empty()) return false;
  runtime_ = kOtherRuntime;
  return true;
}

Result<void> ContainerStart::prepare() const {
  const auto& directory = job_.spec.directory;
  const auto self = own_program();
  if (!self) return std::unexpected(self.error());
  std::error_code error;
  std::filesystem::remove(directory / kExitCodeLink, error);  // of a start that was cut off
  std::filesystem::remove(directory / podman::kConmonStage, error);
  std::filesystem::create_symlink(*self, directory / podman::kConmonStage, error);
  if (error) return std::unexpected(errno_error(error.value(), "cannot link to ourselves"));
  for (const auto& name : podman::scratch_directories()) {
    auto made = make_directories(directory / podman::kScratchDirectory / name);
    if (!made) return made;
  }
  return {};
}

bool ContainerStart::try_run(const std::string& image) {
  std::optional<Milliseconds> asked;
  ToolLimits limits;
  limits.until = deadline_;
  limits.give_up = [this, &asked] {
    if (stop_.made() && !asked) {
      asked = since_boot();
      loop_.call_at(*asked + kStopPatience, [] {});  // or nothing makes it turn, and look here
    }
    return no_room() || (asked && since_boot() >= *asked + kStopPatience);
  };
  last_ = podman_.run(image, chosen_runtime(), limits);
  return last_.ok();
}

bool ContainerStart::run_or_change_runtime(const std::string& image) {
  if (try_run(image)) return true;
  if (podman::classify_run_failure(last_.err) != RunFailure::kRuntimeUnusable) return false;
  if (!use_other_runtime() || !podman_.remove()) return false;
  forget_output_();
  if (!try_run(image)) return false;
  if (!job_.settings.runtime_memo.empty()) {
    [[maybe_unused]] const auto kept = write_file_durably(job_.settings.runtime_memo, runtime_);
  }
  return true;
}

bool ContainerStart::pull(const std::string& image) {
  room_.emplace(loop_, podman_.image_places(), job_.spec.min_free_bytes);
  ToolLimits limits;
  limits.until = deadline_;
  limits.give_up = [this] { return stop_.made() || no_room(); };
  const auto result = podman_.pull(image, limits);
  if (result.ok()) return true;
  if (gave_up_for_room()) return false;
  const auto why = podman::explain_pull_failure(result.err);
  fail(why.cause, std::string(why.message));
  if (result.cut_short) fail(jobs::EndCause::kImagePullFailed, "Pulling the image took too long.");
  failure_.log_details = podman::podman_message(result.err);
  return false;
}

ContainerStart::Outcome ContainerStart::fail(jobs::EndCause cause, std::string message) {
  failure_.cause = cause;
  failure_.message = std::move(message);
  return Outcome::kFailed;
}

bool ContainerStart::gave_up_for_room() {
  if (!no_room()) return false;
  fail(jobs::EndCause::kDiskQuota, room_->explanation());
  return true;
}

ContainerStart::Outcome ContainerStart::explain() {
  if (gave_up_for_room()) return Outcome::kPerhaps;
  if (last_.cut_short) {
    failure_.message = "The container did not start in time.";
    return Outcome::kPerhaps;
  }
  failure_.message = kNotStarted;
  failure_.details = podman::podman_message(last_.err);
  if (failure_.details.empty()) failure_.message += " Podman gave no reason and " + end_of(last_);
  return Outcome::kPerhaps;
}

ContainerStart::Outcome ContainerStart::run() {
  const auto reference = jobs::parse_image_reference(job_.spec.image);
  if (!reference) return fail(jobs::EndCause::kImageNotFound, reference.error().message);
  if (run_or_change_runtime(job_.spec.image)) return Outcome::kRuns;
  const auto unknown = [this] {
    return !last_.cut_short && podman::classify_run_failure(last_.err) == RunFailure::kImageUnknown;
  };
  if (!unknown()) return explain();
  const auto full_name = to_string(jobs::qualified(*reference));
  if (full_name != job_.spec.image) {
    if (run_or_change_runtime(full_name)) return Outcome::kRuns;
    if (!unknown()) return explain();
  }
  if (!can_be_pulled(*reference)) {
    return fail(jobs::EndCause::kImageNotFound,
                "The image " + job_.spec.image + " is not on this host.");
  }
  if (!pull(full_name)) return Outcome::kFailed;
  return run_or_change_runtime(full_name) ? Outcome::kRuns : explain();
}

}  // namespace flashpods::shim
