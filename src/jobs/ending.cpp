#include "jobs/ending.h"

#include <algorithm>

#include <fmt/format.h>

namespace flashpods::jobs {

namespace {

Ending fail_with(EndCause cause, std::string message) {
  return {Status::kFailed, std::string{to_string(cause)}, std::move(message)};
}

/// "message" of the executor if it has one, else ours.
std::string words(const Exited& exited, std::string_view ours) {
  return exited.message.empty() ? std::string{ours} : exited.message;
}

Ending by_exit_code(const Exited& exited) {
  const int code = exited.exit_code.value_or(0);
  if (code == 0) return {Status::kCompleted, "", ""};
  // The executor may know more: a signal inside, a process killed for lack of memory.
  return fail_with(EndCause::kExited,
                   words(exited, fmt::format("The command exited with code {}", code)));
}

Ending lost(const Job& job, const Exited& exited) {
  if (!exited.started && !job.started_at) {
    return {Status::kFailed, "container_not_found_on_recovery",
            words(exited, "The container had not started when its host stopped it")};
  }
  return fail_with(EndCause::kLost, words(exited, "The container vanished without an exit record"));
}

Ending by_cause(const Job& job, const Exited& exited) {
  switch (exited.cause) {
    case EndCause::kExited:
      return by_exit_code(exited);
    case EndCause::kSignalled:
      return fail_with(exited.cause, fmt::format("Signal {} ended the command", exited.signal));
    case EndCause::kOomKilled:
      return fail_with(exited.cause,
                       fmt::format("The job needed more than its {} GB of memory: ask for more "
                                   "memory_gb, or run fewer things in parallel",
                                   job.request.resources.memory_gb));
    case EndCause::kTimedOut:
      return {Status::kTimedOut, std::string{to_string(exited.cause)},
              "Job exceeded timeout limit"};
    case EndCause::kCancelled:
      return {Status::kCancelled, std::string{to_string(exited.cause)}, "Job was cancelled"};
    case EndCause::kDiskQuota:
      return fail_with(exited.cause, words(exited, "The job wrote more to disk than it may"));
    case EndCause::kKernelLimit:
      return fail_with(exited.cause,
                       words(exited, "The job took more of the kernel's resources than its share"));
    case EndCause::kImageNotFound:
      return fail_with(exited.cause, words(exited, "The image was not found"));
    case EndCause::kImagePullFailed:
      return fail_with(exited.cause, words(exited, "The image could not be pulled"));
    case EndCause::kStartFailed:
      return fail_with(exited.cause, words(exited, "The container could not be started"));
    case EndCause::kLost:
      return lost(job, exited);
  }
  return fail_with(EndCause::kLost, "The container's end is unknown");
}

bool mentions_read_only(std::string_view log_tail) {
  return log_tail.find("Read-only file system") != std::string_view::npos ||
         log_tail.find("read-only file system") != std::string_view::npos ||
         log_tail.find("EROFS") != std::string_view::npos;
}

/// The command ended before anybody asked it to, though the news came later.
bool ended_before_the_stop(const Job& job, const Exited& exited) {
  const bool by_itself = exited.cause == EndCause::kExited ||
                         exited.cause == EndCause::kSignalled ||
                         exited.cause == EndCause::kOomKilled;
  return by_itself && exited.at < *job.stop_requested_at;
}

}  // namespace

Ending decide_ending(const Job& job, const Exited& exited) {
  const Ending ending = by_cause(job, exited);
  if (!job.stop_requested_at || ending.status == Status::kTimedOut) return ending;
  if (ended_before_the_stop(job, exited)) return ending;
  return {Status::kCancelled, std::string{to_string(EndCause::kCancelled)}, "Job was cancelled"};
}

Time ended_at(const Job& job, const Exited& exited, Time now) {
  if (exited.at == Time{}) return now;
  const Time noted = job.started_at.value_or(job.created_at);
  const Time began = exited.started ? exited.started->at : noted;
  return std::max(began, std::min(exited.at, now));
}

Ending with_artifact_conflict(Ending ending, const std::string& name) {
  if (ending.status == Status::kCancelled || ending.status == Status::kTimedOut) return ending;
  return {Status::kFailed, "artifact_name_conflict",
          fmt::format("Artifact '{}' already exists", name)};
}

Ending with_doubtful_artifacts(Ending ending) {
  constexpr std::string_view kDoubt =
      "The host restarted before the job's artifacts were on the disk: they may be incomplete";
  if (ending.status == Status::kCompleted) return fail_with(EndCause::kLost, std::string{kDoubt});
  ending.message += fmt::format(". {}", kDoubt);
  return ending;
}

namespace {

constexpr const char* kIncompleteLog =
    "The log may be incomplete: every process that kept the job's output was killed, or the disk "
    "refused it.";

std::optional<std::string> advise_on_failure(const Job& job, const Ending& ending,
                                             const Exited& exited, std::string_view log_tail) {
  if (ending.status != Status::kFailed) return std::nullopt;
  if (job.request.workspace == Workspace::kReadOnly && mentions_read_only(log_tail)) {
    return "The command tried to write where it may not: /work is read-only for workers. Write to "
           "/artifacts or $TMPDIR, or create the job with workspace \"scratch\" for a writable "
           "copy";
  }
  if (exited.cause != EndCause::kExited) return std::nullopt;
  if (exited.exit_code == 127) {
    return "Exit code 127 means a command was not found: the image may lack the tool; choose "
           "another "
           "image";
  }
  if (exited.exit_code == 137) {
    return "Exit code 137 usually means SIGKILL inside the container: if memory was short, ask for "
           "more memory_gb";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> advise(const Job& job, const Ending& ending, const Exited& exited,
                                  std::string_view log_tail) {
  auto advice = advise_on_failure(job, ending, exited, log_tail);
  if (!exited.log_incomplete) return advice;
  return advice ? *advice + ". " + kIncompleteLog : kIncompleteLog;
}

}  // namespace flashpods::jobs
