#include "uploads/sock_diag.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <span>
#include <string>
#include <sys/socket.h>

#include "base/fd.h"

namespace flashpods::uploads {

namespace {

using boost::asio::ip::tcp;

struct Query {
  nlmsghdr header{};
  inet_diag_req_v2 request{};
};

template <class Bytes>
void copy_address(const Bytes& bytes, __be32* words) {
  std::memcpy(words, bytes.data(), bytes.size());
}

void copy_address(const boost::asio::ip::address& address, __be32* words) {
  if (address.is_v4()) {
    copy_address(address.to_v4().to_bytes(), words);
  } else {
    copy_address(address.to_v6().to_bytes(), words);
  }
}

Query make_query(const tcp::endpoint& local, const tcp::endpoint& remote) {
  Query query;
  query.header.nlmsg_len = sizeof query;
  query.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.header.nlmsg_flags = NLM_F_REQUEST;
  query.request.sdiag_family = local.address().is_v4() ? AF_INET : AF_INET6;
  query.request.sdiag_protocol = IPPROTO_TCP;
  inet_diag_sockid& id = query.request.id;
  id.idiag_sport = htons(local.port());
  id.idiag_dport = htons(remote.port());
  copy_address(local.address(), id.idiag_src);
  copy_address(remote.address(), id.idiag_dst);
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return query;
}

std::unexpected<Error> unavailable(int error) {
  return fail(ErrorKind::kUnavailable, "no_sock_diag",
              std::string{"The kernel does not say who owns a socket: "} + std::strerror(error));
}

/// The payload of the reply's only message, if it is of this type.
template <class Payload>
std::optional<Payload> payload(std::span<const char> reply, std::uint16_t type) {
  nlmsghdr header;
  if (reply.size() < NLMSG_HDRLEN + sizeof(Payload)) return std::nullopt;
  std::memcpy(&header, reply.data(), sizeof header);
  if (header.nlmsg_type != type || header.nlmsg_len > reply.size()) return std::nullopt;
  Payload result;
  std::memcpy(&result, reply.data() + NLMSG_HDRLEN, sizeof result);
  return result;
}

/// Where there is no such connection, the kernel shows whoever listens on the port instead. A
/// socket that its holder has closed has no inode, and says uid 0.
std::optional<uid_t> holder(const inet_diag_msg& socket, const tcp::endpoint& remote) {
  const bool same = socket.id.idiag_dport == htons(remote.port());
  return same && socket.idiag_inode != 0 ? std::optional(socket.idiag_uid) : std::nullopt;
}

}  // namespace

Result<std::optional<uid_t>> socket_owner(const tcp::endpoint& local, const tcp::endpoint& remote) {
  const Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return unavailable(errno);
  const Query query = make_query(local, remote);
  if (::send(netlink.get(), &query, sizeof query, 0) < 0) return unavailable(errno);
  // The kernel has put its answer there before send() returned.
  std::array<char, 1024> reply{};
  const ssize_t got = ::recv(netlink.get(), reply.data(), reply.size(), MSG_DONTWAIT);
  if (got < 0) return unavailable(errno);
  const std::span<const char> bytes(reply.data(), static_cast<std::size_t>(got));
  if (const auto socket = payload<inet_diag_msg>(bytes, SOCK_DIAG_BY_FAMILY)) {
    return holder(*socket, remote);
  }
  const auto failure = payload<nlmsgerr>(bytes, NLMSG_ERROR);
  if (failure && failure->error == -ENOENT) return std::optional<uid_t>{};
  return unavailable(failure ? -failure->error : EPROTO);
}

}  // namespace flashpods::uploads
