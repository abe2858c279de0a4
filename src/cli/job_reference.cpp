#include "cli/job_reference.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/json_fields.h"

namespace flashpods::cli {
namespace {

constexpr std::size_t kSearched = 2000;  // jobs looked through for a beginning of an id
constexpr int kPage = 100;
constexpr std::size_t kShortestBeginning = 2;
constexpr std::size_t kNamed = 5;  // candidates an error lists

bool begins(const std::string& id, const std::string& word) {
  return id.starts_with(word) || id.starts_with("job_" + word);
}

std::vector<std::string> matching_ids(const nlohmann::json& jobs, const std::string& word) {
  std::vector<std::string> ids;
  for (const auto& job : jobs) {
    auto id = text_at(job, "id");
    if (begins(id, word)) ids.push_back(std::move(id));
  }
  return ids;
}

std::unexpected<Error> not_found(const std::string& word) {
  return fail(ErrorKind::kNotFound, "job_not_found",
              "no job '" + to_one_line(word) + "'; `flashpods ps -a` lists all there are");
}

std::unexpected<Error> ambiguous(const std::string& word, const std::vector<std::string>& ids) {
  std::string listed;
  for (const auto& id : ids) listed += (listed.empty() ? "" : ", ") + id;
  return fail(ErrorKind::kInvalid, "ambiguous_job",
              "'" + to_one_line(word) + "' begins several job ids: " + listed);
}

Awaitable<Result<nlohmann::json>> newest_of_name(client::Api& api, std::string name) {
  client::JobQuery query;
  query.status = "all";
  query.limit = 1;
  query.name = std::move(name);
  auto reply = co_await api.jobs(std::move(query));
  if (!reply) co_return reply;
  const auto& jobs = array_at(*reply, "jobs");
  co_return jobs.empty() ? nlohmann::json{} : jobs.front();
}

Awaitable<Result<nlohmann::json>> find_by_beginning(client::Api& api, std::string word) {
  client::JobQuery query;
  query.status = "all";
  auto jobs = co_await list_jobs(api, std::move(query), kSearched);
  if (!jobs) co_return jobs;
  auto ids = matching_ids(*jobs, word);
  if (ids.empty()) co_return not_found(word);
  if (ids.size() == 1) co_return co_await api.job(ids.front());
  ids.resize(std::min(ids.size(), kNamed));
  co_return ambiguous(word, ids);
}

}  // namespace

Awaitable<Result<nlohmann::json>> list_jobs(client::Api& api, client::JobQuery query,
                                            std::size_t limit) {
  auto all = nlohmann::json::array();
  query.limit = static_cast<int>(std::min<std::size_t>(limit, kPage));
  while (all.size() < limit) {
    auto reply = co_await api.jobs(query);
    if (!reply) co_return reply;
    for (const auto& job : array_at(*reply, "jobs")) all.push_back(job);
    query.cursor = text_at(*reply, "next_cursor");
    if (query.cursor.empty()) break;
  }
  co_return all;
}

Awaitable<Result<nlohmann::json>> find_job(client::Api& api, std::string word) {
  if (word.empty()) co_return not_found(word);
  auto exact = co_await api.job(word);
  if (exact || exact.error().kind != ErrorKind::kNotFound) co_return exact;
  auto named = co_await newest_of_name(api, word);
  if (named && !named->is_null()) co_return named;
  if (word.size() < kShortestBeginning) co_return not_found(word);
  co_return co_await find_by_beginning(api, word);
}

}  // namespace flashpods::cli
