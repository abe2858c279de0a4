// flashpods completion: a script that completes our verbs and options in a shell.

#include "cli/session.h"
#include "cli/shell_completion.h"
#include "cli/verb.h"
#include "cli/verb_table.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"TEXT(
Examples:
  eval "$(flashpods completion bash)"
  flashpods completion fish | source
)TEXT";

class Completion final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"SHELL", &shell_, "", "which shell", {"bash", "zsh", "fish"}, true}};
  }

  Awaitable<int> execute(Session& session) override {
    session.console.print(completion_script(shell_, all_verbs()));
    co_return 0;
  }

 private:
  std::string shell_;
};

}  // namespace

extern const VerbEntry kCompletionVerb;
constinit const VerbEntry kCompletionVerb{.name = "completion",
                                          .group = "More",
                                          .summary = "print a completion script for a shell",
                                          .details = kDetails,
                                          .make = make_verb<Completion>};

}  // namespace flashpods::cli
