#include "attempt.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <poll.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace hostile {

namespace {

constexpr int kDeadlineMs = 10'000;

[[noreturn]] void run_and_tell(const Attempt& attempt, int to) {
  ::setpgid(0, 0);
  const auto told = attempt.run();
  [[maybe_unused]] const auto written = ::write(to, told.data(), told.size());
  ::_exit(0);
}

std::string answer_from(int from) {
  pollfd readable{from, POLLIN, 0};
  if (::poll(&readable, 1, kDeadlineMs) != 1) return "no answer";
  std::array<char, 1024> words;
  const auto size = ::read(from, words.data(), words.size());
  return size > 0 ? std::string(words.data(), static_cast<std::size_t>(size)) : "no word";
}

bool is_errno(const std::string& word) {
  return word.size() > 1 && word.front() == 'E' &&
         word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string::npos;
}

std::string read_as(Reading reading, std::string word) {
  const bool known = word == "done" || word == "held" || is_errno(word);
  if (reading == Reading::kEither && known) return "tried";
  if (reading == Reading::kRefusal && is_errno(word)) return "refused";
  return word;
}

}  // namespace

std::string outcome_of(long result) {
  if (result >= 0) return "done";
  const char* name = ::strerrorname_np(errno);
  return name != nullptr ? name : "E" + std::to_string(errno);
}

std::string held_below(std::size_t bound, std::size_t taken) {
  return taken < bound ? "held" : "done";
}

Attempts attempts_of(std::span<const Call> calls, Reading reading) {
  Attempts made;
  for (const auto& call : calls) {
    made.push_back({call.name, [run = call.run] { return outcome_of(run()); }, reading});
  }
  return made;
}

void append(Attempts& attempts, Attempts more) {
  attempts.insert(attempts.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

namespace {

/// Its grandchildren are reaped by PID 1: while they are not, they count as the next try's.
void end_group(pid_t leader) {
  ::kill(-leader, SIGKILL);
  while (::waitpid(leader, nullptr, 0) < 0 && errno == EINTR) {
  }
  for (int waited = 0; ::kill(-leader, 0) == 0 && waited < kDeadlineMs; ++waited) ::usleep(1000);
}

}  // namespace

std::string outcome(const Attempt& attempt) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const auto child = ::fork();
  if (child < 0) return "no process";
  if (child == 0) run_and_tell(attempt, ends[1]);
  ::setpgid(child, child);
  ::close(ends[1]);
  auto word = read_as(attempt.reading, answer_from(ends[0]));
  ::close(ends[0]);
  end_group(child);
  return word;
}

void say(const std::string& text) {
  std::string_view rest(text);
  while (!rest.empty()) {
    const auto size = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (size > 0) {
      rest.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      pollfd writable{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&writable, 1, 1000);
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace hostile
