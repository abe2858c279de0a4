#include "http/connection.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "http/reply_writer.h"

namespace flashpods::http {

namespace asio = boost::asio;

namespace {

constexpr Milliseconds kLinger{1'000};

Error shutting_down() {
  return Error{ErrorKind::kUnavailable, "shutting_down",
               "the server is stopping; send the request again in a moment"};
}

Error internal_error() {
  return Error{ErrorKind::kInternal, "internal_error",
               "the server failed on this request; its log has the cause under the request's id"};
}

Error too_many_streams(std::size_t most) {
  return Error{ErrorKind::kExhausted, "too_many_streams",
               std::to_string(most) +
                   " streams are open, and no more are served at a time: read without follow=1, or "
                   "try again once one has ended"};
}

bool says_close(const Headers& headers) {
  const auto found = headers.find("connection");
  const CaseInsensitiveLess less;
  return found != headers.end() && !less(found->second, "close") && !less("close", found->second);
}

/// What is still needed of a request once the handler has it; `whole` for the access log, which
/// sees all but the body.
Request to_log(const Request& request, bool whole) {
  Request copy;
  copy.method = request.method;
  copy.request_id = request.request_id;
  if (!whole) return copy;
  copy.path = request.path;
  copy.query = request.query;
  copy.headers = request.headers;
  copy.peer = request.peer;
  return copy;
}

/// An exception as text; nothing if it only says that its task was cancelled.
std::string describe(const std::exception_ptr& thrown) {
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

/// A cancelled task would be thrown out of its next wait; a reply is still to be written.
const auto kForgetCancellation =
    asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());

}  // namespace

Connection::Connection(Wire::Socket socket, Peer peer, std::shared_ptr<Service> service)
    : wire_(std::move(socket)), peer_(std::move(peer)), service_(std::move(service)) {
  wire_.set_write_progress(service_->options.limits.write_progress);
  enter(Phase::kIdle);
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  phase_began_ = Moment::clock::now();
}

std::optional<Connection::Moment> Connection::waits_since() const {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kReading:
      return phase_began_;
    case Phase::kBusy:
      return wire_.blocked_since();
    case Phase::kStreaming:
      return std::nullopt;
  }
  return std::nullopt;
}

void Connection::ask_to_end() {
  if (phase_ == Phase::kIdle || phase_ == Phase::kStreaming) cancel();
}

void Connection::cancel() { signal_.emit(asio::cancellation_type::terminal); }

Awaitable<void> Connection::run() {
  while (co_await wait_for_request())
    if (!co_await serve_one()) break;
  if (owes_linger_) co_await wire_.linger(kLinger);
}

Awaitable<bool> Connection::wait_for_request() {
  enter(Phase::kIdle);
  if (service_->stopping) co_return false;
  wire_.expect_input_within(service_->options.limits.idle_timeout);
  const Wire::Arrival arrival = co_await wire_.wait_readable();
  enter(Phase::kReading);
  co_return arrival == Wire::Arrival::kData;
}

Awaitable<bool> Connection::serve_one() {
  const Milliseconds begin = service_->clock.monotonic();
  Incoming incoming = co_await read_request(wire_, service_->options.limits);
  enter(Phase::kBusy);
  if (incoming.gone) co_return false;
  incoming.request.peer = peer_;
  incoming.request.request_id = service_->request_id(incoming.request.header("x-request-id"));
  Incoming seen;
  seen.request = to_log(incoming.request, bool(service_->options.on_done));
  seen.keep_alive = incoming.keep_alive && !incoming.refused;
  seen.http_1_0 = incoming.http_1_0;
  Response answered = co_await answer(incoming);
  const Response response = within_stream_limit(std::move(answered), seen.request.request_id);
  co_return co_await reply(seen, response, begin);
}

Awaitable<Response> Connection::answer(Incoming& incoming) {
  if (incoming.refused) co_return error_reply(*incoming.refused, incoming.request.request_id);
  co_return co_await call_handler(std::move(incoming.request));
}

Awaitable<Response> Connection::call_handler(Request request) {
  const std::string id = request.request_id;
  std::optional<Response> response;
  std::exception_ptr thrown;
  try {
    Awaitable<Response> pending = service_->options.handler(std::move(request));
    response = co_await std::move(pending);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown || service_->stopping) co_await kForgetCancellation;
  if (response) co_return std::move(*response);
  const std::string what = describe(thrown);
  if (what.empty() && service_->stopping) co_return error_reply(shutting_down(), id);
  service_->fault(what.empty() ? "the handler was cancelled" : what, id);
  co_return error_reply(internal_error(), id);
}

/// A stream may last as long as a job, so that streams alone could take every connection.
Response Connection::within_stream_limit(Response response, const std::string& id) const {
  const std::size_t most = std::max<std::size_t>(1, service_->options.limits.connections / 2);
  const bool is_stream = std::holds_alternative<StreamBody>(response.body);
  if (!is_stream || service_->streams < most) return response;
  return error_reply(too_many_streams(most), id);
}

Awaitable<bool> Connection::reply(const Incoming& seen, const Response& response,
                                  Milliseconds begin) {
  const Service& service = *service_;
  const bool close = !seen.keep_alive || service.stopping || says_close(response.headers);
  ReplyManner manner;
  manner.head_only = seen.request.method == "HEAD";
  manner.http_1_0 = seen.http_1_0;
  manner.close = close;
  manner.request_id = seen.request.request_id;
  manner.date = service_->date();
  ReplyWriter writer(wire_, manner);
  const bool sent = co_await write(writer, response, seen.request.request_id);
  owes_linger_ = sent && close;
  if (service.options.on_done) {
    const Milliseconds took = service.clock.monotonic() - begin;
    service.options.on_done(seen.request, response.status, writer.bytes(), took);
  }
  co_return sent && !close;
}

Awaitable<bool> Connection::write(ReplyWriter& writer, const Response& response, std::string id) {
  if (!std::holds_alternative<StreamBody>(response.body)) co_return co_await writer.write(response);
  enter(Phase::kStreaming);
  ++service_->streams;
  if (service_->stopping) cancel();
  wire_.watch([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
  bool sent = false;
  std::exception_ptr thrown;
  try {
    sent = co_await writer.write(response);
  } catch (...) {
    thrown = std::current_exception();
  }
  --service_->streams;
  enter(Phase::kBusy);
  wire_.end_watch();
  co_await kForgetCancellation;
  const std::string what = thrown ? describe(thrown) : std::string();
  if (!what.empty()) service_->fault(what, id);
  co_return sent;
}

Response Connection::error_reply(const Error& error, const std::string& id) const {
  return service_->options.error_reply(error, id);
}

}  // namespace flashpods::http
