// flashpods get: one artifact into a file.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/artifact_file.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
The file is checked against its SHA-256 and appears whole or not at all. It is never made
executable: chmod +x it if it is a program. An interrupted download is taken up where it stopped.

Examples:
  flashpods get job_k3jx prog
  flashpods get nightly report.tar.gz -o /tmp/ --force
)";

class Get final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"JOB", &job_, "", "which job", {}, true},
            {"NAME", &name_, "", "which artifact (see `flashpods artifacts JOB`)", {}, true},
            {"-o,--output", &output_, "PATH", "file or directory to save to (default: here)"},
            {"--force", &force_, "", "replace a file that exists"}};
  }

  Awaitable<int> execute(Session& session) override {
    auto target = artifact_target(output_, name_);
    if (!target) co_return session.fail(target.error());
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto job = co_await find_job(**api, job_);
    if (!job) co_return session.fail(job.error());
    client::DownloadRequest request;
    request.job_id = text_at(*job, "id");
    request.name = name_;
    request.target = *target;
    request.overwrite = force_;
    auto saved = co_await download(session, **api, std::move(request));
    if (!saved) co_return session.fail(advised(saved.error()));
    show(session, *saved);
    co_return 0;
  }

 private:
  static Error advised(Error error) {
    if (error.code == "file_exists") error.message += " (--force replaces it)";
    return error;
  }

  static void show(Session& session, const client::Downloaded& saved) {
    if (!session.json) {
      session.console.note("saved " + to_one_line(saved.path.string(), 4096) + " (" +
                           to_human_size(saved.bytes) + ")");
      return;
    }
    auto result = nlohmann::json::object();
    result["path"] = std::filesystem::absolute(saved.path).string();
    result["size_bytes"] = saved.bytes;
    result["sha256"] = saved.sha256;
    session.console.json(result);
  }

  std::string job_;
  std::string name_;
  std::string output_;
  bool force_ = false;
};

}  // namespace

extern const VerbEntry kGetVerb;
constinit const VerbEntry kGetVerb{.name = "get",
                                   .group = "Results",
                                   .summary = "download one artifact",
                                   .details = kDetails,
                                   .make = make_verb<Get>};

}  // namespace flashpods::cli
