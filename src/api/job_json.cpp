#include "api/job_json.h"

#include <nlohmann/json.hpp>

#include "jobs/state_machine.h"

namespace flashpods::api {

namespace {

using jobs::Job;
using nlohmann::json;

json or_null(const std::optional<std::string>& text) { return text ? json(*text) : json(); }
json or_null(const std::optional<std::int64_t>& number) { return number ? json(*number) : json(); }
json or_null(const std::optional<Time>& time) { return time ? json(to_rfc3339(*time)) : json(); }

json parsed(const std::string& text) { return json::parse(text, nullptr, false); }

std::optional<std::int64_t> runtime_seconds(const Job& job) {
  if (!job.started_at || !job.completed_at) return std::nullopt;
  return std::chrono::floor<Seconds>(*job.completed_at - *job.started_at).count();
}

/// From the start of the command (or of the job, before that) until now or the end.
std::int64_t elapsed_seconds(const Job& job, Time now) {
  const Time from = job.started_at.value_or(job.created_at);
  const auto elapsed = std::chrono::floor<Seconds>(job.completed_at.value_or(now) - from);
  return std::max<std::int64_t>(elapsed.count(), 0);
}

void add_texts(json& object, const Job& job, const jobs::JobTexts* whole) {
  const jobs::JobTexts& texts = whole != nullptr ? *whole : job.excerpts;
  object.update({{"command", or_null(texts.command)},
                 {"task", or_null(texts.task)},
                 {"context", or_null(texts.context)},
                 {"env", whole != nullptr ? json(whole->env) : json()}});
}

void add_terms(json& object, const jobs::JobTerms& request) {
  object.update({{"type", jobs::to_string(request.type)},
                 {"git_branch", or_null(request.git_branch)},
                 {"files_id", or_null(request.files_id)},
                 {"image", request.image},
                 {"cpus", request.resources.cpus},
                 {"memory_gb", request.resources.memory_gb},
                 {"timeout_minutes", request.timeout_minutes},
                 {"network", jobs::to_string(request.network)},
                 {"workspace", jobs::to_string(request.workspace)},
                 {"read_only_root", request.read_only_root},
                 {"name", or_null(request.name)},
                 {"labels", request.labels},
                 {"keep_minutes", request.keep_minutes},
                 {"client_job_id", or_null(request.client_job_id)}});
}

void add_end(json& object, const Job& job) {
  object.update({{"exit_code", or_null(job.exit_code)},
                 {"signal", or_null(job.signal)},
                 {"error", or_null(job.error)},
                 {"message", or_null(job.message)},
                 {"details", or_null(job.details)},
                 {"hint", or_null(job.hint)}});
}

}  // namespace

json to_json(const Job& job, const jobs::JobTexts* texts, const JobExtras& extras) {
  json object{{"id", job.id},
              {"status", jobs::to_string(job.status)},
              {"outcome", job.outcome ? json(jobs::to_string(*job.outcome)) : json()},
              {"image_digest", or_null(job.image_digest)},
              {"created_at", to_rfc3339(job.created_at)},
              {"started_at", or_null(job.started_at)},
              {"completed_at", or_null(job.completed_at)},
              {"elapsed_seconds", elapsed_seconds(job, extras.now)},
              {"actual_runtime_seconds", or_null(runtime_seconds(job))},
              {"limits", job.limits_enforced ? "enforced" : "unenforced"},
              {"adjusted", parsed(job.adjusted)},
              {"stop_requested", job.stop_requested_at.has_value()}};
  add_terms(object, job.request);
  add_texts(object, job, texts);
  add_end(object, job);
  const bool over = job.completed_at.has_value();
  object["log"] = {{"total_bytes", over ? job.log_bytes : extras.log_bytes},
                   {"truncated", job.log_truncated},
                   {"expires_at", or_null(job.log_expires_at)}};
  object["artifacts"] = {{"count", extras.artifact_count},
                         {"rejected", job.rejected_count},
                         {"total_size_bytes", extras.artifact_bytes},
                         {"expires_at", or_null(job.artifacts_expires_at)}};
  return object;
}

}  // namespace flashpods::api
