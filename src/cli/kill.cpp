// flashpods kill: stops jobs.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
The job gets SIGTERM, and SIGKILL if it does not end. Its log and what it left in /artifacts stay
until their time is over. A job that has ended is left as it is. `flashpods wait JOB` waits for
the end.

Examples:
  flashpods kill job_k3jx
  flashpods kill build-gcc build-clang
)";

class Kill final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"JOB", &words_, "", "which jobs", {}, true}};
  }

  Awaitable<int> execute(Session& session) override {
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto replies = nlohmann::json::array();
    for (const auto& word : words_) {
      auto reply = co_await kill_one(**api, word);
      if (!reply) co_return session.fail(reply.error());
      if (!session.json) show(session.console, *reply);
      replies.push_back(std::move(*reply));
    }
    if (session.json) session.console.json(replies);
    co_return 0;
  }

 private:
  static Awaitable<Result<nlohmann::json>> kill_one(client::Api& api, std::string word) {
    auto job = co_await find_job(api, std::move(word));
    if (!job) co_return job;
    co_return co_await api.kill_job(text_at(*job, "id"));
  }

  static void show(Console& console, const nlohmann::json& reply) {
    console.line(to_one_line(text_at(reply, "job_id")) + " " +
                 to_one_line(text_at(reply, "status")) + ": " +
                 to_one_line(text_at(reply, "message"), 400));
  }

  std::vector<std::string> words_;
};

}  // namespace

extern const VerbEntry kKillVerb;
constinit const VerbEntry kKillVerb{.name = "kill",
                                    .group = "Jobs",
                                    .summary = "stop jobs",
                                    .details = kDetails,
                                    .make = make_verb<Kill>};

}  // namespace flashpods::cli
