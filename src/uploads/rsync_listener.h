#pragma once
// The rsync port: one process of the real rsync for each connection, which may write one upload.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "async/awaitable.h"
#include "async/task_group.h"
#include "base/random.h"
#include "uploads/rsync_connection.h"

namespace flashpods::uploads {

struct RsyncOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::size_t max_connections = 10;
  /// Addresses that may connect. Empty is local mode: loopback only, and only our own uid.
  std::vector<std::string> allowed_sources;
  /// Asks for this password of user `flashpods`; for local mode.
  std::optional<std::string> secret;
  std::string rsync_program = "rsync";
  /// argv of the program that calls run_rsync_hook(kHookDescriptor, environ).
  std::vector<std::string> hook;
};

/// Accepts connections until closed. Lives on the loop's thread; what it is given outlives it.
class RsyncListener {
 public:
  /// Binds, listens, and writes rsync's secrets file (0600, beside the transfers).
  /// kUnavailable "cannot_listen" if the address cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<RsyncListener>> open(Executor executor,
                                                                   Receiving receiving,
                                                                   Random& random,
                                                                   RsyncOptions options);
  ~RsyncListener();  ///< after close()

  [[nodiscard]] std::uint16_t port() const;

  /// Takes over the transfers that the previous daemon left running. Before serve(), and before
  /// anyone asks for an upload.
  Awaitable<void> adopt_survivors();

  /// Serves until close(). To be started once, as a task.
  Awaitable<void> serve();

  /// Takes no more connections, ends the processes, and waits until each has given its upload back.
  Awaitable<void> close();

 private:
  RsyncListener(Executor executor, Receiving receiving, Random& random, RsyncOptions options);
  [[nodiscard]] Result<void> listen();
  [[nodiscard]] Result<void> write_secret();
  Awaitable<Result<std::string>> check_peer(const boost::asio::ip::tcp::socket& socket);
  [[nodiscard]] Result<void> check_address(const boost::asio::ip::address& address) const;
  Awaitable<Result<void>> check_user(boost::asio::ip::tcp::endpoint peer,
                                     boost::asio::ip::tcp::endpoint ours);
  [[nodiscard]] std::shared_ptr<RsyncConnection> connection(std::string name, std::string owner);
  Awaitable<void> accept_one();
  Awaitable<void> accept(boost::asio::ip::tcp::socket socket);
  Awaitable<void> run(std::shared_ptr<RsyncConnection> connection,
                      boost::asio::ip::tcp::socket socket);
  void refuse(boost::asio::ip::tcp::socket socket, const Error& why);
  Awaitable<void> run_refusal(std::shared_ptr<boost::asio::ip::tcp::socket> socket,
                              std::string words);
  Awaitable<void> run_survivor(std::shared_ptr<RsyncConnection> connection, FoundTransfer survivor);

  Receiving receiving_;
  Surroundings with_;
  Random& random_;
  RsyncOptions options_;
  std::optional<std::filesystem::path> secrets_file_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<RsyncConnection>> connections_;
  std::size_t refusals_ = 0;    ///< peers that are being told why they are refused
  bool knows_sockets_ = false;  ///< the kernel does (sock_diag.h)
  TaskGroup tasks_;
};

}  // namespace flashpods::uploads
