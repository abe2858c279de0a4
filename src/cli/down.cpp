// flashpods down: stops what `flashpods up` started.

#include <nlohmann/json.hpp>

#include "cli/daemon_process.h"
#include "cli/job_reference.h"
#include "cli/job_watch.h"
#include "cli/json_fields.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Running jobs go on: their containers do not need the server, and the next `flashpods up` finds
them again. --kill-jobs stops them first and waits until they have ended.

Examples:
  flashpods down
  flashpods down --state-dir /tmp/try --kill-jobs
)";

constexpr std::size_t kJobs = 10'000;

class Down final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"--state-dir", &state_word_, "DIR", "of the server to stop"},
            {"--kill-jobs", &kill_jobs_, "", "stop all jobs first"}};
  }

  Awaitable<int> execute(Session& session) override {
    const auto state = state_directory(state_word_);
    const auto endpoints = read_endpoints(state);
    if (!endpoints && endpoints.error().kind != ErrorKind::kNotFound) {
      co_return session.fail(endpoints.error());
    }
    const bool runs = endpoints && co_await running_daemon(state);
    if (kill_jobs_ && runs) {
      auto killed = co_await kill_all(session, state, *endpoints);
      if (!killed) co_return session.fail(killed.error());
    } else if (kill_jobs_) {
      session.console.note(
          "no server runs here, so no job was asked to stop; `flashpods up`, "
          "then `flashpods down --kill-jobs`, stops those still running");
    }
    if (endpoints) {
      auto stopped = co_await stop_daemon(session, state, *endpoints);
      if (!stopped) co_return session.fail(stopped.error());
    }
    // Its token must not be sent to whoever listens on that port next.
    std::error_code ignored;
    std::filesystem::remove(state / "env", ignored);
    show(session, state, runs);
    co_return 0;
  }

 private:
  Awaitable<Result<void>> kill_all(Session& session, std::filesystem::path state,
                                   Endpoints endpoints) {
    auto api = api_of(state, endpoints);
    if (!api) co_return std::unexpected(api.error());
    std::vector<std::string> killed;
    client::JobQuery query;
    query.status = "running";  // all that are not over
    auto jobs = co_await list_jobs(**api, std::move(query), kJobs);
    if (!jobs) co_return std::unexpected(jobs.error());
    for (const auto& job : *jobs) {
      auto reply = co_await (*api)->kill_job(text_at(job, "id"));
      if (!reply) co_return std::unexpected(reply.error());
      killed.push_back(text_at(job, "id"));
    }
    for (const auto& id : killed) {
      auto ended = co_await await_end(session.timer, **api, id);
      if (!ended) co_return std::unexpected(ended.error());
    }
    killed_ = killed.size();
    co_return Result<void>{};
  }

  void show(Session& session, const std::filesystem::path& state, bool ran) const {
    if (session.json) {
      auto result = nlohmann::json::object();
      result["state_dir"] = state.string();
      result["was_running"] = ran;
      result["jobs_killed"] = killed_;
      return session.console.json(result);
    }
    if (killed_ > 0) session.console.line(std::to_string(killed_) + " jobs stopped");
    session.console.line(ran ? "flashpodsd has stopped" : "no server runs for " + state.string());
  }

  std::string state_word_;
  bool kill_jobs_ = false;
  std::size_t killed_ = 0;
};

}  // namespace

extern const VerbEntry kDownVerb;
constinit const VerbEntry kDownVerb{.name = "down",
                                    .group = "This machine",
                                    .summary = "stop the server; jobs go on",
                                    .details = kDetails,
                                    .make = make_verb<Down>};

}  // namespace flashpods::cli
