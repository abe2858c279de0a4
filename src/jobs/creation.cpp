#include "jobs/creation.h"

#include <fmt/format.h>

#include "artifacts/repository.h"
#include "base/text.h"
#include "jobs/admission.h"
#include "jobs/repository.h"
#include "jobs/request.h"
#include "uploads/repository.h"

namespace flashpods::jobs {

namespace {

std::optional<Creation> existing(Transaction& tx, const JobRequest& request,
                                 const std::string& asked) {
  if (!request.client_job_id) return std::nullopt;
  auto job = find_active_key(tx, *request.client_job_id);
  if (!job) return std::nullopt;
  auto differs = differing_fields(fingerprint_of(tx, job->id), asked);
  return Creation{std::move(*job), false, std::move(differs)};
}

Job new_job(const JobRequest& request, const Grant& grant, const CreationContext& context) {
  Job job;
  job.id = context.new_id;
  job.status = context.start_now ? Status::kStarting : Status::kPending;
  job.adjusted = describe_adjustments(request, grant);
  job.limits_enforced = context.limits_enforced;
  job.created_at = context.now;
  job.request = request;
  job.request.resources = grant.resources;
  job.request.timeout_minutes = grant.timeout_minutes;
  return job;
}

std::unexpected<Error> disk_low(std::uint64_t free, std::uint64_t floor) {
  return fail(
      ErrorKind::kInsufficientStorage, "host_disk_low",
      fmt::format("The host's disk is nearly full: {} are free, and a job starts only above "
                  "{}. Try again when other jobs' artifacts have expired.",
                  to_human_size(free), to_human_size(floor)));
}

/// A job that was taken keeps its artifacts, up to its own limit, so those of all jobs may exceed
/// theirs by what runs at the moment. Refusing new jobs loses nothing.
Result<void> check_artifact_storage(Transaction& tx, const JobLimits& limits) {
  const std::uint64_t stored = artifacts::counted_bytes(tx);
  if (stored < limits.max_stored_artifact_bytes) return {};
  return fail(ErrorKind::kInsufficientStorage, "artifact_storage_full",
              fmt::format("The artifacts of earlier jobs take {} of {}. Try again when some have "
                          "expired; a smaller keep_minutes lets a job's own expire sooner.",
                          to_human_size(stored), to_human_size(limits.max_stored_artifact_bytes)));
}

}  // namespace

Result<Creation> create(Transaction& tx, const JobRequest& request, const JobLimits& limits,
                        const CreationContext& context) {
  const std::string asked = fingerprint(request);
  if (auto found = existing(tx, request, asked)) return std::move(*found);

  if (context.free_bytes && *context.free_bytes < limits.min_free_bytes) {
    return disk_low(*context.free_bytes, limits.min_free_bytes);
  }
  if (auto room = check_artifact_storage(tx, limits); !room) {
    return std::unexpected(room.error());
  }
  const Grant grant = apply_caps(request, limits.of(request.type));
  const Usage before = usage(tx);
  Job job = new_job(request, grant, context);
  insert(tx, job, request,
         asked);  // first: the reservation refers to it; an error below undoes both
  if (const auto& files_id = job.request.files_id) {
    if (auto ok = uploads::reserve(tx, *files_id, job.id, context.now); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (auto ok = admit(grant.resources, before, limits.capacity); !ok) {
    return std::unexpected(ok.error());
  }
  return Creation{std::move(job), true, {}};
}

}  // namespace flashpods::jobs
