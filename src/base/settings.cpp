#include "base/settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "base/settings_reader.h"

namespace flashpods {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1024} * 1024;
constexpr std::size_t kCommentWidth = 90;

std::string_view table_of(const Setting& setting) {
  const std::size_t dot = setting.name.rfind('.');
  return std::string_view{setting.name}.substr(0, dot == std::string::npos ? 0 : dot);
}

std::string_view key_of(const Setting& setting) {
  // npos + 1 is 0: a name without a table is its key.
  return std::string_view{setting.name}.substr(setting.name.rfind('.') + 1);
}

/// Lines of "# …", broken at spaces.
std::string comment(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    std::size_t cut = std::min(text.size(), text.find('\n'));
    if (cut > kCommentWidth) cut = std::min(cut, text.rfind(' ', kCommentWidth));
    lines += fmt::format("# {}\n", text.substr(0, cut));
    text.remove_prefix(std::min(text.size(), cut + 1));
  }
  return lines;
}

std::string print(const Setting& setting) {
  std::string allowed = allowed_values(setting.shape);
  allowed[0] = static_cast<char>(allowed[0] - 'a' + 'A');
  return fmt::format("{}{}#{} = {}\n\n", comment(setting.description), comment(allowed + '.'),
                     key_of(setting), setting.initial);
}

}  // namespace

void Settings::string(std::string name, std::string& target, std::string description) {
  choice(std::move(name), target, {}, std::move(description));
}

void Settings::choice(std::string name, std::string& target, std::vector<std::string> words,
                      std::string description) {
  TextShape shape{[&target](std::string value) { target = std::move(value); }, std::move(words)};
  settings_.push_back(
      {std::move(name), std::move(description), toml_string(target), std::move(shape)});
}

void Settings::path(std::string name, std::filesystem::path& target, std::string description) {
  TextShape shape{[&target](std::string value) { target = std::move(value); }, {}};
  settings_.push_back(
      {std::move(name), std::move(description), toml_string(target.native()), std::move(shape)});
}

void Settings::strings(std::string name, std::vector<std::string>& target,
                       std::string description) {
  TextListShape shape{[&target](std::vector<std::string> value) { target = std::move(value); }};
  settings_.push_back(
      {std::move(name), std::move(description), toml_strings(target), std::move(shape)});
}

void Settings::boolean(std::string name, bool& target, std::string description) {
  settings_.push_back({std::move(name), std::move(description), target ? "true" : "false",
                       FlagShape{[&target](bool value) { target = value; }}});
}

void Settings::number(std::string name, std::int64_t now, NumberShape shape,
                      std::string description) {
  settings_.push_back(
      {std::move(name), std::move(description), fmt::format("{}", now), std::move(shape)});
}

Result<void> Settings::load_text(std::string_view toml, std::string_view source) {
  return read_settings(settings_, toml, source);
}

Result<void> Settings::load_file(const std::filesystem::path& path) {
  const auto text = read_file(path, kMaxFile);
  if (!text) return std::unexpected(text.error());
  return load_text(*text, path.native());
}

std::string Settings::print_defaults() const {
  std::vector<std::string_view> tables{""};  // TOML: what has no table must come first
  for (const Setting& setting : settings_) {
    if (std::ranges::find(tables, table_of(setting)) == tables.end()) {
      tables.push_back(table_of(setting));
    }
  }
  std::string text;
  for (const std::string_view table : tables) {
    if (!table.empty()) text += fmt::format("[{}]\n\n", table);
    for (const Setting& setting : settings_) {
      if (table_of(setting) == table) text += print(setting);
    }
  }
  return text.substr(0, text.find_last_not_of('\n') + 1) + '\n';
}

}  // namespace flashpods
