// flashpods agent: an AI sub-agent on a task, in a container of its own.

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/job_end.h"
#include "cli/launch.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
The task is the words given, or the text of --task-file, or of stdin with `--task-file -`.
The agent sees the uploaded files at /work and may change them there; what it wants to hand back
it leaves in /artifacts, or pushes to its branch. Exit codes and Ctrl-C are as for `flashpods run`.

Examples:
  flashpods agent --branch fix/login --files . "find out why the login test fails, and fix it"
  flashpods agent --branch docs --task-file task.md --context "the API is in src/api" --detach
)";

constexpr std::size_t kLongestText = std::size_t{1024} * 1024;

Result<std::string> read_task(const std::string& file) {
  return file == "-" ? read_all(STDIN_FILENO, kLongestText) : read_file(file, kLongestText);
}

class Agent final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    std::vector<Parameter> all = {
        {"TASK", &words_, "", "what the agent shall do"},
        {"-b,--branch", &branch_, "BRANCH", "git branch the agent works on", {}, true},
        {"--task-file", &task_file_, "FILE", "read the task from FILE, or from stdin if it is -"},
        {"--context", &context_, "TEXT", "what else the agent should know"},
        {"--context-file", &context_file_, "FILE", "the same from a file"}};
    add_launch_parameters(all, options_);
    options_.files.left_out = client::agent_excludes();
    return all;
  }

  Awaitable<int> execute(Session& session) override {
    auto specific = request();
    if (!specific) co_return session.fail(specific.error());
    co_return co_await launch(session, std::move(options_), std::move(*specific));
  }

 private:
  Result<std::string> task() {
    if (words_.empty() == task_file_.empty()) {
      return fail(ErrorKind::kInvalid, "usage",
                  "give the task either as words or with --task-file");
    }
    if (!task_file_.empty()) return read_task(task_file_);
    std::string text;
    for (const auto& word : words_) text += (text.empty() ? "" : " ") + word;
    return text;
  }

  Result<nlohmann::json> request() {
    auto text = task();
    if (!text) return std::unexpected(text.error());
    auto context = context_file_.empty() ? Result<std::string>{context_}
                                         : read_file(context_file_, kLongestText);
    if (!context) return std::unexpected(context.error());
    auto result = nlohmann::json::object();
    result["type"] = "agent";
    result["task"] = *text;
    result["git_branch"] = branch_;
    if (!context->empty()) result["context"] = *context;
    return result;
  }

  std::vector<std::string> words_;
  std::string branch_;
  std::string task_file_;
  std::string context_;
  std::string context_file_;
  LaunchOptions options_;
};

}  // namespace

extern const VerbEntry kAgentVerb;
constinit const VerbEntry kAgentVerb{.name = "agent",
                                     .group = "Jobs",
                                     .summary = "set an AI sub-agent to a task",
                                     .details = kDetails,
                                     .make = make_verb<Agent>,
                                     .failure = kOwnFailureExit};

}  // namespace flashpods::cli
