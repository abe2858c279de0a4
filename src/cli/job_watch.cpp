#include "cli/job_watch.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/job_end.h"
#include "cli/job_output.h"

namespace flashpods::cli {
namespace {

constexpr Milliseconds kShortestPoll{100};
constexpr Milliseconds kLongestPoll{2000};
constexpr int kServerAwayTries = 30;  // about a minute: a restart or an upgrade

enum class Watching { kGoOn, kStop };

Awaitable<Result<Watching>> handle_interrupt(Session& session, client::Api& api,
                                             Interrupts& interrupts, std::string job_id) {
  const auto answer = co_await ask_what_to_do(session, interrupts);
  if (answer == InterruptAnswer::kContinue) co_return Watching::kGoOn;
  if (answer == InterruptAnswer::kDetach) {
    session.console.note("left running; see `flashpods logs -f " + to_one_line(job_id) + "`");
    co_return Watching::kStop;
  }
  session.console.note("stopping " + to_one_line(job_id));
  auto killed = co_await api.kill_job(job_id);
  if (!killed) co_return std::unexpected(killed.error());
  co_return Watching::kGoOn;
}

Awaitable<Result<nlohmann::json>> show_until_end(Session& session, client::Api& api,
                                                 JobOutput& output, std::string job_id) {
  auto followed = co_await output.follow();
  if (!followed) co_return std::unexpected(followed.error());
  output.finish();
  co_return co_await await_end(session.timer, api, job_id);
}

}  // namespace

Awaitable<Result<nlohmann::json>> await_end(Timer& timer, client::Api& api, std::string job_id) {
  auto wait = kShortestPoll;
  int away = 0;
  for (;;) {
    auto job = co_await api.job(job_id);
    if (job && has_ended(*job)) co_return job;
    const bool unreachable = !job && job.error().kind == ErrorKind::kUnavailable;
    if (!job && (!unreachable || ++away == kServerAwayTries)) co_return job;
    if (job) away = 0;
    co_await timer.sleep_for(wait);
    wait = std::min(kLongestPoll, wait * 3 / 2);
  }
}

Awaitable<Result<std::optional<nlohmann::json>>> watch_job(Session& session, client::Api& api,
                                                           Interrupts& interrupts,
                                                           std::string job_id) {
  JobOutput output{session, api, job_id};
  for (;;) {
    auto ended =
        co_await unless_interrupted(interrupts, show_until_end(session, api, output, job_id));
    if (ended && !*ended) co_return std::unexpected(ended->error());
    if (ended) co_return std::optional<nlohmann::json>{std::move(**ended)};
    auto next = co_await handle_interrupt(session, api, interrupts, job_id);
    if (!next) co_return std::unexpected(next.error());
    if (*next == Watching::kStop) co_return std::nullopt;
  }
}

}  // namespace flashpods::cli
