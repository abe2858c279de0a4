#include "uploads/rsync_listener.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "async/event_loop.h"
#include "async/retry.h"
#include "base/files.h"
#include "uploads/loopback_peer.h"
#include "uploads/rsync_config.h"
#include "uploads/rsync_refusal.h"
#include "uploads/sock_diag.h"

namespace flashpods::uploads {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr const char* kSecretsFile = "rsync.users";
constexpr const char* kNoPlace = "no_place";
constexpr std::size_t kNameBytes = 8;
constexpr std::size_t kMostRefusals = 32;
/// Of them, those to peers who may never upload: the others are for clients who may try again.
constexpr std::size_t kMostStrangers = 16;
constexpr Milliseconds kAcceptRetry{100};

Error cannot_listen(const RsyncOptions& options, const boost::system::error_code& error) {
  if (error.value() == ENOSPC) return registration_error(error, "Cannot listen for rsync");
  return {ErrorKind::kUnavailable, "cannot_listen",
          fmt::format("Cannot listen for rsync on {} port {}: {}. Choose another port with "
                      "--rsync-port.",
                      options.address, options.port, error.message())};
}

/// An IPv4 peer that arrived at an IPv6 socket is an IPv4 peer.
asio::ip::address plain(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

std::unexpected<Error> refused(std::string message) {
  return fail(ErrorKind::kForbidden, "peer_refused", std::move(message));
}

bool is_allowed(const std::vector<std::string>& sources, const std::string& address) {
  return std::ranges::find(sources, address) != sources.end();
}

tcp::endpoint plain(const tcp::endpoint& endpoint) {
  return {plain(endpoint.address()), endpoint.port()};
}

}  // namespace

RsyncListener::RsyncListener(Executor executor, Receiving receiving, Random& random,
                             RsyncOptions options)
    : receiving_(receiving),
      with_(receiving.with),
      random_(random),
      options_(std::move(options)),
      acceptor_(executor),
      tasks_(executor, [this](const std::string& task, const std::string& what) {
        with_.log.error("rsync_connection_failed", {{"task", task}, {"why", what}});
      }) {}

RsyncListener::~RsyncListener() = default;

Result<std::unique_ptr<RsyncListener>> RsyncListener::open(Executor executor, Receiving receiving,
                                                           Random& random, RsyncOptions options) {
  std::unique_ptr<RsyncListener> listener(
      new RsyncListener(std::move(executor), receiving, random, std::move(options)));
  if (auto written = listener->write_secret(); !written) return std::unexpected(written.error());
  if (auto listening = listener->listen(); !listening) return std::unexpected(listening.error());
  return listener;
}

Result<void> RsyncListener::listen() {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) return std::unexpected(cannot_listen(options_, error));
  const tcp::endpoint endpoint(address, options_.port);
  const auto step = [&](auto action) {
    if (!error) action();
  };
  step([&] { acceptor_.open(endpoint.protocol(), error); });
  step([&] { ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC); });
  step([&] { acceptor_.set_option(tcp::acceptor::reuse_address(true), error); });
  step([&] { acceptor_.bind(endpoint, error); });
  step([&] { acceptor_.listen(asio::socket_base::max_listen_connections, error); });
  if (error) return std::unexpected(cannot_listen(options_, error));
  // A kernel without sock_diag says of every socket that there is none; of this one there is.
  const auto owner =
      socket_owner(acceptor_.local_endpoint(), tcp::endpoint(endpoint.protocol(), 0));
  knows_sockets_ = owner && *owner;
  return {};
}

Result<void> RsyncListener::write_secret() {
  if (!options_.secret) return {};
  const auto& paths = receiving_.files.directories().paths();
  secrets_file_ = paths.transfers.parent_path() / kSecretsFile;
  return write_file_durably(*secrets_file_, fmt::format("{}:{}\n", kRsyncUser, *options_.secret));
}

std::uint16_t RsyncListener::port() const { return acceptor_.local_endpoint().port(); }

Awaitable<void> RsyncListener::serve() {
  while (acceptor_.is_open()) {
    const auto failure = co_await failure_of(accept_one());
    if (failure) with_.log.write(LogLevel::kError, "rsync_not_accepted", {{"why", *failure}});
    if (failure) co_await with_.timer.sleep_for(kAcceptRetry);
  }
}

Awaitable<void> RsyncListener::accept_one() {
  auto [error, socket] = co_await acceptor_.async_accept(kTuple);
  if (!error) {
    co_await accept(std::move(socket));
  } else if (acceptor_.is_open()) {
    // Out of descriptors or of epoll watches, most likely: it passes.
    co_await with_.timer.sleep_for(kAcceptRetry);
  }
}

Result<void> RsyncListener::check_address(const asio::ip::address& address) const {
  if (options_.allowed_sources.empty()) {
    if (address.is_loopback()) return {};
    return refused("Only connections from this machine are accepted.");
  }
  if (is_allowed(options_.allowed_sources, address.to_string())) return {};
  return refused("This address is not allowed to upload here.");
}

/// Every local user may connect, as often as he likes, so this costs one lookup by the kernel. Only
/// where it makes none the table of all connections is read, off the loop, one connection at a
/// time.
Awaitable<Result<void>> RsyncListener::check_user(tcp::endpoint peer, tcp::endpoint ours) {
  auto owner = socket_owner(peer, ours);
  if (!owner || (!*owner && !knows_sockets_)) {
    auto scan = [peer, ours] { return uid_of_peer(peer, ours); };
    owner = co_await receiving_.files.pool().run(std::move(scan));
  }
  if (*owner == ::getuid()) co_return Result<void>{};
  co_return refused("Only the user who started this daemon may upload to it.");
}

/// Who may never upload is refused before he could take a place.
Awaitable<Result<std::string>> RsyncListener::check_peer(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto peer = plain(socket.remote_endpoint(error));
  const auto ours = error ? tcp::endpoint() : plain(socket.local_endpoint(error));
  if (error) co_return refused("The connection is gone.");
  if (auto allowed = check_address(peer.address()); !allowed) {
    co_return std::unexpected(allowed.error());
  }
  if (options_.allowed_sources.empty()) {
    const auto user = co_await check_user(peer, ours);
    if (!user) co_return std::unexpected(user.error());
  }
  if (connections_.size() >= options_.max_connections) {
    co_return fail(ErrorKind::kUnavailable, kNoPlace,
                   fmt::format("There are {} transfers already. Try again in a moment.",
                               options_.max_connections));
  }
  co_return peer.address().to_string();
}

std::shared_ptr<RsyncConnection> RsyncListener::connection(std::string name, std::string owner) {
  RsyncProgram program{options_.rsync_program, options_.hook, secrets_file_};
  return connections_.emplace_back(std::make_shared<RsyncConnection>(
      acceptor_.get_executor(), receiving_, std::move(program), std::move(name), std::move(owner)));
}

Awaitable<void> RsyncListener::adopt_survivors() {
  auto survivors = co_await receiving_.uploads.survivors();
  for (auto& survivor : survivors) {
    auto served = connection(survivor.name, "");
    tasks_.start("rsync", run_survivor(std::move(served), std::move(survivor)));
  }
}

Awaitable<void> RsyncListener::accept(tcp::socket socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  const auto owner = co_await check_peer(socket);
  if (!owner) {
    refuse(std::move(socket), owner.error());
    co_return;
  }
  auto served = connection(random_hex(random_, kNameBytes), *owner);
  tasks_.start("rsync", run(std::move(served), std::move(socket)));
}

/// Words take a while to be read. Beyond a number of those who read them the rest gets none, so
/// that being refused costs a stranger's crowd its sockets and not ours.
void RsyncListener::refuse(tcp::socket socket, const Error& why) {
  if (refusals_ >= (why.code == kNoPlace ? kMostRefusals : kMostStrangers)) return;
  ++refusals_;
  auto shared = std::make_shared<tcp::socket>(std::move(socket));
  tasks_.start("refuse", run_refusal(std::move(shared), why.message));
}

Awaitable<void> RsyncListener::run_refusal(std::shared_ptr<tcp::socket> socket, std::string words) {
  const std::unique_ptr<void, std::function<void(void*)>> leave(this, [&](void*) { --refusals_; });
  co_await refuse_client(std::move(socket), with_.timer, std::move(words));
}

Awaitable<void> RsyncListener::run(std::shared_ptr<RsyncConnection> connection,
                                   tcp::socket socket) {
  // However it ends, its place is free again.
  const std::unique_ptr<void, std::function<void(void*)>> leave(
      this, [&](void*) { std::erase(connections_, connection); });
  co_await connection->run(std::move(socket));
}

Awaitable<void> RsyncListener::run_survivor(std::shared_ptr<RsyncConnection> connection,
                                            FoundTransfer survivor) {
  const std::unique_ptr<void, std::function<void(void*)>> leave(
      this, [&](void*) { std::erase(connections_, connection); });
  co_await connection->run_survivor(std::move(survivor));
}

Awaitable<void> RsyncListener::close() {
  acceptor_.close();
  for (const auto& connection : connections_) connection->stop();
  co_await tasks_.join();
  co_await tasks_.close();
}

}  // namespace flashpods::uploads
