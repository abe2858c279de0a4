#include "http/server.h"

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "async/event_loop.h"
#include "async/retry.h"
#include "http/connection.h"
#include "http/listener.h"
#include "http/service.h"

namespace flashpods::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr Milliseconds kFullPause{100};       // between tries to accept when there is no room
constexpr Milliseconds kInsistEvery{250};     // between cancellations once the grace is over
constexpr Milliseconds kReportEvery{10'000};  // of failing to accept

/// The peer left before it was accepted, or a signal came: the next one may be fine (accept(2)).
bool is_passing(int error) {
  return error == EAGAIN || error == EINTR || error == ECONNABORTED || error == EPROTO ||
         error == ENETDOWN || error == EHOSTUNREACH || error == ENETUNREACH || error == EPERM;
}

std::string describe_thrown(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted ? std::string() : error.what();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of an unknown type";
  }
}

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Impl> {
  Impl(Executor e, Options options)
      : executor(std::move(e)),
        service(std::make_shared<Service>()),
        readable(executor),
        wake(executor),
        grace_over(executor) {
    service->options = std::move(options);
  }

  Awaitable<void> accept_until_stopped();
  Awaitable<void> accept_one();
  Awaitable<void> wait_for_connection();
  Awaitable<void> wait_for_change(Milliseconds at_most);
  Awaitable<void> drain();
  Awaitable<void> recover_from(std::string failure);
  void report_accept(const std::string& failure);
  [[nodiscard]] bool full() const;
  void make_room();
  Awaitable<void> admit(Listener::Accepted accepted);
  Awaitable<bool> watched(Wire::Socket& socket, Listener::Accepted& accepted);
  void start(Wire::Socket socket, Peer peer);
  void ended(const std::shared_ptr<Connection>& connection, const std::exception_ptr& thrown);
  void stop(Milliseconds grace);
  void insist_after(Milliseconds wait);
  void cancel_all();

  Executor executor;
  std::shared_ptr<Service> service;
  Listener listener;
  asio::posix::stream_descriptor readable;  // the listener's descriptor, borrowed to wait on it
  asio::steady_timer wake;                  // cancelled whenever something below changed
  asio::steady_timer grace_over;
  std::set<std::shared_ptr<Connection>> connections;
  asio::steady_timer::time_point next_report;
};

Awaitable<void> Server::Impl::wait_for_change(Milliseconds at_most) {
  wake.expires_after(at_most);
  error_code woken;
  co_await wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

Awaitable<void> Server::Impl::wait_for_connection() {
  error_code ignored;
  co_await readable.async_wait(asio::posix::stream_descriptor::wait_read,
                               asio::redirect_error(asio::use_awaitable, ignored));
}

Awaitable<void> Server::Impl::accept_until_stopped() {
  while (!service->stopping) {
    const auto failure = co_await failure_of(accept_one());
    if (failure) co_await recover_from(*failure);
  }
}

bool Server::Impl::full() const {
  return connections.size() >= service->options.limits.connections;
}

/// Whoever holds a connection without asking for anything, or without reading the answers, must not
/// keep others out.
void Server::Impl::make_room() {
  std::shared_ptr<Connection> longest;
  auto since = Connection::Moment::clock::now() - service->options.limits.patience_when_full;
  for (const auto& connection : connections) {
    const auto waits = connection->waits_since();
    if (!waits || *waits > since) continue;
    since = *waits;
    longest = connection;
  }
  if (longest) longest->cancel();
}

Awaitable<void> Server::Impl::accept_one() {
  co_await wait_for_connection();
  if (service->stopping) co_return;
  if (full()) {
    make_room();
    co_return co_await wait_for_change(kFullPause);
  }
  auto accepted = listener.accept();
  if (accepted) co_return co_await admit(std::move(*accepted));
  if (!is_passing(accepted.error())) co_await recover_from(std::strerror(accepted.error()));
}

/// Without a free descriptor the listener stays readable: waiting is what keeps this from spinning
/// (and the peer stays in the backlog).
Awaitable<void> Server::Impl::recover_from(std::string failure) {
  report_accept(failure);
  make_room();
  co_await wait_for_change(kFullPause);
}

// Where idle peers make room one by one, each second attempt to accept fails.
void Server::Impl::report_accept(const std::string& failure) {
  const auto now = asio::steady_timer::clock_type::now();
  if (now < next_report) return;
  next_report = now + kReportEvery;
  service->fault("cannot accept connections, trying again: " + failure, "");
}

/// Whether the loop has the socket. While it takes none the peer waits, as in the backlog.
Awaitable<bool> Server::Impl::watched(Wire::Socket& socket, Listener::Accepted& accepted) {
  const asio::generic::stream_protocol protocol(accepted.peer.local_port == 0 ? AF_UNIX : AF_INET,
                                                0);
  while (!service->stopping) {
    error_code refused;
    socket.assign(protocol, accepted.socket.get(), refused);
    if (!refused) {
      (void)accepted.socket.release();
      co_return true;
    }
    co_await recover_from(registration_error(refused, "no connection is watched").message);
  }
  co_return false;
}

Awaitable<void> Server::Impl::admit(Listener::Accepted accepted) {
  const Admit& may_enter = service->options.admit;
  if (may_enter && !may_enter(accepted.peer)) co_return;
  Wire::Socket socket(executor);
  if (co_await watched(socket, accepted)) start(std::move(socket), std::move(accepted.peer));
}

void Server::Impl::start(Wire::Socket socket, Peer peer) {
  const auto connection = std::make_shared<Connection>(std::move(socket), std::move(peer), service);
  connections.insert(connection);
  auto on_end = [impl = weak_from_this(), connection](const std::exception_ptr& thrown) {
    if (const auto self = impl.lock()) self->ended(connection, thrown);
  };
  asio::co_spawn(executor, connection->run(),
                 asio::bind_cancellation_slot(connection->cancellation_slot(), std::move(on_end)));
}

void Server::Impl::ended(const std::shared_ptr<Connection>& connection,
                         const std::exception_ptr& thrown) {
  connections.erase(connection);
  wake.cancel();
  const std::string what = thrown ? describe_thrown(thrown) : std::string();
  if (!what.empty()) service->fault(what, "");
}

void Server::Impl::stop(Milliseconds grace) {
  if (std::exchange(service->stopping, true)) return;
  error_code ignored;
  if (readable.is_open()) {
    readable.cancel(ignored);
    (void)readable.release();
  }
  listener.close();
  wake.cancel();
  const auto now_open = connections;
  for (const auto& connection : now_open) connection->ask_to_end();
  if (!connections.empty()) insist_after(grace);
}

void Server::Impl::insist_after(Milliseconds wait) {
  grace_over.expires_after(wait);
  grace_over.async_wait([impl = weak_from_this()](error_code aborted) {
    const auto self = impl.lock();
    if (aborted || !self || self->connections.empty()) return;
    self->cancel_all();
    self->insist_after(kInsistEvery);
  });
}

void Server::Impl::cancel_all() {
  const auto now_open = connections;
  for (const auto& connection : now_open) connection->cancel();
}

Awaitable<void> Server::Impl::drain() {
  while (!connections.empty()) co_await wait_for_change(std::chrono::hours(1));
  grace_over.cancel();
}

Server::Server(Executor executor, Options options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options))) {}

Server::~Server() {
  impl_->stop(Milliseconds(0));
  impl_->cancel_all();
}

Result<std::uint16_t> Server::listen(const std::string& address, std::uint16_t port) {
  auto bound = impl_->listener.open(address, port);
  if (!bound) return bound;
  error_code refused;
  impl_->readable.assign(impl_->listener.native_handle(), refused);
  if (refused) return std::unexpected(registration_error(refused, "Cannot listen"));
  return bound;
}

Awaitable<void> Server::serve() {
  const std::shared_ptr<Impl> impl = impl_;
  std::exception_ptr cancelled;
  try {
    co_await impl->accept_until_stopped();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  if (cancelled) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    impl->stop(Milliseconds(0));
  }
  co_await impl->drain();
  if (cancelled) std::rethrow_exception(cancelled);
}

void Server::stop(Milliseconds grace) { impl_->stop(grace); }

std::size_t Server::connections() const { return impl_->connections.size(); }

}  // namespace flashpods::http
