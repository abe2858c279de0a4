#include "cli/help.h"

#include <algorithm>

namespace flashpods::cli {
namespace {

constexpr std::size_t kWidth = 92;
constexpr std::size_t kNameColumn = 28;

constexpr std::string_view kOverviewFoot = R"(
Every verb takes --json (one JSON value on stdout, nothing else) and --help.
JOB is a job id, an unambiguous beginning of one, a job's name, or a client_job_id.

Environment:
  FLASHPODS_URL        the server, such as http://127.0.0.1:8080
  FLASHPODS_API_TOKEN  its token
  FLASHPODS_RSYNC_URL  where files are uploaded to
  RSYNC_PASSWORD       the password for that
  NO_COLOR             no colours
`flashpods up` writes these to a file for your shell. Where FLASHPODS_URL is not set, the server
that `flashpods up` started in the default state directory is used.

Exit codes: 0 done; 1 it failed; 2 wrong usage. `run`, `agent` and `wait` exit as the job did:
  0-255  the command's own exit code       124  timed out      130  cancelled
  128+N  ended by signal N                 137  out of memory
  125    Flashpods failed: no server, wrong usage, upload or image or container start failed

Start here:
  flashpods doctor                              what this machine lacks, and how to fix it
  flashpods up                                  start a server for yourself
  flashpods run --files . -- make               build this directory in a container
)";

std::string spaces(std::size_t count) { return std::string(count, ' '); }

// Comma and placeholder as people write them: "-f, --files DIR".
std::string shown_name(const Parameter& parameter) {
  std::string name = parameter.names;
  if (const auto comma = name.find(','); comma != std::string::npos) name.insert(comma + 1, " ");
  if (parameter.is_positional()) return name + (parameter.is_repeated() ? "…" : "");
  if (name.starts_with("--")) name = "    " + name;
  return parameter.value.empty() ? name : name + " " + parameter.value;
}

std::string shown_help(const Parameter& parameter) {
  if (parameter.choices.empty()) return parameter.help;
  std::string words;
  for (const auto& choice : parameter.choices) words += (words.empty() ? "" : ", ") + choice;
  return parameter.help + " (" + words + ")";
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

std::string entry_line(const std::string& name, const std::string& help) {
  const auto used = columns(name) + 2;
  const auto gap = used + 2 > kNameColumn ? "\n" + spaces(kNameColumn) : spaces(kNameColumn - used);
  return "  " + name + gap + wrap(help, kWidth, kNameColumn) + "\n";
}

std::string parameter_section(std::string_view heading, const std::vector<Parameter>& parameters,
                              bool positional) {
  std::string text;
  for (const auto& parameter : parameters) {
    if (parameter.is_positional() != positional) continue;
    text += entry_line(shown_name(parameter), shown_help(parameter));
  }
  return text.empty() ? text : "\n" + std::string{heading} + ":\n" + text;
}

std::string option_section(const std::vector<Parameter>& parameters) {
  auto text = parameter_section("Options", parameters, false);
  if (text.empty()) text = "\nOptions:\n";
  return text + entry_line("    --json", "one JSON value on stdout, for programs") +
         entry_line("-h, --help", "this text");
}

std::string usage(const VerbEntry& entry, const std::vector<Parameter>& parameters) {
  std::string line = "Usage: flashpods " + std::string{entry.name} + " [OPTIONS]";
  for (const auto& parameter : parameters) {
    if (!parameter.is_positional()) continue;
    const auto name = shown_name(parameter);
    line += parameter.required ? " " + name : " [" + name + "]";
  }
  if (!entry.tail.empty()) line += " " + std::string{entry.tail};
  return line + "\n";
}

std::string group_section(std::string_view group, std::span<const VerbEntry* const> verbs) {
  std::string text = "\n" + std::string{group} + ":\n";
  for (const auto* verb : verbs) {
    if (verb->group != group) continue;
    const std::string name{verb->name};
    text += "  " + name + spaces(12 - name.size()) + std::string{verb->summary} + "\n";
  }
  return text;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > indent && column + 1 + columns(word) > width) {
      result += "\n" + spaces(indent);
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    }
    result += word;
    column += columns(word);
  }
  return result;
}

std::string overview_help(std::span<const VerbEntry* const> verbs) {
  std::string text =
      "flashpods - run commands and AI sub-agents in throw-away containers\n\n"
      "Usage: flashpods VERB [OPTIONS]\n";
  std::vector<std::string_view> groups;
  for (const auto* verb : verbs) {
    if (std::ranges::find(groups, verb->group) == groups.end()) groups.push_back(verb->group);
  }
  for (const auto group : groups) text += group_section(group, verbs);
  return text + std::string{kOverviewFoot};
}

std::string verb_help(const VerbEntry& entry, const std::vector<Parameter>& parameters) {
  return "flashpods " + std::string{entry.name} + " - " + std::string{entry.summary} + "\n\n" +
         usage(entry, parameters) + parameter_section("Arguments", parameters, true) +
         option_section(parameters) + std::string{entry.details};
}

}  // namespace flashpods::cli
