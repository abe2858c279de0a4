#include "cli/shell_completion.h"

#include <vector>

namespace flashpods::cli {
namespace {

std::vector<std::string> option_names(const Parameter& parameter) {
  std::vector<std::string> names;
  std::string_view rest = parameter.names;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::string words_of(const VerbEntry& verb) {
  std::vector<std::string> words{"--json", "--help"};
  for (const auto& parameter : verb.make()->parameters()) {
    const auto more = parameter.is_positional() ? parameter.choices : option_names(parameter);
    words.insert(words.end(), more.begin(), more.end());
  }
  return joined(words);
}

std::string verb_names(std::span<const VerbEntry* const> verbs) {
  std::vector<std::string> names;
  for (const auto* verb : verbs) names.emplace_back(verb->name);
  return joined(names);
}

std::string bash_script(std::span<const VerbEntry* const> verbs) {
  std::string script =
      "# flashpods completion; in ~/.bashrc: eval \"$(flashpods completion bash)\"\n"
      "_flashpods() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} words\n"
      "  case $COMP_CWORD:${COMP_WORDS[1]} in\n"
      "    1:*) words='" +
      verb_names(verbs) + "' ;;\n";
  for (const auto* verb : verbs) {
    script += "    *:" + std::string{verb->name} + ") words='" + words_of(*verb) + "' ;;\n";
  }
  return script +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _flashpods flashpods\n";
}

std::string zsh_script(std::span<const VerbEntry* const> verbs) {
  return "# flashpods completion; in ~/.zshrc: eval \"$(flashpods completion zsh)\"\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(verbs);
}

std::string fish_script(std::span<const VerbEntry* const> verbs) {
  std::string script = "# flashpods completion; flashpods completion fish | source\n";
  for (const auto* verb : verbs) {
    const std::string name{verb->name};
    script += "complete -c flashpods -n __fish_use_subcommand -f -a " + name + " -d '" +
              std::string{verb->summary} + "'\n";
    script += "complete -c flashpods -n '__fish_seen_subcommand_from " + name + "' -a '" +
              words_of(*verb) + "'\n";
  }
  return script;
}

}  // namespace

std::string completion_script(std::string_view shell, std::span<const VerbEntry* const> verbs) {
  if (shell == "fish") return fish_script(verbs);
  return shell == "zsh" ? zsh_script(verbs) : bash_script(verbs);
}

}  // namespace flashpods::cli
