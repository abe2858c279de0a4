// /jobs and /jobs/:id.

#include <nlohmann/json.hpp>

#include "api/job_json.h"
#include "api/services.h"
#include "artifacts/repository.h"
#include "base/json_reader.h"
#include "base/random.h"
#include "jobs/repository.h"
#include "jobs/request.h"
#include "jobs/state_machine.h"

namespace flashpods::api {

namespace {

using jobs::Job;
using nlohmann::json;

constexpr std::int64_t kMostListed = 200;

/// A media type without parameters; it compares without case (RFC 9110, section 8.3.1).
std::string media_type(std::string_view header) {
  header = header.substr(0, header.find(';'));
  while (header.ends_with(' ') || header.ends_with('\t')) header.remove_suffix(1);
  std::string type{header};
  for (char& c : type) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return type;
}

/// The body as JSON; media type and syntax are checked, each with its own error.
Result<json> read_body(const http::Request& request) {
  if (media_type(request.header("Content-Type")) != "application/json") {
    return fail(ErrorKind::kUnsupportedMediaType, "unsupported_media_type",
                "Send the job as JSON with the header Content-Type: application/json");
  }
  auto body = parse_json(request.body);
  if (body && !body->is_object()) {
    return fail(ErrorKind::kInvalid, "invalid_json", "The body must be a JSON object");
  }
  return body;
}

json describe(const jobs::Creation& creation) {
  json reply{{"job_id", creation.job.id},
             {"status", jobs::to_string(creation.job.status)},
             {"created", creation.created},
             {"adjusted", json::parse(creation.job.adjusted, nullptr, false)},
             {"differs", creation.differs},
             {"message", nullptr}};
  if (!creation.created) {
    reply["message"] =
        creation.differs.empty()
            ? "Existing job returned (idempotent)"
            : "Existing job returned (idempotent); it differs from this request: use "
              "a new client_job_id for another job";
  }
  return reply;
}

/// A job and what its object says beyond the row.
struct Described {
  Job job;
  JobExtras extras;
  std::optional<jobs::JobTexts> texts;  ///< of one job; a list has none
};

Described with_totals(Transaction& tx, Job job, Time now) {
  const artifacts::Totals totals = artifacts::totals(tx, job.id);
  JobExtras extras;
  extras.artifact_count = static_cast<std::int64_t>(totals.count);
  extras.artifact_bytes = static_cast<std::int64_t>(totals.size_bytes);
  extras.now = now;
  return {std::move(job), extras, std::nullopt};
}

std::uint64_t current_log_bytes(const jobs::JobFiles& files, const Job& job) {
  if (job.completed_at) return job.log_bytes;
  std::error_code absent;
  const auto size = std::filesystem::file_size(files.log_file(job.id), absent);
  return absent ? 0 : size;
}

json to_json(const jobs::JobFiles& files, Described& described) {
  described.extras.log_bytes = current_log_bytes(files, described.job);
  return to_json(described.job, described.texts ? &*described.texts : nullptr, described.extras);
}

struct Page {
  std::vector<Described> jobs;
  std::optional<std::string> next_cursor;
};

/// Not for the loop's thread: a long page takes as long as many other requests.
http::Response to_reply(const jobs::JobFiles& files, Page page) {
  json list = json::array();
  for (Described& job : page.jobs) list.push_back(to_json(files, job));
  const json cursor = page.next_cursor ? json(*page.next_cursor) : json();
  return json_reply(200, {{"jobs", std::move(list)}, {"next_cursor", cursor}});
}

std::string_view stop_message(const Job& job) {
  if (!jobs::is_active(job.status)) return "The job is over; nothing was changed";
  return "Stopping: SIGTERM now, SIGKILL after the grace period";
}

/// "k=v" of ?label=k=v.
Result<std::optional<std::pair<std::string, std::string>>> label_filter(
    const http::Request& request) {
  const auto found = request.query.find("label");
  if (found == request.query.end()) return std::nullopt;
  const std::size_t mark = found->second.find('=');
  if (mark == std::string::npos) {
    return fail(ErrorKind::kInvalid, "invalid_parameter", "label must be KEY=VALUE");
  }
  return std::pair{found->second.substr(0, mark), found->second.substr(mark + 1)};
}

Result<jobs::ListQuery> list_query(const http::Request& request) {
  if (auto known = check_query(request, {"status", "limit", "cursor", "name", "label"}); !known) {
    return std::unexpected(known.error());
  }
  const auto text = [&request](const char* name) -> std::optional<std::string> {
    const auto found = request.query.find(name);
    if (found == request.query.end()) return std::nullopt;
    return found->second;
  };
  const auto limit = query_integer(request, "limit", 20, 1, kMostListed);
  if (!limit) return std::unexpected(limit.error());
  const auto label = label_filter(request);
  if (!label) return std::unexpected(label.error());
  return jobs::ListQuery{text("status").value_or("all"), text("name"), *label, *limit,
                         text("cursor")};
}

}  // namespace

Result<Job> find_job(Transaction& tx, const std::string& id) {
  auto job = is_job_id(id) ? jobs::find(tx, id) : jobs::find_by_client_id(tx, id);
  if (job) return std::move(*job);
  return fail(ErrorKind::kNotFound, "job_not_found",
              "There is no such job here: list the jobs with GET /jobs");
}

Awaitable<Reply> create_job(Services& services, http::Request request) {
  if (auto known = check_query(request, {}); !known) co_return std::unexpected(known.error());
  const auto body = read_body(request);
  if (!body) co_return std::unexpected(body.error());
  auto wanted = jobs::parse_job_request(*body, services.jobs.limits());
  if (!wanted) co_return std::unexpected(wanted.error());
  auto creation = co_await services.jobs.create(std::move(*wanted));
  if (!creation) co_return std::unexpected(creation.error());
  http::Response reply = json_reply(creation->created ? 201 : 200, describe(*creation));
  reply.headers["Location"] = "/jobs/" + creation->job.id;
  co_return reply;
}

Awaitable<Reply> list_jobs(Services& services, http::Request request) {
  const auto query = list_query(request);
  if (!query) co_return std::unexpected(query.error());
  auto body = [query = *query, now = services.clock.now()](Transaction& tx) -> Result<Page> {
    auto page = jobs::list(tx, query);
    if (!page) return std::unexpected(page.error());
    Page described;
    for (Job& job : page->jobs) described.jobs.push_back(with_totals(tx, std::move(job), now));
    described.next_cursor = page->next_cursor;
    return described;
  };
  const Semaphore::Permit turn = co_await services.listings.acquire();
  auto page = co_await services.store.read(std::move(body));
  if (!page) co_return std::unexpected(page.error());
  auto reply = [&files = services.files, page = std::move(*page)]() mutable {
    return to_reply(files, std::move(page));
  };
  co_return co_await services.pool.run(std::move(reply));
}

Awaitable<Reply> get_job(Services& services, http::Request request) {
  auto body = [id = request.params["id"],
               now = services.clock.now()](Transaction& tx) -> Result<Described> {
    auto job = find_job(tx, id);
    if (!job) return std::unexpected(job.error());
    Described described = with_totals(tx, std::move(*job), now);
    described.texts = jobs::texts(tx, described.job.id);
    return described;
  };
  auto job = co_await services.store.read(std::move(body));
  if (!job) co_return std::unexpected(job.error());
  co_return json_reply(200, to_json(services.files, *job));
}

Awaitable<Reply> delete_job(Services& services, http::Request request) {
  auto body = [id = request.params["id"]](Transaction& tx) { return find_job(tx, id); };
  const auto found = co_await services.store.read(std::move(body));
  if (!found) co_return std::unexpected(found.error());
  const auto job = co_await services.jobs.stop(found->id);
  if (!job) co_return std::unexpected(job.error());
  co_return json_reply(200, {{"job_id", job->id},
                             {"status", jobs::to_string(job->status)},
                             {"message", stop_message(*job)}});
}

}  // namespace flashpods::api
