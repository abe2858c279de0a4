#pragma once
// rsync's exclude patterns (rsync(1), "INCLUDE/EXCLUDE PATTERN RULES"), as far as sizes need them.

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace flashpods::client {

class ExcludeRules {
 public:
  ExcludeRules(const std::vector<std::string>& patterns, const std::vector<std::string>& anchored);

  /// Whether rsync would leave this path out. `relative` has '/' between names and no leading one.
  [[nodiscard]] bool excludes(std::string_view relative, bool is_directory) const;

 private:
  struct Pattern {
    std::string text;  ///< without the leading '/' and the trailing one
    bool anchored = false;
    bool directories_only = false;
    bool has_slash = false;
  };
  static bool matches(const Pattern& pattern, std::string_view relative);

  std::vector<Pattern> patterns_;
  std::unordered_set<std::string> paths_;  ///< literal, as git names them: "a/b" or "dir/"
};

/// A path as git prints it ("build/", "notes.txt") as an anchored rsync pattern that matches it and
/// nothing else; empty if a pattern line cannot hold it (a newline in it).
[[nodiscard]] std::string to_anchored_pattern(std::string_view path);

}  // namespace flashpods::client
