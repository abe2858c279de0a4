#include "cli/job_end.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "cli/json_fields.h"

namespace flashpods::cli {
namespace {

constexpr std::int64_t kHighestExit = 255;

bool is_terminal_word(std::string_view status) {
  return status == "completed" || status == "failed" || status == "timed_out" ||
         status == "cancelled";
}

int failed_exit_code(const nlohmann::json& job) {
  const auto cause = text_at(job, "error");
  if (cause == "oom_killed") return kOutOfMemoryExit;
  const auto signal = integer_at(job, "signal").value_or(0);
  if (cause == "signal" && signal > 0 && signal < 128) return static_cast<int>(128 + signal);
  const auto code = integer_at(job, "exit_code").value_or(0);
  return cause == "exit" && code > 0 && code <= kHighestExit ? static_cast<int>(code)
                                                             : kOwnFailureExit;
}

std::string cause_of_failure(const nlohmann::json& job) {
  const auto cause = text_at(job, "error");
  if (cause == "exit") {
    return " (exit code " + std::to_string(integer_at(job, "exit_code").value_or(0)) + ")";
  }
  if (cause == "signal") {
    return " (signal " + std::to_string(integer_at(job, "signal").value_or(0)) + ")";
  }
  if (cause == "oom_killed") return " (out of memory)";
  const auto message = text_at(job, "message");
  return message.empty() ? " (" + cause + ")" : " (" + cause + "): " + message;
}

}  // namespace

std::string effective_status(const nlohmann::json& job) {
  const auto outcome = text_at(job, "outcome");
  return outcome.empty() ? text_at(job, "status") : outcome;
}

bool has_ended(const nlohmann::json& job) {
  return is_terminal_word(effective_status(job)) || text_at(job, "status") == "cleaned";
}

int job_exit_code(const nlohmann::json& job) {
  const auto status = effective_status(job);
  if (status == "completed") return 0;
  if (status == "timed_out") return kTimedOutExit;
  if (status == "cancelled") return kCancelledExit;
  return status == "failed" ? failed_exit_code(job) : kOwnFailureExit;
}

std::string job_duration(const nlohmann::json& job) {
  auto seconds = integer_at(job, "actual_runtime_seconds");
  if (!seconds) seconds = integer_at(job, "elapsed_seconds");
  return seconds ? to_human_duration(Seconds{*seconds}) : std::string{};
}

std::string describe_end(const nlohmann::json& job) {
  auto text = effective_status(job);
  if (text == "failed") text += cause_of_failure(job);
  const auto duration = job_duration(job);
  return duration.empty() ? text : text + " after " + duration;
}

std::string describe_losses(const nlohmann::json& job) {
  const auto& log = member_at(job, "log");
  std::string text;
  if (flag_at(log, "truncated")) {
    const auto bytes = integer_at(log, "total_bytes").value_or(0);
    text = "only the first " + to_human_size(static_cast<std::uintmax_t>(bytes)) +
           " of the output were kept";
  }
  const auto rejected = integer_at(member_at(job, "artifacts"), "rejected").value_or(0);
  if (rejected == 0) return text;
  if (!text.empty()) text += "; ";
  return text + std::to_string(rejected) + (rejected == 1 ? " artifact was" : " artifacts were") +
         " rejected";
}

Style style_of_status(std::string_view status) {
  if (status == "completed") return Style::kGood;
  if (status == "failed") return Style::kBad;
  if (status == "timed_out" || status == "cancelled") return Style::kWarn;
  return status == "running" ? Style::kBold : Style::kDim;
}

}  // namespace flashpods::cli
