// flashpods wait: until jobs end, for scripts and for an agent's background shell.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/job_end.h"
#include "cli/job_reference.h"
#include "cli/job_watch.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Prints one line a job when it has ended, and exits as the job did (see `flashpods run --help`).
Several jobs: 0 if all were completed, else the exit code of the first named one that was not.
With --any it returns as soon as one has ended, with that one's exit code.

Examples:
  flashpods wait job_k3jx
  flashpods wait --any build-gcc build-clang
)";

constexpr Milliseconds kPoll{500};

using Jobs = std::vector<nlohmann::json>;

std::string summary_line(const nlohmann::json& job, bool colour) {
  const auto count = integer_at(member_at(job, "artifacts"), "count").value_or(0);
  auto line = to_one_line(text_at(job, "id"));
  if (const auto name = text_at(job, "name"); !name.empty()) line += " " + to_one_line(name);
  line += " " + paint(to_one_line(describe_end(job), 400), style_of_status(effective_status(job)),
                      colour);
  if (count > 0) line += ", " + std::to_string(count) + (count == 1 ? " artifact" : " artifacts");
  if (const auto losses = describe_losses(job); !losses.empty()) line += "; " + losses;
  return line;
}

int common_exit_code(const Jobs& jobs) {
  for (const auto& job : jobs) {
    if (const int code = job_exit_code(job); code != 0) return code;
  }
  return 0;
}

class Wait final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"JOB", &words_, "", "which jobs", {}, true},
            {"--any", &any_, "", "return when the first one has ended"}};
  }

  Awaitable<int> execute(Session& session) override {
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto jobs = co_await find_all(**api);
    if (!jobs) co_return session.fail(jobs.error());
    auto ended = any_ ? co_await wait_for_any(session, **api, std::move(*jobs))
                      : co_await wait_for_all(session, **api, std::move(*jobs));
    if (!ended) co_return session.fail(ended.error());
    if (session.json) session.console.json(nlohmann::json(*ended));
    co_return common_exit_code(*ended);
  }

 private:
  Awaitable<Result<Jobs>> find_all(client::Api& api) {
    Jobs jobs;
    for (const auto& word : words_) {
      auto job = co_await find_job(api, word);
      if (!job) co_return std::unexpected(job.error());
      jobs.push_back(std::move(*job));
    }
    co_return jobs;
  }

  static void show(Session& session, const nlohmann::json& job) {
    if (session.json) return;
    session.console.line(summary_line(job, session.console.out().colour));
  }

  static Awaitable<Result<Jobs>> wait_for_all(Session& session, client::Api& api, Jobs jobs) {
    for (auto& job : jobs) {
      auto ended = co_await await_end(session.timer, api, text_at(job, "id"));
      if (!ended) co_return std::unexpected(ended.error());
      job = std::move(*ended);
      show(session, job);
    }
    co_return jobs;
  }

  static Awaitable<Result<Jobs>> wait_for_any(Session& session, client::Api& api, Jobs jobs) {
    for (;;) {
      for (const auto& job : jobs) {
        if (!has_ended(job)) continue;
        show(session, job);
        co_return Jobs{job};
      }
      co_await session.timer.sleep_for(kPoll);
      for (auto& job : jobs) {
        auto now = co_await api.job(text_at(job, "id"));
        if (now) job = std::move(*now);
        if (!now && now.error().kind != ErrorKind::kUnavailable) {
          co_return std::unexpected(now.error());
        }
      }
    }
  }

  std::vector<std::string> words_;
  bool any_ = false;
};

}  // namespace

extern const VerbEntry kWaitVerb;
constinit const VerbEntry kWaitVerb{.name = "wait",
                                    .group = "Jobs",
                                    .summary = "wait until jobs have ended",
                                    .details = kDetails,
                                    .make = make_verb<Wait>,
                                    .failure = kOwnFailureExit};

}  // namespace flashpods::cli
