#include "http/listener.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "base/text.h"

namespace flashpods::http {

namespace {

constexpr int kBacklog = 4096;  // cut to net.core.somaxconn by the kernel

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

template <class Specific>
Address to_address(const Specific& specific) {
  Address address;
  std::memcpy(&address.storage, &specific, sizeof specific);
  address.size = sizeof specific;
  return address;
}

std::optional<Address> parse_ip(const std::string& text, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  const std::string& numeric = text == "localhost" ? "127.0.0.1" : text;
  if (inet_pton(AF_INET, numeric.c_str(), &v4.sin_addr) == 1) return to_address(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) return to_address(v6);
  return std::nullopt;
}

std::optional<Address> unix_address(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) return std::nullopt;
  std::memcpy(name.sun_path, path.data(), path.size());
  return to_address(name);
}

struct Endpoint {
  std::string ip;
  std::uint16_t port = 0;
};

/// A v4 address that came through a v6 socket is told as v4: "::ffff:10.0.0.2" is "10.0.0.2".
Endpoint to_endpoint(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4.sin_port)};
  }
  if (address.storage.ss_family != AF_INET6) return {};
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address.storage, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
  else
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return {text.data(), ntohs(v6.sin6_port)};
}

std::uint16_t local_port(int socket) {
  Address address;
  address.size = sizeof address.storage;
  if (::getsockname(socket, address.raw(), &address.size) != 0) return 0;
  return to_endpoint(address).port;
}

Error bind_error(int error_number, const std::string& where) {
  switch (error_number) {
    case EADDRINUSE:
      return Error{ErrorKind::kConflict, "address_in_use",
                   where +
                       " is in use by another program: stop that one (`ss -ltnp` shows which), "
                       "or choose another port"};
    case EADDRNOTAVAIL:
      return Error{ErrorKind::kInvalid, "address_not_available",
                   where +
                       ": this machine has no such address now; check the listen address and "
                       "that its interface is up (`ip address`)"};
    case EACCES:
    case EPERM:
      return Error{ErrorKind::kForbidden, "address_forbidden",
                   where +
                       ": not permitted; ports below 1024 need "
                       "net.ipv4.ip_unprivileged_port_start or CAP_NET_BIND_SERVICE, a unix "
                       "socket a directory that this user may write"};
    default:
      return errno_error(error_number, "cannot listen on " + where);
  }
}

/// True if some process accepts on the unix socket of this name.
bool is_answered(const Address& address) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return true;
  return ::connect(probe.get(), address.raw(), address.size) == 0 || errno == EAGAIN;
}

void remove_stale(const std::string& path, const Address& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  if (!is_answered(address)) ::unlink(path.c_str());
}

/// Bound and listening, or errno. For unix sockets the mode is set before anybody can connect.
std::expected<Fd, int> listen_on(const Address& address) {
  const bool is_unix = address.storage.ss_family == AF_UNIX;
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return std::unexpected(errno);
  const int on = 1;
  // A unix socket's name gets the descriptor's mode, cut by the umask (unix(7)).
  if (is_unix && ::fchmod(fd.get(), 0600) != 0) return std::unexpected(errno);
  if (!is_unix && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return std::unexpected(errno);
  if (::bind(fd.get(), address.raw(), address.size) != 0) return std::unexpected(errno);
  if (::listen(fd.get(), kBacklog) != 0) return std::unexpected(errno);
  return fd;
}

}  // namespace

Result<std::uint16_t> Listener::open(const std::string& address, std::uint16_t port) {
  if (socket_) return fail(ErrorKind::kInternal, "already_listening", "listen() was called twice");
  return address.starts_with('/') ? open_unix(address) : open_tcp(address, port);
}

Result<std::uint16_t> Listener::open_unix(const std::string& path) {
  const auto address = unix_address(path);
  if (!address)
    return fail(ErrorKind::kInvalid, "invalid_address",
                "the path " + to_one_line(path) + " is too long for a unix socket (107 bytes)");
  remove_stale(path, *address);
  auto socket = listen_on(*address);
  if (!socket) return std::unexpected(bind_error(socket.error(), to_one_line(path)));
  socket_ = std::move(*socket);
  unix_path_ = path;
  return std::uint16_t{0};
}

Result<std::uint16_t> Listener::open_tcp(const std::string& text, std::uint16_t port) {
  const auto address = parse_ip(text, port);
  if (!address)
    return fail(ErrorKind::kInvalid, "invalid_address",
                "'" + to_one_line(text) +
                    "' is no IP address to listen on; use for example "
                    "127.0.0.1, or a path that begins with '/' for a unix socket");
  auto socket = listen_on(*address);
  const std::string where = to_one_line(text) + " port " + std::to_string(port);
  if (!socket) return std::unexpected(bind_error(socket.error(), where));
  socket_ = std::move(*socket);
  return port_ = local_port(socket_.get());
}

std::expected<Listener::Accepted, int> Listener::accept() const {
  Address from;
  from.size = sizeof from.storage;
  Accepted accepted;
  accepted.socket.reset(
      ::accept4(socket_.get(), from.raw(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.socket) return std::unexpected(errno);
  const auto [ip, port] = to_endpoint(from);
  accepted.peer = Peer{ip, port, port_};
  const int on = 1;
  if (port_ != 0) ::setsockopt(accepted.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return accepted;
}

void Listener::close() {
  if (!socket_) return;
  socket_.reset();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

}  // namespace flashpods::http
