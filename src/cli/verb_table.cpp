#include "cli/verb_table.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace flashpods::cli {

// Each is defined at the end of its own file.
extern const VerbEntry kRunVerb, kAgentVerb, kPsVerb, kStatusVerb, kLogsVerb, kWaitVerb, kKillVerb,
    kArtifactsVerb, kGetVerb, kPullVerb, kUpVerb, kDownVerb, kDoctorVerb, kImageVerb, kMcpVerb,
    kVersionVerb, kCompletionVerb;

namespace {

constexpr std::array kVerbs = {
    &kRunVerb,    &kAgentVerb,     &kPsVerb,  &kStatusVerb,  &kLogsVerb,      &kWaitVerb,
    &kKillVerb,   &kArtifactsVerb, &kGetVerb, &kPullVerb,    &kUpVerb,        &kDownVerb,
    &kDoctorVerb, &kImageVerb,     &kMcpVerb, &kVersionVerb, &kCompletionVerb};

constexpr std::size_t kNear = 2;

// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, substitute}));
    }
  }
  return row.back();
}

}  // namespace

std::span<const VerbEntry* const> all_verbs() { return kVerbs; }

const VerbEntry* find_verb(std::string_view name) {
  const auto found = std::ranges::find(kVerbs, name, &VerbEntry::name);
  return found == kVerbs.end() ? nullptr : *found;
}

const VerbEntry* nearest_verb(std::string_view mistyped) {
  const auto nearest = std::ranges::min_element(
      kVerbs, {}, [&](const VerbEntry* verb) { return distance(verb->name, mistyped); });
  return distance((*nearest)->name, mistyped) <= kNear ? *nearest : nullptr;
}

}  // namespace flashpods::cli
