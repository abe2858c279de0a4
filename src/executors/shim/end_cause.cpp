#include "executors/shim/end_cause.h"

#include <sys/wait.h>

namespace flashpods::shim {

namespace {

using jobs::EndCause;
using jobs::Exited;

constexpr int kSignalBase = 128;
constexpr int kKilledCode = 137;
/// Podman takes a container's end from a file's time, which the kernel counts in ticks: it can be
/// up to one tick (10 ms at the slowest) before what caused it.
constexpr Milliseconds kFileTimeTick{10};

/// Podman's code, or the init's own.
std::optional<int> exit_code(const EndFacts& facts) {
  if (facts.record && facts.record->ended()) return static_cast<int>(facts.record->exit_code & 255);
  if (!facts.init_status) return std::nullopt;
  if (WIFSIGNALED(*facts.init_status)) return kSignalBase + WTERMSIG(*facts.init_status);
  return WEXITSTATUS(*facts.init_status);
}

int init_signal(const EndFacts& facts) {
  return facts.init_status && WIFSIGNALED(*facts.init_status) ? WTERMSIG(*facts.init_status) : 0;
}

Time end_time(const EndFacts& facts) {
  return facts.record && facts.record->ended() ? *facts.record->finished_at : facts.now;
}

std::string exit_message(int code) {
  if (code == 0) return {};
  auto text = "The command ended with exit code " + std::to_string(code) + '.';
  if (code > kSignalBase && code <= kSignalBase + 64) {
    text += " (128 + " + std::to_string(code - kSignalBase) +
            ": this signal may have ended it, or it chose this code.)";
  }
  return text;
}

std::string stop_message(const StopRecord& stop) {
  if (!stop.message.empty()) return stop.message;
  return stop.cause == EndCause::kTimedOut ? "The job took longer than its time limit."
                                           : "The job was cancelled.";
}

void judge_own_end(const EndFacts& facts, Exited& exited) {
  const bool out_of_memory = facts.record && facts.record->oom_killed;
  const int code = *exited.exit_code;
  if (out_of_memory && code == kKilledCode) {
    exited.cause = EndCause::kOomKilled;
    exited.message = "The job used more memory than it was given, and the kernel killed it.";
    return;
  }
  if (const int signal = init_signal(facts); signal != 0) {
    exited.cause = EndCause::kSignalled;
    exited.signal = signal;
    exited.message =
        "The container was ended from outside by signal " + std::to_string(signal) + '.';
    return;
  }
  exited.cause = EndCause::kExited;
  exited.message = exit_message(code);
  if (out_of_memory) {
    exited.message += " The kernel killed a process of the job for lack of memory.";
  }
}

bool stop_came_first(const EndFacts& facts, Time end) {
  if (!facts.stop) return false;
  return facts.stopped_while_running.value_or(end + kFileTimeTick >= facts.stop->at);
}

}  // namespace

Exited judge_end(const EndFacts& facts) {
  Exited exited;
  exited.exit_code = exit_code(facts);
  exited.at = end_time(facts);
  if (stop_came_first(facts, exited.at)) {
    exited.cause = facts.stop->cause;
    exited.message = stop_message(*facts.stop);
  } else if (exited.exit_code) {
    judge_own_end(facts, exited);
  } else {
    exited.cause = EndCause::kLost;
    exited.message = "The container or podman's record of it vanished; its exit code is unknown.";
  }
  return exited;
}

}  // namespace flashpods::shim
