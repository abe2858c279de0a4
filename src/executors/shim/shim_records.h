#pragma once
// What the shim and flashpodsd tell each other through files of the job's directory. Each record is
// one JSON object with a version; reading is tolerant of members and causes it does not know, and
// never throws.

#include <optional>
#include <string>
#include <string_view>

#include "executors/podman/podman_settings.h"
#include "executors/shim/boot_time.h"
#include "jobs/executor.h"

namespace flashpods::shim {

/// spec.json: everything the shim needs.
struct JobRecord {
  jobs::ContainerSpec spec;  ///< directory is not stored: it is where the file is
  podman::PodmanSettings settings;
  BootTime launched;  ///< the start limit counts from here
};

/// started.json
struct StartedRecord {
  jobs::Started started;
  BootTime boot;  ///< the run limit counts from here
};

/// stop.json
struct StopRecord {
  jobs::EndCause cause = jobs::EndCause::kCancelled;  ///< or kTimedOut, kDiskQuota, kKernelLimit
  Time at{};
  std::string message = {};  ///< for a person, where the cause alone says too little
};

/// exit.json
struct ExitRecord {
  jobs::Exited exited;
  BootTime boot;  ///< when it was noted; empty in a record of a version before this member
};

[[nodiscard]] std::string to_text(const JobRecord& record);
[[nodiscard]] std::string to_text(const StartedRecord& record);
[[nodiscard]] std::string to_text(const StopRecord& record);
[[nodiscard]] std::string to_text(const ExitRecord& record);

/// kInvalid "invalid_record" for anything unusable.
[[nodiscard]] Result<JobRecord> parse_job(std::string_view text);
[[nodiscard]] Result<StartedRecord> parse_started(std::string_view text);
/// A cause that a newer version wrote is kCancelled in a stop, kLost in an end: never an error, or
/// the job of a daemon that was rolled back would not end.
[[nodiscard]] Result<StopRecord> parse_stop(std::string_view text);
[[nodiscard]] Result<ExitRecord> parse_exit(std::string_view text);

/// "exited", "oom_killed", …: the word of a cause in a record.
[[nodiscard]] std::string_view cause_word(jobs::EndCause cause);

}  // namespace flashpods::shim
