#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.h"

namespace flashpods {

class EventHub;

/// One task's wait for changes of one subject:
///   const auto watch = store.events().watch(id, executor);
///   for (;;) { …read the row, return if it is as wished…; co_await watch->changed(); }
/// The watch begins before the row is read, so that no change falls between the two. All members
/// but the destructor are for the executor's thread.
class EventWatch : public std::enable_shared_from_this<EventWatch> {
 public:
  ~EventWatch();
  EventWatch(const EventWatch&) = delete;
  EventWatch& operator=(const EventWatch&) = delete;

  /// Returns once the subject has changed since the last return, or since the watch began. It may
  /// return without a change. Throws operation_aborted (boost::system::system_error) if the
  /// awaiting task is cancelled.
  Awaitable<void> changed();

  /// Makes changed() return.
  void notify();

 private:
  friend class EventHub;
  struct Watches;

  EventWatch(std::shared_ptr<Watches> watches, std::string subject, const Executor& executor);

  std::shared_ptr<Watches> watches_;
  std::string subject_;
  boost::asio::steady_timer wake_;
  bool changed_ = false;
};

/// Passes on which subjects (ids of jobs and uploads) a commit changed. It holds no state of a
/// subject: a woken task reads the row again. Thread-safe.
class EventHub {
 public:
  EventHub();

  [[nodiscard]] std::shared_ptr<EventWatch> watch(std::string subject, const Executor& executor);

  /// Wakes the watches of `subject`, each on its own executor.
  void publish(const std::string& subject);

 private:
  std::shared_ptr<EventWatch::Watches> watches_;
};

/// The watches that there are, by subject.
struct EventWatch::Watches {
  std::mutex mutex;
  std::map<std::pair<std::string, EventWatch*>, std::weak_ptr<EventWatch>> all;
};

}  // namespace flashpods
