// flashpods pull: all results that were not fetched yet.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/artifact_file.h"
#include "cli/job_end.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/pulled_record.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "client/connection.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Saves the artifacts of every ended job that this command has not saved before, as
DIR/JOB/NAME. What was fetched is remembered in flashpods-client/pulled.json in the user's state
directory (XDG_STATE_HOME, or ~/.local/state). A file that exists already is left as it is.

Examples:
  flashpods pull
  flashpods pull -o results --name nightly
)";

constexpr std::size_t kJobs = 1000;

std::filesystem::path record_file() {
  const auto state = client::default_state_directory(client::real_places());
  return state.parent_path() / "flashpods-client" / "pulled.json";
}

bool may_have_results(const nlohmann::json& job) {
  return has_ended(job) && integer_at(member_at(job, "artifacts"), "count").value_or(0) > 0 &&
         text_at(job, "status") != "cleaned";
}

class Pull final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"-o,--output", &output_, "DIR", "where to save (default ./.flashpods)"},
            {"-n,--name", &name_, "NAME", "only jobs of this name"}};
  }

  Awaitable<int> execute(Session& session) override {
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto health = co_await (*api)->health();
    if (!health) co_return session.fail(health.error());
    instance_ = text_at(*health, "instance");
    record_ = PulledRecord::load(record_file());
    auto done = co_await pull_jobs(session, **api);
    const auto saved = record_.save(record_file());
    if (session.json) session.console.json(saved_);
    if (!done) co_return session.fail(done.error());
    if (!saved) co_return session.fail(saved.error());
    if (saved_.empty() && !session.json) session.console.note("nothing new");
    co_return failed_ ? session.failure : 0;
  }

 private:
  Awaitable<Result<void>> pull_jobs(Session& session, client::Api& api) {
    client::JobQuery query;
    query.status = "all";
    query.name = name_;
    auto jobs = co_await list_jobs(api, std::move(query), kJobs);
    if (!jobs) co_return std::unexpected(jobs.error());
    std::set<std::string> listed;
    for (const auto& job : *jobs) {
      listed.insert(text_at(job, "id"));
      if (!may_have_results(job)) continue;
      auto pulled = co_await pull_job(session, api, text_at(job, "id"));
      if (!pulled) co_return pulled;
    }
    if (name_.empty() && jobs->size() < kJobs) record_.keep_only(instance_, listed);
    co_return Result<void>{};
  }

  Awaitable<Result<void>> pull_job(Session& session, client::Api& api, std::string job) {
    auto reply = co_await api.artifacts(job);
    if (!reply && reply.error().kind == ErrorKind::kGone) co_return Result<void>{};
    if (!reply) co_return std::unexpected(reply.error());
    for (const auto& artifact : array_at(*reply, "artifacts")) {
      const auto name = text_at(artifact, "name");
      if (record_.has(instance_, job, name)) continue;
      auto saved = co_await pull_one(session, api, job, name);
      if (saved) continue;
      // Somebody put it there, perhaps we before the record was lost: not ours to replace.
      const bool there_already = saved.error().code == "file_exists";
      if (there_already) record_.add(instance_, job, name);
      if (!there_already) failed_ = true;
      session.console.error(saved.error());
    }
    co_return Result<void>{};
  }

  Awaitable<Result<void>> pull_one(Session& session, client::Api& api, std::string job,
                                   std::string name) {
    const auto directory = local_file_name(job);
    const auto file = local_file_name(name);
    if (!directory || !file) co_return std::unexpected((directory ? file : directory).error());
    client::DownloadRequest request;
    request.job_id = job;
    request.name = name;
    request.target = std::filesystem::path{output_} / *directory / *file;
    auto saved = co_await download(session, api, std::move(request));
    if (!saved) co_return std::unexpected(saved.error());
    record_.add(instance_, job, name);
    remember(session, job, *saved);
    co_return Result<void>{};
  }

  void remember(Session& session, const std::string& job, const client::Downloaded& saved) {
    auto& entry = saved_.emplace_back(nlohmann::json::object());
    entry["job_id"] = job;
    entry["path"] = std::filesystem::absolute(saved.path).lexically_normal().string();
    entry["size_bytes"] = saved.bytes;
    entry["sha256"] = saved.sha256;
    if (session.json) return;
    session.console.line(to_one_line(saved.path.string(), 4096) + "  " +
                         to_human_size(saved.bytes));
  }

  std::string output_ = "./.flashpods";
  std::string name_;
  std::string instance_;
  PulledRecord record_;
  nlohmann::json saved_ = nlohmann::json::array();
  bool failed_ = false;
};

}  // namespace

extern const VerbEntry kPullVerb;
constinit const VerbEntry kPullVerb{.name = "pull",
                                    .group = "Results",
                                    .summary = "download all results not fetched yet",
                                    .details = kDetails,
                                    .make = make_verb<Pull>};

}  // namespace flashpods::cli
