#include "cli/program.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <climits>
#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/job_end.h"
#include "cli/own_executable.h"
#include "cli/session.h"
#include "cli/verb_table.h"
#include "client/reply_error.h"

extern char** environ;

namespace flashpods::cli {
namespace {

constexpr int kUsageExit = 2;

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// Everything from the first "--" on belongs to the verb's tail.
std::vector<std::string> split_tail(std::vector<std::string>& arguments) {
  const auto dashes = std::ranges::find(arguments, "--");
  if (dashes == arguments.end()) return {};
  std::vector<std::string> tail(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  return tail;
}

bool contains(const std::vector<std::string>& arguments, std::string_view word) {
  return std::ranges::find(arguments, word) != arguments.end();
}

Error unknown_verb(const std::string& word) {
  std::string message = "no verb '" + word + "'";
  if (const auto* nearest = nearest_verb(word)) {
    message += "; did you mean `flashpods " + std::string{nearest->name} + "`?";
  } else {
    message += "; `flashpods --help` lists them";
  }
  return {ErrorKind::kInvalid, "usage", message};
}

int usage_exit(const VerbEntry& entry) {
  return entry.failure == kOwnFailureExit ? kOwnFailureExit : kUsageExit;
}

void show_error(Console& console, const Error& error, bool json) {
  console.error(error);
  const auto quoted = client::quoted_words(error);
  if (!quoted.empty()) console.note("  details: " + quoted);
  if (!json) return;
  auto body = error.details && error.details->is_object() ? *error.details : nlohmann::json{};
  body["error"] = error.code;
  body["message"] = error.message;
  console.json(body);
}

int show_usage_error(Console& console, const VerbEntry& entry, Error error, bool json) {
  error.message += "; see `flashpods " + std::string{entry.name} + " --help`";
  show_error(console, error, json);
  return usage_exit(entry);
}

int execute(Verb& verb, Session& session, boost::asio::io_context& loop) {
  int code = session.failure;
  auto done = [&code](const std::exception_ptr& failure, int result) {
    if (failure) std::rethrow_exception(failure);
    code = result;
  };
  boost::asio::co_spawn(loop, verb.execute(session), done);
  loop.run();
  return code;
}

int run_verb(const VerbEntry& entry, std::vector<std::string> arguments, Console& console,
             const Hooks& hooks) {
  const auto verb = entry.make();
  bool json = false;
  auto parameters = verb->parameters();
  auto tail = split_tail(arguments);
  const bool wants_json = contains(arguments, "--json");
  if (contains(arguments, "--help") || contains(arguments, "-h")) {
    console.print(verb_help(entry, parameters));
    return 0;
  }
  parameters.push_back({"--json", &json, "", ""});
  auto parsed = parse_arguments(parameters, std::move(arguments));
  if (parsed && !tail.empty() && entry.tail.empty()) {
    parsed = fail(ErrorKind::kInvalid, "usage", "nothing may follow `--` here");
  }
  if (!parsed) return show_usage_error(console, entry, parsed.error(), wants_json);
  boost::asio::io_context loop{1};
  const SystemClock clock;
  SystemTimer timer;
  SystemRandom random;
  const auto commands = make_command_runner();
  Session session{
      loop.get_executor(),   console,          clock, timer,           random,        *commands,
      process_environment(), own_executable(), json,  std::move(tail), entry.failure, hooks};
  return execute(*verb, session, loop);
}

}  // namespace

std::optional<std::string> Session::variable(const std::string& name) const {
  const auto found = environment.find(name);
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

int Session::fail(const Error& error) const {
  show_error(console, error, json);
  return failure;
}

int run_flashpods(std::vector<std::string> arguments, const Hooks& hooks) {
  Console console{inspect_stream(STDOUT_FILENO), inspect_stream(STDERR_FILENO)};
  if (arguments.size() > 1 && arguments[0] == "help") arguments = {arguments[1], "--help"};
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    console.print(overview_help(all_verbs()));
    return arguments.empty() ? kUsageExit : 0;
  }
  if (arguments[0] == "--version") arguments[0] = "version";
  const auto* entry = find_verb(arguments[0]);
  if (entry == nullptr) {
    console.error(unknown_verb(arguments[0]));
    return kUsageExit;
  }
  arguments.erase(arguments.begin());
  try {
    return run_verb(*entry, std::move(arguments), console, hooks);
  } catch (const std::exception& broken) {
    console.error({ErrorKind::kInternal, "internal",
                   std::string{"a bug, or a broken machine: "} + broken.what()});
    return entry->failure;
  }
}

}  // namespace flashpods::cli
