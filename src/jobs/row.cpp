#include "jobs/row.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace flashpods::jobs {

namespace {

template <class Enum>
Enum word(const Row& row, std::string_view column, std::optional<Enum> (*parse)(std::string_view)) {
  if (const auto value = parse(row.text(column))) return *value;
  throw StoreError(fmt::format("jobs.{} holds an unknown word", column), false);
}

StringMap string_map(const Row& row, std::string_view column) {
  const auto value = nlohmann::json::parse(row.text(column), nullptr, false);
  StringMap map;
  for (const auto& [key, item] : value.items()) {
    if (item.is_string()) map[key] = item.get<std::string>();
  }
  return map;
}

JobTerms to_terms(const Row& row) {
  JobTerms request;
  request.client_job_id = row.optional_text("client_job_id");
  request.type = word(row, "job_type", parse_job_type);
  request.git_branch = row.optional_text("git_branch");
  request.files_id = row.optional_text("files_id");
  request.image = row.text("image");
  request.resources = {row.integer("cpus"), row.integer("memory_gb")};
  request.timeout_minutes = row.integer("timeout_minutes");
  request.network = word(row, "network", parse_network);
  request.workspace = word(row, "workspace", parse_workspace);
  request.read_only_root = row.boolean("read_only_root");
  request.name = row.optional_text("name");
  request.labels = string_map(row, "labels");
  request.keep_minutes = row.integer("keep_minutes");
  return request;
}

}  // namespace

Job to_job(const Row& row) {
  Job job;
  job.id = row.text("id");
  job.status = word(row, "status", parse_status);
  job.request = to_terms(row);
  job.excerpts.command = row.optional_text("command");
  job.excerpts.task = row.optional_text("task");
  job.excerpts.context = row.optional_text("context");
  job.adjusted = row.text("adjusted");
  job.container_id = row.optional_text("container_id");
  job.image_digest = row.optional_text("image_digest");
  job.exit_code = row.optional_integer("exit_code");
  job.signal = row.optional_integer("signal");
  job.error = row.optional_text("error");
  job.message = row.optional_text("message");
  job.details = row.optional_text("details");
  job.hint = row.optional_text("hint");
  if (const auto outcome = row.optional_text("outcome")) job.outcome = parse_status(*outcome);
  job.limits_enforced = row.text("limits") == "enforced";
  job.created_at = row.time("created_at");
  job.started_at = row.optional_time("started_at");
  job.completed_at = row.optional_time("completed_at");
  job.stop_requested_at = row.optional_time("stop_requested_at");
  job.released_at = row.optional_time("released_at");
  job.log_bytes = static_cast<std::uint64_t>(row.integer("log_bytes"));
  job.log_truncated = row.boolean("log_truncated");
  job.log_expires_at = row.optional_time("log_expires_at");
  job.log_deleted_at = row.optional_time("log_deleted_at");
  job.artifacts_expires_at = row.optional_time("artifacts_expires_at");
  job.artifacts_deleted_at = row.optional_time("artifacts_deleted_at");
  job.rejected_count = row.integer("rejected_count");
  return job;
}

JobTexts to_texts(const Row& row) {
  JobTexts texts;
  texts.command = row.optional_text("command");
  texts.task = row.optional_text("task");
  texts.context = row.optional_text("context");
  texts.env = string_map(row, "env");
  return texts;
}

}  // namespace flashpods::jobs
