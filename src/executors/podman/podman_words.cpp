#include "executors/podman/podman_words.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace flashpods::podman {

namespace {

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::any_of(words, [text](auto word) { return text.contains(word); });
}

constexpr std::array<std::string_view, 3> kImageUnknown{"image not known", "no such image",
                                                        "unable to find a name and tag match"};

constexpr std::array<std::string_view, 2> kNoContainer{"no such container", "no such object"};

constexpr std::array<std::string_view, 3> kRuntimeUnusable{
    "drop all controllers", "cgroupv2 controllers", "default OCI runtime"};

constexpr std::array<std::string_view, 14> kNowhere{
    "manifest unknown",
    "name unknown",
    "not found",
    "denied",
    "unauthorized",
    "no such host",
    "StatusCode: 404",
    "StatusCode: 403",
    "connection refused",
    "no route to host",
    "network is unreachable",
    "server misbehaving",
    "invalid reference",
    "short-name",
};

}  // namespace

RunFailure classify_run_failure(std::string_view standard_error) {
  if (has_any(standard_error, kImageUnknown)) return RunFailure::kImageUnknown;
  if (standard_error.contains("is already in use")) return RunFailure::kNameInUse;
  if (has_any(standard_error, kRuntimeUnusable)) return RunFailure::kRuntimeUnusable;
  return RunFailure::kOther;
}

bool says_no_container(std::string_view standard_error) {
  return has_any(standard_error, kNoContainer);
}

jobs::EndCause classify_pull_failure(std::string_view standard_error) {
  return has_any(standard_error, kNowhere) ? jobs::EndCause::kImageNotFound
                                           : jobs::EndCause::kImagePullFailed;
}

std::string podman_message(std::string_view standard_error) {
  constexpr std::string_view kError = "Error: ";
  if (const auto at = standard_error.rfind(kError); at != std::string_view::npos) {
    standard_error.remove_prefix(at + kError.size());
  }
  while (!standard_error.empty() && standard_error.back() == '\n') standard_error.remove_suffix(1);
  return to_one_line(standard_error, 500);
}

}  // namespace flashpods::podman
