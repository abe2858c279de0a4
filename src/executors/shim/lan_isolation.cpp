#include "executors/shim/lan_isolation.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <sched.h>
#include <span>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace flashpods::shim {

namespace {

struct Prefix {
  const char* address;
  std::uint8_t length;
};

using Prefixes = std::span<const Prefix>;

/// slirp4netns' own network may lie in one of these.
constexpr auto kPrivateNetworks = std::to_array<Prefix>({
    {"10.0.0.0", 8},
    {"172.16.0.0", 12},
    {"192.168.0.0", 16},
    {"100.64.0.0", 10},
});

/// What else is not globally reachable (RFC 6890), multicast and the limited broadcast.
constexpr auto kNeverGlobal = std::to_array<Prefix>({
    {"0.0.0.0", 8},
    {"127.0.0.0", 8},
    {"169.254.0.0", 16},
    {"192.0.0.0", 24},
    {"192.0.2.0", 24},
    {"198.18.0.0", 15},
    {"198.51.100.0", 24},
    {"203.0.113.0", 24},
    {"224.0.0.0", 4},
    {"240.0.0.0", 4},
});

in_addr address_of(const Prefix& prefix) {
  in_addr address{};
  ::inet_pton(AF_INET, prefix.address, &address);
  return address;
}

/// rtnetlink(7): one unreachable route.
struct RouteRequest {
  nlmsghdr header{};
  rtmsg route{};
  rtattr attribute{};
  in_addr destination{};
};
static_assert(sizeof(RouteRequest) == NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(sizeof(in_addr)));

RouteRequest unreachable(const Prefix& prefix) {
  RouteRequest request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = prefix.length;
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_UNIVERSE;
  request.route.rtm_type = RTN_UNREACHABLE;
  request.attribute.rta_type = RTA_DST;
  request.attribute.rta_len = RTA_LENGTH(sizeof(in_addr));
  request.destination = address_of(prefix);
  return request;
}

/// An IPsec policy (xfrm_user in the kernel) that refuses what goes to a destination.
struct PolicyRequest {
  nlmsghdr header{};
  xfrm_userpolicy_info policy{};
};
static_assert(sizeof(PolicyRequest) == NLMSG_LENGTH(sizeof(xfrm_userpolicy_info)));

PolicyRequest blocked(const Prefix& prefix) {
  PolicyRequest request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = XFRM_MSG_UPDPOLICY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto& policy = request.policy;
  policy.sel.family = AF_INET;
  policy.sel.daddr.a4 = address_of(prefix).s_addr;
  policy.sel.prefixlen_d = prefix.length;
  policy.lft.soft_byte_limit = policy.lft.hard_byte_limit = XFRM_INF;
  policy.lft.soft_packet_limit = policy.lft.hard_packet_limit = XFRM_INF;
  policy.dir = XFRM_POLICY_OUT;
  policy.action = XFRM_POLICY_BLOCK;
  return request;
}

/// The kernel's answer: 0 or an errno.
int acknowledged(int netlink) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
    std::array<char, 256> rest;
  } answer{};
  if (::recv(netlink, &answer, sizeof answer, 0) < 0) return errno;
  return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
}

Result<void> carry_out(int netlink, const auto& request) {
  const bool sent = ::send(netlink, &request, sizeof request, 0) == sizeof request;
  if (const int error = sent ? acknowledged(netlink) : errno; error != 0) {
    return std::unexpected(errno_error(error, "cannot close a private network to the job"));
  }
  return {};
}

Fd open_netlink(int protocol) {
  return Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

Result<void> add_routes() {
  const auto netlink = open_netlink(NETLINK_ROUTE);
  if (!netlink) return std::unexpected(errno_error("cannot speak to the kernel about routes"));
  for (const auto& prefixes : {Prefixes(kPrivateNetworks), Prefixes(kNeverGlobal)}) {
    for (const auto& prefix : prefixes) {
      if (auto added = carry_out(netlink.get(), unreachable(prefix)); !added) return added;
    }
  }
  return {};
}

Result<void> add_policies() {
  const auto netlink = open_netlink(NETLINK_XFRM);
  if (!netlink && errno == EPROTONOSUPPORT) return {};
  if (!netlink) return std::unexpected(errno_error("cannot speak to the kernel about policies"));
  for (const auto& prefix : kNeverGlobal) {
    if (auto added = carry_out(netlink.get(), blocked(prefix)); !added) return added;
  }
  return {};
}

/// Devices made later (slirp4netns' tap0) take the default over. No file: no IPv6 in this kernel.
Result<void> turn_ipv6_off() {
  for (const char* device : {"all", "default"}) {
    const auto path = std::string("/proc/sys/net/ipv6/conf/") + device + "/disable_ipv6";
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) return {};
    if (!file) return std::unexpected(errno_error("cannot turn IPv6 off"));
    if (auto written = write_all(file.get(), "1"); !written) return written;
  }
  return {};
}

}  // namespace

Result<void> close_private_networks() {
  if (auto added = add_routes(); !added) return added;
  if (auto added = add_policies(); !added) return added;
  return turn_ipv6_off();
}

bool can_close_private_networks() {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool own = ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    ::_exit(own && close_private_networks() ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = -1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace flashpods::shim
