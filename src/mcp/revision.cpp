#include "mcp/revision.h"

#include <algorithm>
#include <array>
#include <utility>

namespace flashpods::mcp {

namespace {

constexpr std::array kNames{
    std::pair{Revision::k2026_07_28, std::string_view{"2026-07-28"}},
    std::pair{Revision::k2025_11_25, std::string_view{"2025-11-25"}},
    std::pair{Revision::k2025_06_18, std::string_view{"2025-06-18"}},
    std::pair{Revision::k2025_03_26, std::string_view{"2025-03-26"}},
    std::pair{Revision::k2024_11_05, std::string_view{"2024-11-05"}},
};

}  // namespace

std::string_view to_string(Revision revision) {
  return std::ranges::find(kNames, revision, [](const auto& row) { return row.first; })->second;
}

std::optional<Revision> parse_revision(std::string_view text) {
  const auto* found = std::ranges::find(kNames, text, [](const auto& row) { return row.second; });
  return found == kNames.end() ? std::nullopt : std::optional{found->first};
}

std::vector<std::string> revision_names() {
  std::vector<std::string> names;
  for (const auto& [revision, name] : kNames) names.emplace_back(name);
  return names;
}

Revision negotiate(std::string_view asked) {
  const auto known = parse_revision(asked);
  return known && has_sessions(*known) ? *known : Revision::k2025_11_25;
}

}  // namespace flashpods::mcp
