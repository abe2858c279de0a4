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

/// About what a job adds to a reply.
std::size_t weight(const Job& job) {
  constexpr std::size_t kNamesAndNumbers = 1024;
  const auto size = [](const std::optional<std::string>& text) { return text ? text->size() : 0; };
  std::size_t sum = kNamesAndNumbers + job.request.image.size() + job.adjusted.size() +
                    size(job.excerpts.command) + size(job.excerpts.task) +
                    size(job.excerpts.context) + size(job.message) + size(job.details) +
                    size(job.hint);
  for (const auto& [key, value] : job.request.labels) sum += key.size() + value.size();
  return sum;
}

/// As many of the rows as make a page; there is a next one if any are left.
ListPage to_page(const std::vector<Row>& rows, std::size_t limit) {
  ListPage page;
  std::size_t bytes = 0;
  for (const Row& row : rows) {
    if (page.jobs.size() == limit || bytes >= kMostPageBytes) {
      page.next_cursor = to_cursor(page.jobs.back());
      break;
    }
    page.jobs.push_back(to_job(row));
    bytes += weight(page.jobs.back());
  }
  return page;
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
      "SELECT {} FROM jobs WHERE {} AND (?1 IS NULL OR name = ?1)"
      " AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(labels) AS l"
      "      WHERE l.key = ?2 AND l.value = ?3))"
      " AND (?4 IS NULL OR (created_at, id) < (?4, ?5))"
      " ORDER BY created_at DESC, id DESC LIMIT ?6",
      kJobColumns, *condition);
  const auto label = query.label.value_or(std::pair<std::string, std::string>{});
  const auto rows =
      tx.rows(sql, {to_value(query.name), query.label ? to_value(label.first) : Value{nullptr},
                    to_value(label.second), after ? to_value(after->created_at) : Value{nullptr},
                    after ? to_value(after->id) : Value{nullptr}, to_value(query.limit + 1)});
  return to_page(rows, static_cast<std::size_t>(query.limit));
}

}  // namespace flashpods::jobs
