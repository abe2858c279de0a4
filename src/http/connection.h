#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <boost/asio/cancellation_signal.hpp>

#include "http/message.h"
#include "http/request_reader.h"
#include "http/service.h"
#include "http/wire.h"

namespace flashpods::http {

class ReplyWriter;

/// One accepted connection and its requests, one after the other:
///   wait (idle) → read → handler → reply → wait …, and a lingering close after the last.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Fine enough to tell who came first.
  using Moment = Wire::Moment;

  Connection(Wire::Socket socket, Peer peer, std::shared_ptr<Service> service);

  /// Runs until the connection is over; to be spawned with cancellation_slot().
  Awaitable<void> run();
  [[nodiscard]] boost::asio::cancellation_slot cancellation_slot() { return signal_.slot(); }

  /// The server is stopping: ends an idle connection and a stream; a reply under way goes on.
  void ask_to_end();
  /// Since when its peer has owed it the next byte of a request, or has read nothing of a reply;
  /// nothing while it is served, and for a stream, whose pauses are its own.
  [[nodiscard]] std::optional<Moment> waits_since() const;
  /// Time is up: whatever it waits for is cancelled. A cancelled handler still gets its 503 out.
  void cancel();

 private:
  enum class Phase { kIdle, kReading, kBusy, kStreaming };

  void enter(Phase phase);
  Awaitable<bool> wait_for_request();
  Awaitable<bool> serve_one();
  Awaitable<Response> answer(Incoming& incoming);
  Awaitable<Response> call_handler(Request request);
  [[nodiscard]] Response within_stream_limit(Response response, const std::string& id) const;
  Awaitable<bool> reply(const Incoming& seen, const Response& response, Milliseconds begin);
  Awaitable<bool> write(ReplyWriter& writer, const Response& response, std::string id);
  Response error_reply(const Error& error, const std::string& id) const;

  Wire wire_;
  Peer peer_;
  std::shared_ptr<Service> service_;
  boost::asio::cancellation_signal signal_;
  Phase phase_ = Phase::kIdle;
  Moment phase_began_;
  bool owes_linger_ = false;
};

}  // namespace flashpods::http
