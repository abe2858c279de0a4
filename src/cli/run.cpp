// flashpods run: a command in a fresh container, as if it ran here.

#include <nlohmann/json.hpp>

#include "cli/job_end.h"
#include "cli/launch.h"
#include "cli/shell_words.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
The command runs in a container of its own that is thrown away afterwards. It starts in /work,
which holds the uploaded files; what it leaves in /artifacts can be fetched for an hour.
One word after `--` is a shell command line; several words are run exactly as they are.

Its stdout comes to stdout, its stderr to stderr, and the exit code is the command's own:
  124  timed out      130  cancelled      137  out of memory      128+N  ended by signal N
  125  Flashpods failed: no server, wrong usage, upload or image or container start failed

Ctrl-C asks whether to kill the job or leave it running, a second Ctrl-C kills it. Without a
terminal SIGINT and SIGTERM kill it. With --json the output goes to stderr and the finished job,
one JSON object, to stdout.

Examples:
  flashpods run -- uname -a
  flashpods run --files . -- 'make -j4 && cp prog /artifacts'
  flashpods run --files . --workspace scratch --image rust:1.75 -- cargo test
  flashpods run --detach --name nightly --timeout 120 --files . -- ./nightly.sh
)";

class Run final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    std::vector<Parameter> all = {
        {"-i,--image", &image_, "IMAGE", "container image; the server has a default"},
        {"-w,--workspace",
         &workspace_,
         "MODE",
         "/work is read-only, or a copy that may be written to and is thrown away",
         {"ro", "scratch"}}};
    add_launch_parameters(all, options_);
    return all;
  }

  Awaitable<int> execute(Session& session) override {
    if (session.tail.empty()) {
      co_return session.fail({ErrorKind::kInvalid, "usage",
                              "what shall run? Put it after `--`: flashpods run -- make"});
    }
    auto specific = nlohmann::json::object();
    specific["type"] = "worker";
    specific["command"] = to_command_line(session.tail);
    if (!image_.empty()) specific["image"] = image_;
    if (!workspace_.empty()) specific["workspace"] = workspace_;
    co_return co_await launch(session, std::move(options_), std::move(specific));
  }

 private:
  std::string image_;
  std::string workspace_;
  LaunchOptions options_;
};

}  // namespace

extern const VerbEntry kRunVerb;
constinit const VerbEntry kRunVerb{.name = "run",
                                   .group = "Jobs",
                                   .summary = "run a command in a fresh container",
                                   .details = kDetails,
                                   .make = make_verb<Run>,
                                   .tail = "-- COMMAND…",
                                   .failure = kOwnFailureExit};

}  // namespace flashpods::cli
