#include "cli/interrupts.h"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/files.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kQuestion =
    "\n[k]ill the job, [d]etach and leave it running, [Enter] to go on: ";

// Asio makes the terminal non-blocking, for the shell that comes after us too.
class KeepFlags {
 public:
  explicit KeepFlags(int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {}
  ~KeepFlags() { (void)::fcntl(fd_, F_SETFL, flags_); }
  KeepFlags(const KeepFlags&) = delete;
  KeepFlags& operator=(const KeepFlags&) = delete;

 private:
  int fd_;
  int flags_;
};

// Empty at the end of input.
Awaitable<std::string> read_line(Executor executor) {
  const KeepFlags keep{STDIN_FILENO};
  boost::asio::posix::stream_descriptor input{executor, ::dup(STDIN_FILENO)};
  co_await input.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            boost::asio::use_awaitable);
  char buffer[256];
  const auto size = ::read(STDIN_FILENO, buffer, sizeof buffer);
  co_return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : std::string{};
}

}  // namespace

Interrupts::Interrupts(Session& session) : signals_(session.executor, SIGINT, SIGTERM) {}

Awaitable<void> Interrupts::next() { co_await signals_.async_wait(boost::asio::use_awaitable); }

InterruptAnswer read_answer(std::string_view line) {
  const auto word = line.substr(0, line.find_first_of(" \r\n"));
  if (word == "k" || word == "kill") return InterruptAnswer::kKill;
  if (word == "d" || word == "detach") return InterruptAnswer::kDetach;
  return InterruptAnswer::kContinue;
}

Awaitable<InterruptAnswer> ask_what_to_do(Session& session, Interrupts& interrupts) {
  if (!session.console.interactive()) co_return InterruptAnswer::kKill;
  (void)write_all(session.console.err().fd, kQuestion);
  const auto line = co_await unless_interrupted(interrupts, read_line(session.executor));
  co_return line ? read_answer(*line) : InterruptAnswer::kKill;
}

}  // namespace flashpods::cli
