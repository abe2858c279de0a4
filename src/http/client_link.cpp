#include "http/client_link.h"

#include <array>
#include <fcntl.h>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

namespace flashpods::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadSize = 64 * 1024;

/// Every read lands here first; it is used up before the loop turns again.
std::array<char, kReadSize>& landing() {
  thread_local std::array<char, kReadSize> bytes;
  return bytes;
}

}  // namespace

ClientLink::ClientLink(Executor executor)
    : socket_(executor), resolver_(executor), deadline_(executor, [this] {
        error_code ignored;
        resolver_.cancel();
        socket_.close(ignored);  // unlike cancel, also ends what has not begun to wait
      }) {}

error_code ClientLink::settle(error_code error) const {
  if (error && deadline_.expired()) return asio::error::timed_out;
  if (error != asio::error::operation_aborted) return error;
  throw boost::system::system_error(error);
}

Awaitable<error_code> ClientLink::try_one(tcp::endpoint endpoint) {
  error_code error;
  socket_.close(error);
  socket_.open(endpoint.protocol(), error);
  if (error) co_return error;
  ::fcntl(socket_.native_handle(), F_SETFD, FD_CLOEXEC);  // SOCK_CLOEXEC is not on every system
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  co_return settle(error);
}

Awaitable<error_code> ClientLink::connect(Origin origin, Milliseconds limit) {
  deadline_.arm(limit);
  error_code error;
  const std::string port = std::to_string(origin.port);
  const auto found = co_await resolver_.async_resolve(
      origin.host, port, asio::redirect_error(asio::use_awaitable, error));
  error = settle(error);
  if (error) co_return error;
  error = asio::error::host_not_found;
  for (const auto& entry : found) {
    error = co_await try_one(entry.endpoint());
    if (!error || deadline_.expired()) break;
  }
  deadline_.cancel();
  co_return error;
}

Awaitable<error_code> ClientLink::send(std::string_view head, std::string_view body) {
  const std::vector<asio::const_buffer> pieces{asio::buffer(head), asio::buffer(body)};
  error_code error;
  co_await asio::async_write(socket_, pieces, asio::redirect_error(asio::use_awaitable, error));
  co_return settle(error);
}

Awaitable<error_code> ClientLink::read_more() {
  error_code error;
  co_await socket_.async_wait(tcp::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  error = settle(error);
  if (error) co_return error;
  socket_.non_blocking(true, error);
  const std::size_t got = socket_.read_some(asio::buffer(landing()), error);
  if (error == asio::error::would_block) co_return co_await read_more();
  input_.append(landing().data(), got);
  co_return error;
}

}  // namespace flashpods::http
