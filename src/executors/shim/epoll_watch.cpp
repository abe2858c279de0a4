#include "executors/shim/epoll_watch.h"

#include <cerrno>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "executors/shim/epoll_counter.h"

namespace flashpods::shim {

EpollWatch::EpollWatch(PollLoop& loop, Children& children, Exceeded exceeded)
    : loop_(loop), children_(children), exceeded_(std::move(exceeded)), share_(epoll_share()) {}

EpollWatch::~EpollWatch() {
  if (!counter_.pidfd) return;
  loop_.forget(counter_.pidfd.get());
  ::syscall(SYS_pidfd_send_signal, counter_.pidfd.get(), SIGKILL, nullptr, 0);
}

void EpollWatch::keep_counting(pid_t init) {
  if (!share_ || is_exceeded_ || counter_.pidfd || init <= 1) return;
  ChildOptions options;
  options.argv = {"/proc/self/exe", kEpollCounterArgument, std::to_string(init)};
  options.before_exec = [shim = ::getpid()] {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    return ::getppid() == shim ? 0 : ESRCH;  // it died before the kernel knew what to do then
  };
  auto started = start_child(options);
  if (!started) return;  // no memory, no process: next time
  counter_ = std::move(*started);
  loop_.watch(counter_.pidfd.get(), [this] { counter_ended(); });
}

void EpollWatch::counter_ended() {
  const auto status = children_.status(counter_.pid);
  if (!status) return;
  loop_.forget(counter_.pidfd.get());
  counter_ = {};
  const int code = WIFEXITED(*status) ? WEXITSTATUS(*status) : 0;
  if (code != kTooManyWatches && code != kTooManyDescriptors) return;
  is_exceeded_ = true;
  exceeded_(code == kTooManyWatches ? share_->explain_watches() : share_->explain_descriptors());
}

}  // namespace flashpods::shim
