#include "http/test_server.h"

#include <arpa/inet.h>
#include <array>
#include <map>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace flashpods::http {

namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

int to_status(ErrorKind kind) {
  static const std::map<ErrorKind, int> statuses = {
      {ErrorKind::kExhausted, 429},  {ErrorKind::kInvalid, 400},        {ErrorKind::kTooLarge, 413},
      {ErrorKind::kTimeout, 408},    {ErrorKind::kHeaderTooLarge, 431}, {ErrorKind::kInternal, 500},
      {ErrorKind::kUnavailable, 503}};
  return statuses.at(kind);
}

Response error_reply(const Error& error, const std::string&) {
  return Response{to_status(error.kind), {}, error.code + ": " + error.message};
}

std::string describe(const Request& request) {
  std::string text = request.method;
  for (const auto& segment : request.path) text += "|" + segment;
  for (const auto& [name, value] : request.query) text += "?" + name + "=" + value;
  return text + "#" + request.body;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{20, 0};  // a broken server fails the test instead of hanging it
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int send_buffer = 64 * 1024;  // so that a long send notices a reset
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  if (receive_buffer > 0)
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("connect failed");
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    sent_all_ = sent > 0;
    if (!sent_all_) return;  // the server closed: what it said is still to be read
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool RawClient::fill() {
  std::array<char, 65536> piece;
  const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
  if (got > 0) input_.append(piece.data(), static_cast<std::size_t>(got));
  ended_in_order_ = got == 0;
  return got > 0;
}

std::string RawClient::read_to_end() {
  while (fill()) {
  }
  return std::exchange(input_, {});
}

std::string RawClient::read_until(std::string_view text) {
  while (input_.find(text) == std::string::npos && fill()) {
  }
  const auto at = input_.find(text);
  const auto size = at == std::string::npos ? input_.size() : at + text.size();
  std::string taken = input_.substr(0, size);
  input_.erase(0, size);
  return taken;
}

std::string RawClient::read_reply(bool head_only) {
  std::string reply = read_until(kEnd);
  const std::string length = header_of(reply, "Content-Length");
  if (head_only || length.empty()) return reply;
  const std::size_t size = std::stoul(length);
  while (input_.size() < size && fill()) {
  }
  reply += input_.substr(0, size);
  input_.erase(0, size);
  return reply;
}

void RawClient::finish_sending() { ::shutdown(socket_.get(), SHUT_WR); }

int status_of(std::string_view reply) {
  return reply.size() < 12 ? 0 : std::stoi(std::string(reply.substr(9, 3)));
}

std::string body_of(std::string_view reply) {
  const auto at = reply.find(kEnd);
  return at == std::string_view::npos ? "" : std::string(reply.substr(at + kEnd.size()));
}

std::string header_of(std::string_view reply, std::string_view name) {
  const std::string_view head = reply.substr(0, reply.find(kEnd));
  const auto at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string_view::npos) return {};
  const auto begin = at + name.size() + 4;
  return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

TestServer::TestServer(Server::Options options) {
  options.on_fault = [this](std::string_view what, std::string_view) {
    note(faults_, std::string(what));
  };
  options.on_done = [this](const Request& request, int status, std::uint64_t bytes, Milliseconds) {
    note(done_, request.method + " " + std::to_string(status) + " " + std::to_string(bytes));
  };
  server_ = std::make_unique<Server>(io_.get_executor(), std::move(options));
  const auto bound = server_->listen("127.0.0.1", 0);
  if (!bound) throw std::runtime_error(bound.error().message);
  port_ = *bound;
  boost::asio::co_spawn(io_, server_->serve(), [this](std::exception_ptr) { served_.set_value(); });
  thread_ = std::thread([this] { io_.run(); });
}

TestServer::~TestServer() {
  stop(Milliseconds(0));
  thread_.join();
}

void TestServer::stop(Milliseconds grace) {
  boost::asio::post(io_, [this, grace] { server_->stop(grace); });
}

void TestServer::wait_until_served() { served_.get_future().wait(); }

std::size_t TestServer::connections() {
  std::promise<std::size_t> count;
  boost::asio::post(io_, [&] { count.set_value(server_->connections()); });
  return count.get_future().get();
}

void TestServer::note(std::vector<std::string>& list, std::string line) {
  const std::scoped_lock lock(mutex_);
  list.push_back(std::move(line));
}

std::vector<std::string> TestServer::faults() {
  const std::scoped_lock lock(mutex_);
  return faults_;
}

std::vector<std::string> TestServer::done() {
  const std::scoped_lock lock(mutex_);
  return done_;
}

std::string TestServer::ask(std::string_view bytes) {
  RawClient client(port_);
  client.send(bytes);
  client.finish_sending();
  return client.read_to_end();
}

Server::Options test_options(Handler handler, Limits limits) {
  Server::Options options;
  options.limits = limits;
  options.handler = std::move(handler);
  options.error_reply = error_reply;
  return options;
}

Awaitable<Response> echo(Request request) {
  co_return Response{200, {{"Content-Type", "text/plain"}}, describe(request)};
}

Awaitable<Response> hello(Request) { co_return Response{200, {}, std::string("hello")}; }

}  // namespace flashpods::http
