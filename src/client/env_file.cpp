#include "client/env_file.h"

#include "client/secret_file.h"

namespace flashpods::client {

namespace {

std::string unquoted(std::string_view value) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < value.size()) {
      out += value[++i];
    } else {
      out += c;
    }
  }
  return out;
}

void read_line(std::string_view line, std::map<std::string, std::string>& variables) {
  auto text = trimmed(line);
  if (text.starts_with("export ")) text = trimmed(std::string_view{text}.substr(7));
  const auto equals = text.find('=');
  if (text.empty() || text.front() == '#' || equals == std::string::npos) return;
  variables[text.substr(0, equals)] = unquoted(std::string_view{text}.substr(equals + 1));
}

}  // namespace

std::map<std::string, std::string> parse_env_file(std::string_view text) {
  std::map<std::string, std::string> variables;
  while (!text.empty()) {
    const auto end = text.find('\n');
    read_line(text.substr(0, end), variables);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return variables;
}

}  // namespace flashpods::client
