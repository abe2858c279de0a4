#pragma once
// Ctrl-C and SIGTERM as something to wait for.

#include <optional>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/signal_set.hpp>

#include "async/awaitable.h"
#include "cli/session.h"

namespace flashpods::cli {

/// Catches SIGINT and SIGTERM while it lives.
class Interrupts {
 public:
  explicit Interrupts(Session& session);
  /// Returns at the next one; one that came while nobody waited counts.
  Awaitable<void> next();

 private:
  boost::asio::signal_set signals_;
};

/// The operation's value, or nothing if an interrupt came first; the operation is cancelled then.
template <class T>
Awaitable<std::optional<T>> unless_interrupted(Interrupts& interrupts, Awaitable<T> operation) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto first = co_await (std::move(operation) || interrupts.next());
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return std::nullopt;
}

/// What a person wants done with a running job.
enum class InterruptAnswer { kContinue, kKill, kDetach };

/// Asks on the terminal; a second interrupt is kKill. Where nobody can be asked: kKill at once.
Awaitable<InterruptAnswer> ask_what_to_do(Session& session, Interrupts& interrupts);

/// The meaning of the line a person typed.
[[nodiscard]] InterruptAnswer read_answer(std::string_view line);

}  // namespace flashpods::cli
