#include "client/exclude_rules.h"

#include <fnmatch.h>

namespace flashpods::client {

namespace {

constexpr std::string_view kWild = "*?[";

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool glob(const std::string& pattern, std::string_view text) {
  const int flags = pattern.find("**") == std::string::npos ? FNM_PATHNAME : 0;
  return ::fnmatch(pattern.c_str(), std::string{text}.c_str(), flags) == 0;
}

/// Old rule prefixes and the list reset: they do not exclude what they name.
bool is_special(std::string_view text) {
  return text.empty() || text == "!" || text.starts_with("+ ") || text.starts_with("- ");
}

}  // namespace

ExcludeRules::ExcludeRules(const std::vector<std::string>& patterns,
                           const std::vector<std::string>& anchored)
    : paths_(anchored.begin(), anchored.end()) {
  for (const auto& text : patterns) {
    if (is_special(text)) continue;
    Pattern pattern{text};
    if (pattern.text.ends_with('/')) {
      pattern.directories_only = true;
      pattern.text.pop_back();
    }
    if (pattern.text.starts_with('/')) {
      pattern.anchored = true;
      pattern.text.erase(0, 1);
    }
    pattern.has_slash = pattern.text.find('/') != std::string::npos;
    patterns_.push_back(std::move(pattern));
  }
}

bool ExcludeRules::matches(const Pattern& pattern, std::string_view relative) {
  if (pattern.anchored) return glob(pattern.text, relative);
  if (!pattern.has_slash) return glob(pattern.text, base_name(relative));
  // A pattern with a slash matches the end of the path, whole names only.
  for (auto tail = relative;;) {
    if (glob(pattern.text, tail)) return true;
    const auto slash = tail.find('/');
    if (slash == std::string_view::npos) return false;
    tail.remove_prefix(slash + 1);
  }
}

bool ExcludeRules::excludes(std::string_view relative, bool is_directory) const {
  if (!paths_.empty()) {
    const std::string path{relative};
    if (paths_.contains(is_directory ? path + "/" : path)) return true;
  }
  for (const auto& pattern : patterns_) {
    if (pattern.directories_only && !is_directory) continue;
    if (matches(pattern, relative)) return true;
  }
  return false;
}

std::string to_anchored_pattern(std::string_view path) {
  if (path.empty() || path.find('\n') != std::string_view::npos) return {};
  const bool wild = path.find_first_of(kWild) != std::string_view::npos;
  std::string pattern = "/";
  for (const char c : path) {
    // rsync takes a backslash for itself unless the pattern has a wildcard.
    if (wild && (c == '\\' || kWild.find(c) != std::string_view::npos)) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace flashpods::client
