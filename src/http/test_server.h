#pragma once
// For tests of this folder: a server on its own thread, and a client that speaks raw bytes.

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/fd.h"
#include "http/server.h"

namespace flashpods::http {

/// A blocking TCP connection to 127.0.0.1.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  void send(std::string_view bytes);
  /// All until the server closes.
  std::string read_to_end();
  /// One reply with its Content-Length body; `head_only` for replies to HEAD.
  std::string read_reply(bool head_only = false);
  /// Reads until `text` was seen; what was read.
  std::string read_until(std::string_view text);
  void finish_sending();
  /// True if the server ended the connection in order: no reset, which can cost the reply.
  [[nodiscard]] bool ended_in_order() const { return ended_in_order_ && sent_all_; }
  void close() { socket_.reset(); }

 private:
  bool fill();
  Fd socket_;
  std::string input_;
  bool ended_in_order_ = false;
  bool sent_all_ = true;
};

/// "HTTP/1.1 200 OK…" → 200; 0 for no reply.
int status_of(std::string_view reply);
std::string body_of(std::string_view reply);
std::string header_of(std::string_view reply, std::string_view name);

/// Runs a server on 127.0.0.1 at a free port until it is destroyed.
class TestServer {
 public:
  explicit TestServer(Server::Options options);
  ~TestServer();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void stop(Milliseconds grace);
  /// Waits for serve() to return.
  void wait_until_served();
  std::size_t connections();
  /// What on_fault and on_done were told so far.
  std::vector<std::string> faults();
  std::vector<std::string> done();

  /// One connection, one request, everything that comes back.
  std::string ask(std::string_view bytes);

 private:
  void note(std::vector<std::string>& list, std::string line);
  std::mutex mutex_;
  std::vector<std::string> faults_, done_;
  boost::asio::io_context io_{1};
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::promise<void> served_;
  std::thread thread_;
};

/// Options with an error_reply that gives "CODE: MESSAGE" and the kind's status.
Server::Options test_options(Handler handler, Limits limits = {});

/// Handlers for many tests.
Awaitable<Response> echo(Request request);
Awaitable<Response> hello(Request request);

}  // namespace flashpods::http
