#include "http/wire.h"

#include <algorithm>
#include <cerrno>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace flashpods::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kFilePiece = 1024 * 1024;

/// Where every read lands first: idle connections hold no buffer of their own.
std::array<char, kReadSize>& landing() {
  thread_local std::array<char, kReadSize> bytes;
  return bytes;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

void drop_front(Wire::Pieces& pieces, std::size_t count) {
  for (auto& piece : pieces) {
    const std::size_t taken = std::min(count, piece.size());
    piece.remove_prefix(taken);
    count -= taken;
  }
}

/// Bytes sent, or -1 with errno; -1 and EAGAIN if nothing fits now.
ssize_t send_some(int socket, const Wire::Pieces& pieces, bool more) {
  std::array<iovec, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent = -1;
  do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
  while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t receive_some(int socket, std::array<char, kReadSize>& bytes, int flags = 0) {
  ssize_t got = -1;
  do got = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | flags);
  while (got < 0 && errno == EINTR);
  return got;
}

bool peer_is_gone(int socket) {
  std::array<char, kReadSize>& bytes = landing();
  const ssize_t got = receive_some(socket, bytes, MSG_PEEK);
  return got == 0 || (got < 0 && !would_block());
}

}  // namespace

Wire::Wire(Socket socket)
    : socket_(std::move(socket)), deadline_(socket_.get_executor(), [this] { expire(); }) {}

void Wire::expire() {
  if (blocked_since_ && peer_takes_enough()) return deadline_.arm(write_progress_);
  error_code ignored;
  socket_.cancel(ignored);
}

/// Asked at the end of each period.
bool Wire::peer_takes_enough() {
  const std::size_t before = std::exchange(unsent_, unsent());
  const auto least = kLeastRate * static_cast<std::size_t>(write_progress_.count()) / 1000;
  return before >= unsent_ + std::max<std::size_t>(1, least);
}

/// Bytes that the kernel holds for the peer: not sent, or not acknowledged (SIOCOUTQ of tcp(7)).
std::size_t Wire::unsent() {
  int bytes = 0;
  if (::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) != 0) return 0;
  return static_cast<std::size_t>(std::max(bytes, 0));
}

Awaitable<Wire::Arrival> Wire::wait_for_input() {
  if (deadline_.expired()) co_return Arrival::kTimedOut;
  error_code error;
  co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
  if (!error) co_return Arrival::kData;
  co_return deadline_.expired() ? Arrival::kTimedOut : Arrival::kClosed;
}

Awaitable<Wire::Arrival> Wire::wait_readable() {
  if (!input_.empty()) co_return Arrival::kData;
  input_ = std::string();
  co_return co_await wait_for_input();
}

Awaitable<Wire::Arrival> Wire::read_more() {
  while (true) {
    const ssize_t got = receive_some(socket_.native_handle(), landing());
    if (got > 0) {
      input_.append(landing().data(), static_cast<std::size_t>(got));
      co_return Arrival::kData;
    }
    if (got == 0 || !would_block()) co_return Arrival::kClosed;
    const Arrival arrival = co_await wait_for_input();
    if (arrival != Arrival::kData) co_return arrival;
  }
}

Awaitable<bool> Wire::wait_writable() {
  deadline_.arm(write_progress_);
  blocked_since_ = Moment::clock::now();
  unsent_ = unsent();
  error_code error;
  co_await socket_.async_wait(Socket::wait_write, asio::redirect_error(asio::use_awaitable, error));
  blocked_since_.reset();
  deadline_.disarm();
  co_return !error;
}

Awaitable<bool> Wire::send(Pieces pieces, bool more) {
  while (std::ranges::any_of(pieces, [](std::string_view p) { return !p.empty(); })) {
    const ssize_t sent = send_some(socket_.native_handle(), pieces, more);
    if (sent >= 0) {
      drop_front(pieces, static_cast<std::size_t>(sent));
      continue;
    }
    if (!would_block() || !co_await wait_writable()) co_return false;
  }
  co_return true;
}

Awaitable<bool> Wire::send_file(int file, std::uint64_t offset, std::uint64_t length) {
  auto at = static_cast<off_t>(offset);
  while (length > 0) {
    // Waiting each time lets other connections have their turn, however fast this peer reads.
    if (!co_await wait_writable()) co_return false;
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(length, kFilePiece));
    const ssize_t sent = ::sendfile(socket_.native_handle(), file, &at, piece);
    if (sent == 0) co_return false;  // the file is shorter than promised
    if (sent < 0 && !would_block() && errno != EINTR) co_return false;
    if (sent > 0) length -= static_cast<std::uint64_t>(sent);
  }
  co_return true;
}

void Wire::watch(std::function<void()> gone) {
  if (!input_.empty()) return;  // a pipelined request is waiting: the end cannot be seen behind it
  watcher_ = std::make_shared<std::function<void()>>(std::move(gone));
  const std::weak_ptr<std::function<void()>> weak = watcher_;
  const int socket = socket_.native_handle();
  socket_.async_wait(Socket::wait_read, [weak, socket](error_code error) {
    const auto callback = weak.lock();
    if (callback && !error && peer_is_gone(socket)) (*callback)();
  });
}

void Wire::end_watch() {
  if (!watcher_) return;
  watcher_.reset();
  error_code ignored;
  socket_.cancel(ignored);
}

Awaitable<void> Wire::linger(Milliseconds limit) {
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) co_return;
  input_ = std::string();
  deadline_.arm(limit);
  while (!deadline_.expired() && co_await wait_for_input() == Arrival::kData) {
    // At the peer's end recv() gives 0 and leaves errno as it was.
    const ssize_t got = receive_some(socket_.native_handle(), landing());
    if (got == 0 || (got < 0 && !would_block())) break;
  }
}

}  // namespace flashpods::http
