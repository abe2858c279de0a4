// flashpods artifacts: what a job left behind.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
The files that the job left in /artifacts; a directory there is one NAME.tar.gz. They can be
fetched once the job has ended. What could not be taken is listed with the reason.

Examples:
  flashpods artifacts job_k3jx
  flashpods artifacts nightly --json
)";

std::string size_of(const nlohmann::json& artifact) {
  return to_human_size(static_cast<std::uintmax_t>(integer_at(artifact, "size_bytes").value_or(0)));
}

Table accepted(const nlohmann::json& reply) {
  Table table{{"NAME", "SIZE", "SHA-256"}};
  for (const auto& artifact : array_at(reply, "artifacts")) {
    table.add({text_at(artifact, "name"), size_of(artifact), text_at(artifact, "sha256")});
  }
  return table;
}

Table rejected(const nlohmann::json& reply) {
  Table table{{"REJECTED", "WHY"}};
  for (const auto& artifact : array_at(reply, "rejected")) {
    table.add({Cell{text_at(artifact, "name"), Style::kWarn}, text_at(artifact, "reason")});
  }
  return table;
}

class Artifacts final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"JOB", &job_, "", "which job", {}, true}};
  }

  Awaitable<int> execute(Session& session) override {
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto job = co_await find_job(**api, job_);
    if (!job) co_return session.fail(job.error());
    auto reply = co_await (*api)->artifacts(text_at(*job, "id"));
    if (!reply) co_return session.fail(reply.error());
    show(session, *reply);
    co_return 0;
  }

 private:
  static void show(Session& session, const nlohmann::json& reply) {
    auto& console = session.console;
    if (session.json) return console.json(reply);
    const auto good = accepted(reply);
    const auto bad = rejected(reply);
    console.print(good.render(console.out().colour));
    if (!good.empty() && !bad.empty()) console.line("");
    console.print(bad.render(console.out().colour));
    const auto until = text_at(reply, "expires_at");
    if (good.empty() && bad.empty()) {
      console.note("no artifacts");
    } else if (!until.empty()) {
      console.note("kept until " + to_one_line(until));
    }
  }

  std::string job_;
};

}  // namespace

extern const VerbEntry kArtifactsVerb;
constinit const VerbEntry kArtifactsVerb{.name = "artifacts",
                                         .group = "Results",
                                         .summary = "list what a job left behind",
                                         .details = kDetails,
                                         .make = make_verb<Artifacts>};

}  // namespace flashpods::cli
