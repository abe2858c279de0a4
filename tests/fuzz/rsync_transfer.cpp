// What rsync's hook tells of a transfer: "REQUEST\nARGUMENT\nARGUMENT…", from the hook's
// environment to the daemon's decision. What the daemon allows is read again as rsync's own parser
// reads it.

#include <algorithm>
#include <optional>

#include "base/random.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "uploads/rsync_hook.h"
#include "uploads/transfer_request.h"

namespace flashpods {
namespace {

using fuzz::require;
using Arguments = std::vector<std::string>;

/// The words that rsync takes for paths once popt has taken options and their values (popt(3)): a
/// letter that has a value takes the rest of its word, or else the whole next word.
Arguments paths_of(const Arguments& arguments) {
  constexpr std::string_view kWithValue = "efBMT@";
  Arguments paths;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (!word.starts_with('-') || word == "-") paths.emplace_back(word);
    if (!word.starts_with('-') || word.starts_with("--")) continue;
    const auto letter = word.find_first_of(kWithValue, 1);
    if (letter != std::string_view::npos && letter + 1 == word.size()) ++i;
  }
  return paths;
}

void check_allowed(const uploads::TransferRequest& request, const std::string& id) {
  require(is_upload_id(id), "a transfer writes to an upload");
  const auto& arguments = request.arguments;
  require(std::ranges::find(arguments, "--sender") == arguments.end(), "nothing is read back");
  const auto paths = paths_of(arguments);
  require(paths.size() == 2 && paths[0] == ".", "rsync sees the one path that was checked");
  require(paths[1] == id || paths[1].starts_with(id + "/"), "and it lies in the upload");
  require(("/" + paths[1] + "/").find("/../") == std::string::npos, "and does not leave it");
}

std::vector<std::string> environment_of(std::string_view input) {
  std::vector<std::string> variables{"PATH=/usr/bin"};
  const auto add = [&](const std::string& name, std::string_view value) {
    value = value.substr(0, value.find('\0'));
    variables.push_back(name + "=" + std::string{value});
  };
  add("RSYNC_REQUEST", fuzz::take_line(input));
  add("RSYNC_ARG0", "rsyncd");
  for (int i = 1; !input.empty(); ++i) add("RSYNC_ARG" + std::to_string(i), fuzz::take_line(input));
  return variables;
}

void check_answer(const Result<void>& decision) {
  const auto answer = uploads::hook_answer(decision);
  require(answer.find('\n') == answer.size() - 1, "an answer is one line");
}

FUZZ_TARGET(rsync_transfer) {
  (void)uploads::parse_hook_question(input);
  const auto variables = environment_of(input);
  std::vector<const char*> environment;
  for (const auto& variable : variables) environment.push_back(variable.c_str());
  environment.push_back(nullptr);
  const auto question = uploads::hook_question(environment.data());
  require(question.find('\n') == question.size() - 1, "a question is one line");
  const auto request = uploads::parse_hook_question(question.substr(0, question.size() - 1));
  require(request.has_value(), "the daemon understands its hook");
  require(request->arguments.size() + 3 == variables.size(), "no argument is lost");
  for (std::size_t i = 0; i < request->arguments.size(); ++i) {
    const auto given = variables[i + 3].substr(variables[i + 3].find('=') + 1);
    require(request->arguments[i] == to_valid_utf8(given), "arguments arrive as they were");
  }
  const auto id = uploads::uploaded_id(*request);
  if (id) check_allowed(*request, *id);
  check_answer(id ? Result<void>{} : std::unexpected(id.error()));
}

}  // namespace
}  // namespace flashpods
