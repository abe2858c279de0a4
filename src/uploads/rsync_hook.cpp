#include "uploads/rsync_hook.h"

#include <cerrno>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace flashpods::uploads {

namespace {

constexpr const char* kNoAnswer = "The Flashpods daemon is not running. Try again in a moment.";

/// Value of NAME in environ(7).
std::optional<std::string> variable(const char* const* environment, std::string_view name) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) {
      return std::string{entry.substr(name.size() + 1)};
    }
  }
  return std::nullopt;
}

std::optional<std::string> read_line(int channel) {
  std::string line;
  while (line.size() < kMaxHookLine) {
    char byte = 0;
    const ssize_t got = ::read(channel, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    if (byte == '\n') return line;
    line += byte;
  }
  return std::nullopt;
}

int refuse(std::string_view words) {
  const auto written = write_all(STDOUT_FILENO, std::string{words} + "\n");
  return written ? 1 : 2;
}

}  // namespace

std::string hook_question(const char* const* environment) {
  auto arguments = nlohmann::json::array();
  for (int i = 1;; ++i) {
    auto argument = variable(environment, "RSYNC_ARG" + std::to_string(i));
    if (!argument) break;
    arguments.push_back(std::move(*argument));
  }
  nlohmann::json question;
  question["request"] = variable(environment, "RSYNC_REQUEST").value_or("");
  question["arguments"] = std::move(arguments);
  return dump_json(question) + '\n';
}

Result<TransferRequest> parse_hook_question(std::string_view line) {
  const auto question = parse_json(line);
  if (!question) return std::unexpected(question.error());
  JsonReader reader(*question);
  TransferRequest request;
  request.request = reader.string("request");
  request.arguments = reader.optional_strings("arguments").value_or(std::vector<std::string>{});
  if (auto read = reader.finish(); !read) return std::unexpected(read.error());
  return request;
}

std::string hook_answer(const Result<void>& decision) {
  nlohmann::json answer;
  answer["allow"] = decision.has_value();
  answer["message"] = decision ? std::string{} : to_one_line(decision.error().message, 400);
  return dump_json(answer) + '\n';
}

int run_rsync_hook(int channel, const char* const* environment) {
  const std::string question = hook_question(environment);
  if (question.size() > kMaxHookLine) return refuse("The request is too long.");
  if (!write_all(channel, question)) return refuse(kNoAnswer);
  const auto line = read_line(channel);
  if (!line) return refuse(kNoAnswer);
  const auto answer = parse_json(*line);
  if (!answer) return refuse(kNoAnswer);
  JsonReader reader(*answer);
  if (reader.optional_bool("allow").value_or(false)) return 0;
  return refuse(reader.string("message"));
}

}  // namespace flashpods::uploads
