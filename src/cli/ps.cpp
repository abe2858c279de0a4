// flashpods ps: the jobs of the server.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/job_end.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Without options: the jobs that wait or run.

Examples:
  flashpods ps
  flashpods ps -a --limit 100
  flashpods ps --status failed --json
)";

constexpr std::int64_t kDefaultLimit = 50;
constexpr std::int64_t kHighestLimit = 10'000;
constexpr std::size_t kCommandColumn = 50;

std::string what_of(const nlohmann::json& job) {
  auto what = text_at(job, text_at(job, "type") == "agent" ? "task" : "command");
  if (what.size() > kCommandColumn) what = what.substr(0, kCommandColumn) + "…";
  return what;
}

std::string age_of(const nlohmann::json& job, Time now) {
  const auto created = parse_rfc3339(text_at(job, "created_at"));
  if (!created || *created > now) return {};
  return to_human_duration(std::chrono::floor<Seconds>(now - *created)) + " ago";
}

std::string exit_of(const nlohmann::json& job) {
  const auto code = integer_at(job, "exit_code");
  return code ? std::to_string(*code) : "";
}

Table to_table(const nlohmann::json& jobs, Time now) {
  Table table{{"JOB", "NAME", "TYPE", "STATUS", "EXIT", "CREATED", "RUNTIME", "WHAT"}};
  for (const auto& job : jobs) {
    const auto status = effective_status(job);
    table.add({text_at(job, "id"), text_at(job, "name"), text_at(job, "type"),
               Cell{status, style_of_status(status)}, exit_of(job), age_of(job, now),
               job_duration(job), what_of(job)});
  }
  return table;
}

class Ps final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {
        {"-a,--all", &all_, "", "also the jobs that have ended"},
        {"-s,--status", &status_, "STATUS", "only these: pending, running, completed, failed, …"},
        {"-n,--name", &name_, "NAME", "only jobs of this name"},
        {"--label", &label_, "KEY=VALUE", "only jobs with this label"},
        {"--limit", &limit_, "N", "at most so many (default 50)"}};
  }

  Awaitable<int> execute(Session& session) override {
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto jobs = co_await wanted(**api);
    if (!jobs) co_return session.fail(jobs.error());
    show(session, *jobs);
    co_return 0;
  }

 private:
  // Asked by status: a server remembers many more ended jobs than it runs. "running" are all that
  // are not over.
  Awaitable<Result<nlohmann::json>> wanted(client::Api& api) {
    client::JobQuery query;
    query.status = !status_.empty() ? status_ : (all_ ? "all" : "running");
    query.name = name_;
    query.label = label_;
    const auto limit = std::clamp<std::int64_t>(limit_.value_or(kDefaultLimit), 1, kHighestLimit);
    co_return co_await list_jobs(api, std::move(query), static_cast<std::size_t>(limit));
  }

  void show(Session& session, const nlohmann::json& jobs) {
    if (session.json) return session.console.json(jobs);
    const auto table = to_table(jobs, session.clock.now());
    session.console.print(table.render(session.console.out().colour));
    if (!table.empty()) return;
    session.console.note(all_ ? "no jobs"
                              : "no jobs here; `flashpods ps -a` also shows ended ones");
  }

  bool all_ = false;
  std::string status_;
  std::string name_;
  std::string label_;
  std::optional<std::int64_t> limit_;
};

}  // namespace

extern const VerbEntry kPsVerb;
constinit const VerbEntry kPsVerb{.name = "ps",
                                  .group = "Jobs",
                                  .summary = "list jobs",
                                  .details = kDetails,
                                  .make = make_verb<Ps>};

}  // namespace flashpods::cli
