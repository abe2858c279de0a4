#include "base/settings_reader.h"

#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/text.h"

namespace flashpods {

namespace {

/// A key of so many parts is no mistake. toml++ makes a table of each and frees them by recursion,
/// which at a hundred thousand ends the process.
constexpr std::ptrdiff_t kMostDots = 5000;

/// A value that was found good, ready to be put in its place.
using Assignment = std::function<void()>;

std::optional<Assignment> check(const TextShape& shape, const toml::node& node) {
  const auto* value = node.as_string();
  if (value == nullptr) return std::nullopt;
  const auto& words = shape.words;
  if (!words.empty() && std::ranges::find(words, value->get()) == words.end()) return std::nullopt;
  return [&shape, text = value->get()] { shape.set(text); };
}

std::optional<Assignment> check(const FlagShape& shape, const toml::node& node) {
  const auto* value = node.as_boolean();
  if (value == nullptr) return std::nullopt;
  return [&shape, flag = value->get()] { shape.set(flag); };
}

std::optional<Assignment> check(const NumberShape& shape, const toml::node& node) {
  const auto* value = node.as_integer();
  if (value == nullptr) return std::nullopt;
  const std::int64_t number = value->get();
  if (number < shape.low || number > shape.high) return std::nullopt;
  return [&shape, number] { shape.set(number); };
}

std::optional<Assignment> check(const TextListShape& shape, const toml::node& node) {
  const auto* list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const toml::node& item : *list) {
    const auto* text = item.as_string();
    if (text == nullptr) return std::nullopt;
    texts.push_back(text->get());
  }
  return [&shape, texts] { shape.set(texts); };
}

class Reader {
 public:
  Reader(const std::vector<Setting>& settings, std::string_view source)
      : settings_(settings), source_(to_one_line(source)) {}

  Result<void> read(std::string_view text) {
    if (std::ranges::count(text, '.') > kMostDots) {
      return fail(ErrorKind::kInvalid, "invalid_settings",
                  fmt::format("{}:1:1: it has more than {} dots", source_, kMostDots));
    }
    try {
      const toml::table root = toml::parse(text, source_);
      read_table(root, "");
    } catch (const toml::parse_error& error) {
      complain(error.source().begin, to_one_line(error.description()));
    }
    if (!errors_.empty()) return fail(ErrorKind::kInvalid, "invalid_settings", errors_);
    for (const Assignment& assign : assignments_) assign();
    return {};
  }

 private:
  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) read_member(key, node, prefix);
  }

  void read_member(const toml::key& key, const toml::node& node, const std::string& prefix) {
    const std::string name = prefix + std::string{key.str()};
    // A quoted key may hold a dot, which is no dot of ours.
    const bool plain = key.str().find('.') == std::string_view::npos;
    const auto setting = std::ranges::find(settings_, name, &Setting::name);
    if (plain && setting != settings_.end()) {
      assign(*setting, node);
    } else if (plain && node.is_table() && is_table_name(name)) {
      read_table(*node.as_table(), name + '.');
    } else {
      complain(key.source().begin, fmt::format("'{}' is not a known setting; {}", to_one_line(name),
                                               known_beside(prefix)));
    }
  }

  void assign(const Setting& setting, const toml::node& node) {
    auto assignment =
        std::visit([&](const auto& shape) { return check(shape, node); }, setting.shape);
    if (assignment) return assignments_.push_back(std::move(*assignment));
    complain(node.source().begin,
             fmt::format("'{}' must be {}", setting.name, allowed_values(setting.shape)));
  }

  [[nodiscard]] bool is_table_name(const std::string& name) const {
    return std::ranges::any_of(
        settings_, [&](const Setting& setting) { return setting.name.starts_with(name + '.'); });
  }

  /// "known here: a, [b]", with the keys and tables that begin with the prefix.
  [[nodiscard]] std::string known_beside(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const Setting& setting : settings_) {
      if (!setting.name.starts_with(prefix)) continue;
      const std::size_t dot = setting.name.find('.', prefix.size());
      const std::string inner = setting.name.substr(prefix.size(), dot - prefix.size());
      std::string shown = dot == std::string::npos ? inner : fmt::format("[{}{}]", prefix, inner);
      if (std::ranges::find(names, shown) == names.end()) names.push_back(std::move(shown));
    }
    return fmt::format("known here: {}", fmt::join(names, ", "));
  }

  void complain(toml::source_position at, std::string_view what) {
    if (!errors_.empty()) errors_ += '\n';
    errors_ += fmt::format("{}:{}:{}: {}", source_, at.line, at.column, what);
  }

  const std::vector<Setting>& settings_;
  std::string source_;
  std::vector<Assignment> assignments_;
  std::string errors_;
};

}  // namespace

Result<void> read_settings(const std::vector<Setting>& settings, std::string_view toml,
                           std::string_view source) {
  return Reader(settings, source).read(toml);
}

}  // namespace flashpods
