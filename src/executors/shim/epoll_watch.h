#pragma once

#include <functional>
#include <optional>
#include <string>

#include "executors/shim/children.h"
#include "executors/shim/epoll_share.h"
#include "executors/shim/poll_loop.h"
#include "process/child.h"

namespace flashpods::shim {

/// Keeps a running job within its share of the user's epoll watches: a process of our own counts
/// them (epoll_counter.h), and says when they are too many, whatever the shim is busy with.
class EpollWatch {
 public:
  using Exceeded = std::function<void(std::string why)>;

  /// Calls `exceeded` once, from the loop, with the reason for a person.
  EpollWatch(PollLoop& loop, Children& children, Exceeded exceeded);
  ~EpollWatch();
  EpollWatch(const EpollWatch&) = delete;
  EpollWatch& operator=(const EpollWatch&) = delete;

  /// Starts the counter for the container with this PID 1, unless it runs or the PID is not known.
  void keep_counting(pid_t init);

  /// The job had too many.
  [[nodiscard]] bool exceeded() const { return is_exceeded_; }

 private:
  void counter_ended();

  PollLoop& loop_;
  Children& children_;
  Exceeded exceeded_;
  std::optional<EpollShare> share_;
  Child counter_;
  bool is_exceeded_ = false;
};

}  // namespace flashpods::shim
