#include "jobs/repository.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "jobs/row.h"
#include "jobs/state_machine.h"

namespace flashpods::jobs {

namespace {

std::optional<Job> first(std::optional<Row> row) {
  if (!row) return std::nullopt;
  return to_job(*row);
}

/// Moves one job to `to` if the state machine lets it; false if not.
bool advance(Transaction& tx, std::string_view id, Status to, Time now) {
  const auto row = tx.row("SELECT status FROM jobs WHERE id = ?1", {to_value(id)});
  const auto status = row ? parse_status(row->text("status")) : std::nullopt;
  if (!status || !may_become(*status, to)) return false;
  tx.run("UPDATE jobs SET status = ?1 WHERE id = ?2", {to_value(to_string(to)), to_value(id)});
  add_event(tx, id, to_string(to), now);
  return true;
}

void insert_key(Transaction& tx, const Job& job) {
  if (!job.request.client_job_id) return;
  tx.run("INSERT INTO idempotency_keys (client_job_id, job_id, active) VALUES (?1, ?2, 1)",
         {to_value(job.request.client_job_id), to_value(job.id)});
}

void insert_texts(Transaction& tx, std::string_view id, const JobTexts& texts,
                  std::string_view fingerprint) {
  tx.run(
      "INSERT INTO job_texts (job_id, command, task, context, env, request)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      {to_value(id), to_value(texts.command), to_value(texts.task), to_value(texts.context),
       to_value(nlohmann::json(texts.env).dump()), to_value(fingerprint)});
}

Kept to_kept(const Row& row) {
  return {row.text("id"), row.optional_time("log_expires_at"), row.optional_time("log_deleted_at"),
          row.optional_time("artifacts_expires_at"), row.optional_time("artifacts_deleted_at")};
}

constexpr std::string_view kKeptColumns =
    "id, log_expires_at, log_deleted_at, artifacts_expires_at, artifacts_deleted_at";

}  // namespace

void add_event(Transaction& tx, std::string_view job_id, std::string_view kind, Time now) {
  tx.run("INSERT INTO events (job_id, kind, at) VALUES (?1, ?2, ?3)",
         {to_value(job_id), to_value(kind), to_value(now)});
}

void insert(Transaction& tx, const Job& job, const JobTexts& texts, std::string_view fingerprint) {
  const JobTerms& request = job.request;
  tx.run(
      "INSERT INTO jobs (id, job_type, status, git_branch, files_id, image, cpus, memory_gb,"
      " timeout_minutes, created_at, network, workspace, name, labels, keep_minutes, client_job_id,"
      " adjusted, limits, command, task, context, read_only_root) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
      " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, substr(?19, 1, ?22),"
      " substr(?20, 1, ?22), substr(?21, 1, ?22), ?23)",
      {to_value(job.id),
       to_value(to_string(request.type)),
       to_value(to_string(job.status)),
       to_value(request.git_branch),
       to_value(request.files_id),
       to_value(request.image),
       to_value(request.resources.cpus),
       to_value(request.resources.memory_gb),
       to_value(request.timeout_minutes),
       to_value(job.created_at),
       to_value(to_string(request.network)),
       to_value(to_string(request.workspace)),
       to_value(request.name),
       to_value(nlohmann::json(request.labels).dump()),
       to_value(request.keep_minutes),
       to_value(request.client_job_id),
       to_value(job.adjusted),
       to_value(job.limits_enforced ? "enforced" : "unenforced"),
       to_value(texts.command),
       to_value(texts.task),
       to_value(texts.context),
       to_value(kExcerpt),
       to_value(request.read_only_root)});
  insert_texts(tx, job.id, texts, fingerprint);
  insert_key(tx, job);
  add_event(tx, job.id, "pending", job.created_at);
  if (job.status == Status::kStarting) add_event(tx, job.id, "starting", job.created_at);
}

std::optional<Job> find(Transaction& tx, std::string_view id) {
  static const std::string kSql = fmt::format("SELECT {} FROM jobs WHERE id = ?1", kJobColumns);
  return first(tx.row(kSql, {to_value(id)}));
}

std::optional<JobTexts> texts(Transaction& tx, std::string_view id) {
  const auto row =
      tx.row("SELECT command, task, context, env FROM job_texts WHERE job_id = ?1", {to_value(id)});
  if (!row) return std::nullopt;
  return to_texts(*row);
}

std::string fingerprint_of(Transaction& tx, std::string_view id) {
  const auto row = tx.row("SELECT request FROM job_texts WHERE job_id = ?1", {to_value(id)});
  return row ? row->text("request") : "{}";
}

std::string rejected_artifacts(Transaction& tx, std::string_view id) {
  const auto row = tx.row("SELECT rejected FROM jobs WHERE id = ?1", {to_value(id)});
  return row ? row->text("rejected") : "[]";
}

std::optional<bool> is_released(Transaction& tx, std::string_view id) {
  const auto row =
      tx.row("SELECT released_at IS NOT NULL AS released FROM jobs WHERE id = ?1", {to_value(id)});
  if (!row) return std::nullopt;
  return row->boolean("released");
}

std::optional<Job> find_by_client_id(Transaction& tx, std::string_view client_job_id) {
  const auto key = tx.row(
      "SELECT k.job_id FROM idempotency_keys AS k JOIN jobs ON jobs.id = k.job_id"
      " WHERE k.client_job_id = ?1 ORDER BY k.active DESC, jobs.created_at DESC LIMIT 1",
      {to_value(client_job_id)});
  return key ? find(tx, key->text("job_id")) : std::nullopt;
}

std::optional<Job> find_active_key(Transaction& tx, std::string_view client_job_id) {
  const auto key =
      tx.row("SELECT job_id FROM idempotency_keys WHERE client_job_id = ?1 AND active = 1",
             {to_value(client_job_id)});
  return key ? find(tx, key->text("job_id")) : std::nullopt;
}

Usage usage(Transaction& tx) {
  const auto row = tx.row(
      "SELECT coalesce(sum(cpus), 0) AS cpus, coalesce(sum(memory_gb), 0) AS memory_gb,"
      " count(*) AS jobs FROM jobs WHERE released_at IS NULL");
  return {{row->integer("cpus"), row->integer("memory_gb")}, row->integer("jobs")};
}

std::vector<std::string> unfinished(Transaction& tx) {
  std::vector<std::string> ids;
  for (const Row& row :
       tx.rows("SELECT id FROM jobs WHERE released_at IS NULL ORDER BY created_at, id")) {
    ids.push_back(row.text("id"));
  }
  return ids;
}

bool mark_starting(Transaction& tx, std::string_view id, Time now) {
  return advance(tx, id, Status::kStarting, now);
}

void mark_running(Transaction& tx, const Job& job, const Started& started) {
  if (!advance(tx, job.id, Status::kRunning, started.at)) return;
  tx.run(
      "UPDATE jobs SET started_at = ?1, container_id = ?2, image_digest = nullif(?3, '')"
      " WHERE id = ?4",
      {to_value(started.at), to_value(started.container_id), to_value(started.image_digest),
       to_value(job.id)});
}

void request_stop(Transaction& tx, std::string_view id, Time now) {
  const auto changed =
      tx.run("UPDATE jobs SET stop_requested_at = ?1 WHERE id = ?2 AND stop_requested_at IS NULL",
             {to_value(now), to_value(id)});
  if (changed > 0) add_event(tx, id, "stop_requested", now);
}

bool finish(Transaction& tx, std::string_view id, const Finish& f) {
  if (!advance(tx, id, f.ending.status, f.now)) return false;
  const auto non_empty = [](const std::string& text) {
    return text.empty() ? Value{nullptr} : to_value(text);
  };
  const Exited& exited = f.exited;
  tx.run(
      "UPDATE jobs SET outcome = status, completed_at = ?2, error = ?3, message = ?4, hint = ?5,"
      " exit_code = ?6, signal = ?7, log_bytes = ?8, log_truncated = ?9, rejected = ?10,"
      " log_expires_at = ?11, artifacts_expires_at = ?12, details = ?13 WHERE id = ?1",
      {to_value(id), to_value(f.ended_at), non_empty(f.ending.error), non_empty(f.ending.message),
       to_value(f.hint), to_value(exited.exit_code),
       exited.signal == 0 ? Value{nullptr} : to_value(exited.signal), to_value(exited.log_bytes),
       to_value(exited.log_truncated), to_value(f.rejected), to_value(f.log_expires_at),
       to_value(f.artifacts_expires_at), non_empty(exited.details)});
  if (exited.started) {
    tx.run(
        "UPDATE jobs SET started_at = coalesce(started_at, ?2),"
        " container_id = coalesce(container_id, nullif(?3, '')),"
        " image_digest = coalesce(nullif(?4, ''), image_digest) WHERE id = ?1",
        {to_value(id), to_value(exited.started->at), to_value(exited.started->container_id),
         to_value(exited.started->image_digest)});
  }
  return true;
}

void mark_released(Transaction& tx, std::string_view id, Time now) {
  const auto changed =
      tx.run("UPDATE jobs SET released_at = ?1 WHERE id = ?2 AND released_at IS NULL",
             {to_value(now), to_value(id)});
  if (changed > 0) add_event(tx, id, "released", now);
}

void mark_cleaning(Transaction& tx, std::string_view id, Time now) {
  advance(tx, id, Status::kCleaning, now);
}

void mark_cleaned(Transaction& tx, std::string_view id, Time now) {
  if (!advance(tx, id, Status::kCleaned, now)) return;
  tx.run("UPDATE idempotency_keys SET active = 0 WHERE job_id = ?1", {to_value(id)});
  tx.run("DELETE FROM job_texts WHERE job_id = ?1", {to_value(id)});
}

void mark_log_deleted(Transaction& tx, std::string_view id, Time now) {
  tx.run("UPDATE jobs SET log_deleted_at = ?1 WHERE id = ?2", {to_value(now), to_value(id)});
  add_event(tx, id, "log_deleted", now);
}

void mark_artifacts_deleted(Transaction& tx, std::string_view id, Time now) {
  tx.run("UPDATE jobs SET artifacts_deleted_at = ?1 WHERE id = ?2", {to_value(now), to_value(id)});
  add_event(tx, id, "artifacts_deleted", now);
}

std::optional<Kept> kept_of(Transaction& tx, std::string_view id) {
  static const std::string kSql = fmt::format("SELECT {} FROM jobs WHERE id = ?1", kKeptColumns);
  const auto row = tx.row(kSql, {to_value(id)});
  if (!row) return std::nullopt;
  return to_kept(*row);
}

std::vector<Kept> due_for_cleanup(Transaction& tx, Time now) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM jobs WHERE released_at IS NOT NULL AND completed_at IS NOT NULL"
      " AND status <> 'cleaned' AND ((artifacts_deleted_at IS NULL AND"
      " artifacts_expires_at <= ?1) OR (log_deleted_at IS NULL AND log_expires_at <= ?1) OR"
      " status = 'cleaning' OR (artifacts_deleted_at IS NOT NULL AND"
      " log_deleted_at IS NOT NULL)) ORDER BY completed_at, id LIMIT 500",
      kKeptColumns);
  std::vector<Kept> due;
  for (const Row& row : tx.rows(kSql, {to_value(now)})) due.push_back(to_kept(row));
  return due;
}

std::vector<logs::LogUsage> kept_logs(Transaction& tx) {
  std::vector<logs::LogUsage> kept;
  for (const Row& row :
       tx.rows("SELECT id, log_bytes, completed_at FROM jobs WHERE status <> 'cleaned' AND"
               " completed_at IS NOT NULL AND released_at IS NOT NULL AND log_deleted_at IS NULL"
               " ORDER BY completed_at, id")) {
    kept.push_back({row.text("id"), static_cast<std::uint64_t>(row.integer("log_bytes")),
                    row.optional_time("completed_at")});
  }
  return kept;
}

}  // namespace flashpods::jobs
