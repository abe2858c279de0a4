// GET /jobs: filters and pages. Pages go by (created_at, id), so that new jobs never shift them.

#include <fmt/format.h>

#include "base/random.h"
#include "jobs/repository.h"
#include "jobs/row.h"

namespace flashpods::jobs {

namespace {

struct Cursor {
  std::string created_at;
  std::string id;
};

std::optional<Cursor> parse_cursor(std::string_view text) {
  const std::size_t mark = text.find('~');
  if (mark == std::string_view::npos) return std::nullopt;
  const std::string_view at = text.substr(0, mark), id = text.substr(mark + 1);
  if (!parse_rfc3339(at) || at.size() != 24 || !is_job_id(id)) return std::nullopt;
  return Cursor{std::string{at}, std::string{id}};
}

std::string to_cursor(const Job& job) {
  return fmt::format("{}~{}", to_rfc3339_ms(job.created_at), job.id);
}

/// The condition of a status filter; words only, nothing of the client's gets into the SQL.
/// A job that is cleaned still counts by how it ended.
Result<std::string> status_condition(std::string_view status) {
  if (status == "all") return "1";
  if (status == "running") return "status IN ('pending', 'starting', 'running')";
  if (status == "failed")
    return "coalesce(outcome, status) IN ('failed', 'timed_out', 'cancelled')";
  const auto one = parse_status(status);
  if (!one) {
    return fail(ErrorKind::kInvalid, "invalid_field",
                "status must be all, running, completed, failed, or a state such as timed_out");
  }
  const bool as_outcome = *one >= Status::kCompleted && *one <= Status::kCancelled;
  return fmt::format("{} = '{}'", as_outcome ? "coalesce(outcome, status)" : "status",
                     to_string(*one));
}

}  // namespace

Result<ListPage> list(Transaction& tx, const ListQuery& query) {
  const auto condition = status_condition(query.status);
  if (!condition) return std::unexpected(condition.error());
  std::optional<Cursor> after;
  if (query.cursor) {
    after = parse_cursor(*query.cursor);
    if (!after) {
      return fail(ErrorKind::kInvalid, "invalid_cursor",
                  "cursor must be the next_cursor of an earlier reply");
    }
  }
  const std::string sql = fmt::format(
      "SELECT * FROM jobs WHERE {} AND (?1 IS NULL OR name = ?1)"
      " AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(labels) AS l"
      "      WHERE l.key = ?2 AND l.value = ?3))"
      " AND (?4 IS NULL OR (created_at, id) < (?4, ?5))"
      " ORDER BY created_at DESC, id DESC LIMIT ?6",
      *condition);
  const auto label = query.label.value_or(std::pair<std::string, std::string>{});
  const auto rows =
      tx.rows(sql, {to_value(query.name), query.label ? to_value(label.first) : Value{nullptr},
                    to_value(label.second), after ? to_value(after->created_at) : Value{nullptr},
                    after ? to_value(after->id) : Value{nullptr}, to_value(query.limit + 1)});
  ListPage page;
  for (const Row& row : rows) page.jobs.push_back(to_job(row));
  if (page.jobs.size() > static_cast<std::size_t>(query.limit)) {
    page.jobs.pop_back();
    page.next_cursor = to_cursor(page.jobs.back());
  }
  return page;
}

}  // namespace flashpods::jobs
