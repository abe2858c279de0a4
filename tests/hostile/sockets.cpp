#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <linux/if_alg.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "families.h"

namespace hostile {

namespace {

constexpr int kPatienceMs = 100;  // for an answer of the same host; most tries are met by silence

// Address families (linux/socket.h), by number.
constexpr const char* kFamilies[] = {
    "unspecified", "unix",       "inet",    "ax25",      "ipx",     "appletalk", "netrom",
    "bridge",      "atmpvc",     "x25",     "inet6",     "rose",    "decnet",    "netbeui",
    "security",    "key",        "netlink", "packet",    "ash",     "econet",    "atmsvc",
    "rds",         "sna",        "irda",    "pppox",     "wanpipe", "llc",       "ib",
    "mpls",        "can",        "tipc",    "bluetooth", "iucv",    "rxrpc",     "isdn",
    "phonet",      "ieee802154", "caif",    "alg",       "nfc",     "vsock",     "kcm",
    "qipcrtr",     "smc",        "xdp",     "mctp"};

constexpr std::pair<int, const char*> kTypes[] = {
    {SOCK_STREAM, "stream"}, {SOCK_DGRAM, "datagram"},    {SOCK_RAW, "raw"},
    {SOCK_RDM, "reliable"},  {SOCK_SEQPACKET, "packets"}, {SOCK_DCCP, "dccp"}};

constexpr int kNetlinkProtocols = 23;

/// The types of sockets that may be made of a family, or "refused".
std::string types_of(int family) {
  std::string made;
  for (const auto& [type, name] : kTypes) {
    const int opened = ::socket(family, type, 0);
    if (opened < 0) continue;
    ::close(opened);
    made += made.empty() ? name : ' ' + std::string(name);
  }
  return made.empty() ? "refused" : made;
}

std::string netlink_protocols() {
  std::string made;
  for (int protocol = 0; protocol < kNetlinkProtocols; ++protocol) {
    const int opened = ::socket(AF_NETLINK, SOCK_RAW, protocol);
    if (opened < 0) continue;
    ::close(opened);
    made += (made.empty() ? "" : " ") + std::to_string(protocol);
  }
  return made.empty() ? "refused" : made;
}

template <class Value>
long set_option(int family, int type, int level, int option, const Value& value) {
  const int opened = ::socket(family, type, 0);
  return opened < 0 ? -1 : ::setsockopt(opened, level, option, &value, sizeof value);
}

template <class Address>
long bind_to(int family, int type, int protocol, const Address& address,
             socklen_t size = sizeof(Address)) {
  const int opened = ::socket(family, type, protocol);
  return opened < 0 ? -1 : ::bind(opened, reinterpret_cast<const sockaddr*>(&address), size);
}

constexpr sockaddr_vm vsock_address(unsigned host) {
  return {.svm_family = AF_VSOCK,
          .svm_reserved1 = 0,
          .svm_port = 1024,
          .svm_cid = host,
          .svm_flags = 0,
          .svm_zero = {}};
}

long connect_vsock(unsigned host) {
  const int opened = ::socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const auto address = vsock_address(host);
  return opened < 0
             ? -1
             : ::connect(opened, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// Connects to a socket in the abstract namespace, `name` without its NUL.
long connect_abstract(std::string_view name) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int opened = ::socket(AF_UNIX, SOCK_STREAM, 0);
  return ::connect(opened, reinterpret_cast<const sockaddr*>(&address), size);
}

long bind_alg() {
  sockaddr_alg address{};
  address.salg_family = AF_ALG;
  std::strcpy(reinterpret_cast<char*>(address.salg_type), "hash");
  std::strcpy(reinterpret_cast<char*>(address.salg_name), "sha1");
  return bind_to(AF_ALG, SOCK_SEQPACKET, 0, address);
}

/// Every interface but loopback down, as ifconfig does it.
long take_interfaces_down() {
  const int opened = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "tap0");
  if (::ioctl(opened, SIOCGIFFLAGS, &request) != 0) return -1;
  request.ifr_flags = static_cast<short>(request.ifr_flags & ~IFF_UP);
  return ::ioctl(opened, SIOCSIFFLAGS, &request);
}

/// A route by the old interface; `command` is SIOCADDRT or SIOCDELRT.
long change_route(unsigned long command, const char* network) {
  const int opened = ::socket(AF_INET, SOCK_DGRAM, 0);
  rtentry route{};
  const auto set = [](sockaddr& field, const char* text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, text, &address.sin_addr);
    std::memcpy(&field, &address, sizeof address);
  };
  set(route.rt_dst, network);
  set(route.rt_genmask, "255.0.0.0");
  set(route.rt_gateway, "10.0.2.2");
  route.rt_flags = RTF_UP | (command == SIOCADDRT ? RTF_GATEWAY : RTF_REJECT);
  return ::ioctl(opened, command, &route);
}

/// Deletes all routes to 10/8 by netlink, those that refuse included.
long delete_routes() {
  struct {
    nlmsghdr header{};
    rtmsg route{};
    rtattr attribute{};
    unsigned destination = htonl(10U << 24);
  } request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_DELROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = 8;
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_scope = RT_SCOPE_NOWHERE;
  request.attribute = {sizeof(rtattr) + sizeof(unsigned), RTA_DST};
  const int opened = ::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (opened < 0 || ::send(opened, &request, sizeof request, 0) < 0) return -1;
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } reply{};
  if (::recv(opened, &reply, sizeof reply, 0) < 0) return -1;
  errno = -reply.error.error;
  return errno == 0 ? 0 : -1;
}

constexpr Call kCalls[] = {
    {"vsock connect to the host", [] { return connect_vsock(VMADDR_CID_HOST); }},
    {"vsock connect to the hypervisor", [] { return connect_vsock(VMADDR_CID_HYPERVISOR); }},
    {"vsock connect to itself", [] { return connect_vsock(VMADDR_CID_LOCAL); }},
    {"vsock listen",
     [] { return bind_to(AF_VSOCK, SOCK_STREAM, 0, vsock_address(VMADDR_CID_ANY)); }},
    {"alg bind", bind_alg},
    {"raw ICMP", []() -> long { return ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }},
    {"raw TCP", []() -> long { return ::socket(AF_INET, SOCK_RAW, IPPROTO_TCP); }},
    {"raw IPv6", []() -> long { return ::socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }},
    {"SCTP", []() -> long { return ::socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP); }},
    {"SO_MARK", [] { return set_option(AF_INET, SOCK_STREAM, SOL_SOCKET, SO_MARK, 1); }},
    {"SO_PRIORITY", [] { return set_option(AF_INET, SOCK_STREAM, SOL_SOCKET, SO_PRIORITY, 7); }},
    {"SO_DEBUG", [] { return set_option(AF_INET, SOCK_STREAM, SOL_SOCKET, SO_DEBUG, 1); }},
    {"SO_RCVBUFFORCE",
     [] { return set_option(AF_INET, SOCK_STREAM, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26); }},
    {"SO_ATTACH_BPF",
     [] { return set_option(AF_INET, SOCK_STREAM, SOL_SOCKET, SO_ATTACH_BPF, 0); }},
    {"IP_TRANSPARENT",
     [] { return set_option(AF_INET, SOCK_STREAM, IPPROTO_IP, IP_TRANSPARENT, 1); }},
    {"TCP_REPAIR", [] { return set_option(AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_REPAIR, 1); }},
    {"TCP_ULP", [] { return set_option(AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_ULP, "tls"); }},
    {"interface down", take_interfaces_down},
    {"route added", [] { return change_route(SIOCADDRT, "127.0.0.0"); }},
    {"route deleted", [] { return change_route(SIOCDELRT, "10.0.0.0"); }},
    {"route deleted by netlink", delete_routes},
    {"abstract X11", [] { return connect_abstract("/tmp/.X11-unix/X0"); }},
    {"abstract ibus", [] { return connect_abstract("/tmp/dbus-ibus"); }},
    {"abstract containerd shim", [] { return connect_abstract("/containerd-shim/x.sock@"); }},
};

// Of a family that a job may use; whether the kernel has them is the host's affair.
constexpr Call kProtocols[] = {
    {"MPTCP", []() -> long { return ::socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP); }},
    {"UDP-Lite", []() -> long { return ::socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE); }},
};

/// Where a job has no business, and its own network's servers (slirp4netns(1)).
constexpr const char* kPlaces[] = {
    "127.0.0.1",  "127.0.0.53",  "127.255.255.254",  "0.0.0.0",
    "10.0.2.2",   "10.0.2.3",    "169.254.1.1",      "169.254.169.254",
    "192.0.0.1",  "192.168.0.1", "172.16.0.1",       "100.64.0.1",
    "198.18.0.1", "224.0.0.1",   "240.0.0.1",        "255.255.255.255",
    "::1",        "::",          "::ffff:127.0.0.1", "fd00::2",
    "fd00::3",    "fe80::2",     "ff02::1"};

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

Address address_of(const char* place, in_port_t port, unsigned interface) {
  Address made;
  auto& four = reinterpret_cast<sockaddr_in&>(made.bytes);
  auto& six = reinterpret_cast<sockaddr_in6&>(made.bytes);
  if (::inet_pton(AF_INET, place, &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    made.size = sizeof four;
  } else {
    ::inet_pton(AF_INET6, place, &six.sin6_addr);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    six.sin6_scope_id = interface;
    made.size = sizeof six;
  }
  return made;
}

bool ready(int opened, short what) {
  pollfd waited{opened, what, 0};
  return ::poll(&waited, 1, kPatienceMs) == 1;
}

/// "done" if `name` comes back, "refused" however it does not: silence, or any errno. The server
/// may have got it all the same, which the test asks there.
std::string echo(const std::string& name, const Address& address, int type, const char* interface) {
  const int opened = ::socket(address.bytes.ss_family, type | SOCK_NONBLOCK, 0);
  const auto length = static_cast<socklen_t>(std::strlen(interface));
  if (length > 0 && ::setsockopt(opened, SOL_SOCKET, SO_BINDTODEVICE, interface, length) != 0) {
    return "no such way";
  }
  const auto* target = reinterpret_cast<const sockaddr*>(&address.bytes);
  if (::connect(opened, target, address.size) != 0 && errno != EINPROGRESS) return "refused";
  if (!ready(opened, POLLOUT)) return "refused";
  if (::send(opened, name.data(), name.size(), MSG_NOSIGNAL) < 0) return "refused";
  std::array<char, 64> back;
  const bool came = ready(opened, POLLIN) && ::recv(opened, back.data(), back.size(), 0) > 0;
  return came ? "done" : "refused";
}

Attempts reach(in_port_t port) {
  Attempts made;
  for (const char* interface : {"", "lo", "tap0"}) {
    for (const char* place : kPlaces) {
      const auto address = address_of(place, port, ::if_nametoindex(interface));
      for (const auto& [type, protocol] : {std::pair(SOCK_STREAM, "TCP"), {SOCK_DGRAM, "UDP"}}) {
        auto name = std::string(protocol) + " to " + place;
        if (interface[0] != '\0') name += std::string(" by ") + interface;
        made.push_back({name, [=, kind = type] { return echo(name, address, kind, interface); }});
      }
    }
  }
  return made;
}

}  // namespace

Attempts sockets(in_port_t echo_port) {
  Attempts made;
  for (std::size_t family = 0; family < std::size(kFamilies); ++family) {
    made.push_back({kFamilies[family], [family] { return types_of(static_cast<int>(family)); }});
  }
  made.push_back({"netlink protocols", netlink_protocols});
  append(made, attempts_of(kCalls, Reading::kRefusal));
  append(made, attempts_of(kProtocols, Reading::kEither));
  append(made, reach(echo_port));
  return made;
}

}  // namespace hostile
