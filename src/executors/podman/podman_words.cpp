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

/// Podman did not reach a registry, or whoever answered is none (containers/image,
/// docker_client.go).
constexpr std::array<std::string_view, 8> kUnreachable{"pinging container registry",
                                                       "dial tcp",
                                                       "proxyconnect",
                                                       "Bad Gateway",
                                                       "x509: ",
                                                       "tls: ",
                                                       "i/o timeout",
                                                       "no such host"};

struct PullAnswer {
  std::string_view words;
  PullFailure failure;
};

constexpr PullFailure kNotThere{jobs::EndCause::kImageNotFound,
                                "The registry has no image of this name and tag."};
constexpr PullFailure kNotForUs{
    jobs::EndCause::kImageNotFound,
    "The registry does not give this image to us: it does not exist, or it is private."};
constexpr PullFailure kOtherMachine{
    jobs::EndCause::kImageNotFound,
    "The registry has no image of this name for the host's architecture."};
constexpr PullFailure kTooMany{
    jobs::EndCause::kImagePullFailed,
    "The registry accepts no more pulls from this host for now. Try again later."};
constexpr PullFailure kDiskFull{jobs::EndCause::kImagePullFailed,
                                "The host's disk became full while the image was pulled."};
constexpr PullFailure kNoRegistry{
    jobs::EndCause::kImagePullFailed,
    "The image could not be pulled: its registry could not be reached, or did not answer as a "
    "registry does. The server's log has the reason."};

constexpr std::array<PullAnswer, 13> kAnswers{{
    {"no image found in", kOtherMachine},
    {"manifest unknown", kNotThere},
    {"name unknown", kNotThere},
    {"StatusCode: 404", kNotThere},
    {"invalid reference", kNotThere},
    {"short-name", kNotThere},
    {"toomanyrequests", kTooMany},
    {"StatusCode: 429", kTooMany},
    {"denied: ", kNotForUs},
    {"resource is denied", kNotForUs},
    {"unauthorized", kNotForUs},
    {"StatusCode: 403", kNotForUs},
    {"no space left on device", kDiskFull},
}};

enum class Level : std::uint8_t { kPlain, kMinor, kError };

/// A line of logrus, which podman and its tools log with: `time="…" level=warning msg="…"`, or on a
/// terminal `WARN[0000] …`.
Level level_of(std::string_view line) {
  if (line.starts_with("time=\"")) {
    const auto at = line.find(" level=");
    if (at == std::string_view::npos) return Level::kPlain;
    const auto word = line.substr(at + 7);
    const bool is_error =
        word.starts_with("err") || word.starts_with("fatal") || word.starts_with("panic");
    return is_error ? Level::kError : Level::kMinor;
  }
  if (line.size() < 5 || line[4] != '[') return Level::kPlain;
  const auto word = line.substr(0, 4);
  if (word == "ERRO" || word == "FATA" || word == "PANI") return Level::kError;
  return word == "WARN" || word == "INFO" || word == "DEBU" || word == "TRAC" ? Level::kMinor
                                                                              : Level::kPlain;
}

/// What a log line says, without its time and level.
std::string_view log_message(std::string_view line) {
  constexpr std::string_view kMessage = " msg=";
  if (const auto at = line.find(kMessage); line.starts_with("time=") && at != line.npos) {
    line.remove_prefix(at + kMessage.size());
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"') {
      line = line.substr(1, line.size() - 2);
    }
    return line;
  }
  const auto bracket = line.find(']');
  return bracket == line.npos ? line : line.substr(std::min(bracket + 2, line.size()));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

/// The candidates for a failure's words, best last.
struct Words {
  std::string plain;   ///< all lines but log lines
  std::string logged;  ///< the last log line of level error
  std::string error;   ///< from the last "Error:" on
};

Words sort_words(std::string_view text) {
  constexpr std::string_view kError = "Error:";
  Words words;
  bool after_error = false;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto level = level_of(line);
    if (level == Level::kError) words.logged = log_message(line);
    if (level != Level::kPlain) continue;
    if (line.starts_with(kError)) {
      after_error = true;
      words.error = line.substr(kError.size());
    } else if (after_error) {
      words.error.append("\n").append(line);
    }
    words.plain.append(line).append("\n");
  }
  return words;
}

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

PullFailure explain_pull_failure(std::string_view standard_error) {
  if (has_any(standard_error, kUnreachable)) return kNoRegistry;
  const auto* const found = std::ranges::find_if(kAnswers, [standard_error](const auto& answer) {
    return standard_error.contains(answer.words);
  });
  return found == kAnswers.end() ? kNoRegistry : found->failure;
}

std::string podman_message(std::string_view standard_error) {
  constexpr std::size_t kLongest = 1000;
  const auto words = sort_words(standard_error);
  for (const std::string_view text : {words.error, words.logged, words.plain}) {
    const auto line = trimmed(text);
    if (!line.empty() && line != "Error:") return to_one_line(line, kLongest);
  }
  return {};
}

}  // namespace flashpods::podman
