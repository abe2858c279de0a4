// A hostile job: tries what a job can try, and prints one line a try, `family/try: outcome`.
// Usage: hostile [--only PREFIX] [ECHO_PORT]; ends with 7.
//
// Nothing here harms a host on which a try succeeds: files are opened and not written, privileged
// calls get arguments that change nothing, and whatever is taken is bounded and given back.

#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "families.h"

namespace hostile {

namespace {

/// So that a job can be told from one that was killed, or could not be executed.
constexpr int kExitCode = 7;

struct Request {
  std::string_view only;
  in_port_t echo_port = 9;  // discard: nobody answers
};

Request parse(int count, char** words) {
  Request request;
  for (int i = 1; i < count; ++i) {
    if (std::string_view(words[i]) == "--only" && i + 1 < count) {
      request.only = words[++i];
    } else {
      request.echo_port = static_cast<in_port_t>(std::strtoul(words[i], nullptr, 10));
    }
  }
  return request;
}

/// Signals to PID 1 come back: the container's init passes them on.
void ignore_signals() {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (signal != SIGCHLD) ::signal(signal, SIG_IGN);
  }
}

void try_all(const Request& request) {
  const std::pair<std::string, std::function<Attempts()>> families[] = {
      {"proc", proc},
      {"sockets", [&request] { return sockets(request.echo_port); }},
      {"namespaces", namespaces},
      {"kernel", kernel},
      {"limits", limits},
      {"files", files},
      {"descriptors", descriptors},
  };
  for (const auto& [family, attempts] : families) {
    for (const auto& attempt : attempts()) {
      const auto name = family + '/' + attempt.name;
      if (name.starts_with(request.only)) say(name + ": " + outcome(attempt) + '\n');
    }
  }
}

}  // namespace

}  // namespace hostile

int main(int count, char** words) {
  hostile::ignore_signals();
  hostile::try_all(hostile::parse(count, words));
  return hostile::kExitCode;
}
