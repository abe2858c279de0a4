// flashpods logs: what a job wrote, and what it goes on writing.

#include <nlohmann/json.hpp>

#include "cli/job_output.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/raw_output.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
On a terminal colours pass and other control characters are made visible; into a file or a pipe
go the job's own bytes. A log is kept for 24 hours after the job.

Examples:
  flashpods logs nightly
  flashpods logs -f --tail 20 job_k3jx
  flashpods logs --stream stderr job_k3jx > errors.txt
)";

class Logs final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"JOB", &job_, "", "which job", {}, true},
            {"-f,--follow", &follow_, "", "go on until the job ends"},
            {"-n,--tail", &tail_, "N", "only the last N lines"},
            {"--stream", &stream_, "NAME", "only this one", {"stdout", "stderr"}},
            {"-t,--timestamps", &timestamps_, "", "when each line was written"}};
  }

  Awaitable<int> execute(Session& session) override {
    if (auto sensible = check(session.json); !sensible) co_return session.fail(sensible.error());
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto job = co_await find_job(**api, job_);
    if (!job) co_return session.fail(job.error());
    auto shown = co_await show(session, **api, text_at(*job, "id"));
    if (!shown) co_return session.fail(shown.error());
    co_return 0;
  }

 private:
  [[nodiscard]] Result<void> check(bool json) const {
    if (json && follow_) {
      return fail(ErrorKind::kInvalid, "usage", "--json and --follow do not go together");
    }
    if (tail_ && *tail_ < 0) {
      return fail(ErrorKind::kInvalid, "usage", "--tail takes a number of lines, not negative");
    }
    return {};
  }

  [[nodiscard]] client::OutputQuery query() const {
    client::OutputQuery result;
    result.stream = stream_;
    result.timestamps = timestamps_;
    result.tail = tail_;
    if (!tail_) result.offset = 0;
    return result;
  }

  Awaitable<Result<void>> show(Session& session, client::Api& api, std::string id) {
    if (session.json) co_return co_await print_json(session, api, std::move(id));
    if (!follow_ && timestamps_) co_return co_await print_timestamped(session, api, std::move(id));
    if (!follow_) co_return co_await print_bytes(session, api, std::move(id));
    OutputFollower follower{api, session.timer, std::move(id), query(), session.console.out()};
    auto followed = co_await follower.run();
    follower.finish();
    co_return followed;
  }

  Awaitable<Result<void>> print_json(Session& session, client::Api& api, std::string id) {
    auto wanted = query();
    wanted.limit = kLargestPage;
    auto reply = co_await api.output(std::move(id), std::move(wanted));
    if (!reply) co_return std::unexpected(reply.error());
    session.console.json(*reply);
    co_return Result<void>{};
  }

  Awaitable<Result<void>> print_bytes(Session& session, client::Api& api, std::string id) {
    OutputSink sink{session.console.out()};
    auto on_bytes = [&sink](std::string_view bytes) { sink.write(bytes); };
    auto done = co_await read_raw(api.connection(), std::move(id), query(), on_bytes);
    sink.finish();
    co_return done;
  }

  // Times stand in the text only, not in the raw bytes.
  Awaitable<Result<void>> print_timestamped(Session& session, client::Api& api, std::string id) {
    OutputSink sink{session.console.out()};
    auto wanted = query();
    wanted.limit = kLargestPage;
    for (;;) {
      auto page = co_await api.output(id, wanted);
      if (!page) co_return std::unexpected(page.error());
      const auto text = text_at(*page, "output");
      const auto next = integer_at(*page, "next_offset");
      if (text.empty() || !next) break;
      sink.write(text);
      wanted.tail.reset();
      wanted.offset = static_cast<std::uint64_t>(*next);
    }
    sink.finish();
    co_return Result<void>{};
  }

  std::string job_;
  std::string stream_;
  std::optional<std::int64_t> tail_;
  bool follow_ = false;
  bool timestamps_ = false;
};

}  // namespace

extern const VerbEntry kLogsVerb;
constinit const VerbEntry kLogsVerb{.name = "logs",
                                    .group = "Jobs",
                                    .summary = "show a job's output",
                                    .details = kDetails,
                                    .make = make_verb<Logs>};

}  // namespace flashpods::cli
