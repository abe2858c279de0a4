#include "executors/shim/public_proxy.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>

#include "base/text.h"
#include "executors/shim/public_address.h"
#include "jobs/image_reference.h"

namespace flashpods::shim {

namespace {

constexpr int kConnectMs = 10'000;
constexpr int kHeadMs = 30'000;
constexpr int kMostConnections = 32;
constexpr std::size_t kLongestHead = 8192;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";
constexpr std::string_view kRefused =
    "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool is_ready(int socket, short events, int milliseconds) {
  pollfd entry{socket, events, 0};
  return ::poll(&entry, 1, milliseconds) == 1;
}

/// The client says nothing more before our reply: what follows the head would be no part of it.
std::optional<std::string> read_head(int client) {
  std::string head;
  std::array<char, 1024> piece;
  while (!head.ends_with(kHeadEnd)) {
    if (head.size() >= kLongestHead || !is_ready(client, POLLIN, kHeadMs)) return std::nullopt;
    const auto size = ::recv(client, piece.data(), piece.size(), 0);
    if (size <= 0) return std::nullopt;
    head.append(piece.data(), static_cast<std::size_t>(size));
  }
  return head;
}

Addresses resolve(const TunnelTarget& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &::freeaddrinfo};
}

Fd connect_to(const addrinfo& address) {
  Fd server(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!server) return {};
  if (::connect(server.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS || !is_ready(server.get(), POLLOUT, kConnectMs)) return {};
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(server.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return {};
  }
  ::fcntl(server.get(), F_SETFL, 0);
  return server;
}

bool may_connect(const addrinfo& address) {
  return is_public_address(*address.ai_addr) && !is_own_address(*address.ai_addr);
}

Fd refuse(const TunnelTarget& target, const char* why) {
  std::fprintf(stderr, "flashpods: no connection to %s port %s: %s\n",
               to_one_line(target.host).c_str(), target.port.c_str(), why);
  return {};
}

bool is_allowed(const TunnelTarget& target, const std::vector<std::string>& allowed) {
  return std::ranges::any_of(allowed, [&target](const std::string& registry) {
    return registry == target.host + ':' + target.port ||
           (registry == target.host && target.port == "443");
  });
}

Fd open_tunnel(const TunnelTarget& target, const std::vector<std::string>& allowed) {
  const bool any = is_allowed(target, allowed);
  const auto addresses = resolve(target);
  if (!addresses) return refuse(target, "the name cannot be resolved");
  bool is_private = false;
  for (const auto* each = addresses.get(); each != nullptr; each = each->ai_next) {
    if (!any && !may_connect(*each)) {
      is_private = true;
      continue;
    }
    if (auto server = connect_to(*each)) return server;
  }
  return refuse(target, is_private ? "it has a private address, and no registry there is allowed "
                                     "(jobs.private_registries)"
                                   : "nobody accepts the connection");
}

/// False at the end of `from`.
bool pass_on(int from, int to) {
  std::array<char, 65536> piece;
  const auto size = ::recv(from, piece.data(), piece.size(), 0);
  if (size < 0 && errno == EINTR) return true;
  return size > 0 && send_all(to, {piece.data(), static_cast<std::size_t>(size)});
}

/// Until both sides have ended.
void relay(int client, int server) {
  std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
  const std::array<int, 2> others{server, client};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0 || pass_on(ends[i].fd, others[i])) continue;
      ::shutdown(others[i], SHUT_WR);
      ends[i].fd = -1;
    }
  }
}

void serve_client(const Fd& client, const std::vector<std::string>& allowed) {
  const auto head = read_head(client.get());
  if (!head) return;
  const auto target = parse_connect(*head);
  const auto server = target ? open_tunnel(*target, allowed) : Fd();
  if (!server) {
    send_all(client.get(), kRefused);
    return;
  }
  if (send_all(client.get(), kEstablished)) relay(client.get(), server.get());
}

}  // namespace

std::optional<TunnelTarget> parse_connect(std::string_view head) {
  constexpr std::string_view kMethod = "CONNECT ";
  const auto line = head.substr(0, head.find("\r\n"));
  if (!line.starts_with(kMethod)) return std::nullopt;
  const auto end = line.find(' ', kMethod.size());
  if (end == std::string_view::npos || !line.substr(end + 1).starts_with("HTTP/1.")) {
    return std::nullopt;
  }
  const auto authority = line.substr(kMethod.size(), end - kMethod.size());
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  TunnelTarget target{std::string(authority.substr(0, colon)),
                      std::string(authority.substr(colon + 1))};
  if (target.host.starts_with('[') && target.host.ends_with(']')) {
    target.host = target.host.substr(1, target.host.size() - 2);
  }
  const bool is_number = target.port.find_first_not_of("0123456789") == std::string::npos;
  if (target.host.empty() || target.port.empty() || target.port.size() > 5 || !is_number) {
    return std::nullopt;
  }
  target.host = jobs::lower_case(target.host);
  return target;
}

void serve_public_proxy(const Fd& listener, const std::vector<std::string>& allowed) {
  static std::atomic<int> connections = 0;
  for (;;) {
    Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client && errno != EINTR && errno != ECONNABORTED) return;
    if (!client || connections >= kMostConnections) continue;
    ++connections;
    try {
      std::thread([client = std::move(client), &allowed] {
        serve_client(client, allowed);
        --connections;
      }).detach();
    } catch (const std::system_error&) {  // no thread to be had: the client tries again
      --connections;
    }
  }
}

}  // namespace flashpods::shim
