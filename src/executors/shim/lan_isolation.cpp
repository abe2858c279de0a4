#include "executors/shim/lan_isolation.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/json_reader.h"

namespace flashpods::shim {

namespace {

struct Prefix {
  const char* address;
  std::uint8_t length;
};

constexpr std::array<Prefix, 5> kPrivateNetworks{{
    {"10.0.0.0", 8},
    {"172.16.0.0", 12},
    {"192.168.0.0", 16},
    {"100.64.0.0", 10},
    {"169.254.0.0", 16},
}};

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
  ::inet_pton(AF_INET, prefix.address, &request.destination);
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

int add_route(int netlink, const Prefix& prefix) {
  const auto request = unreachable(prefix);
  if (::send(netlink, &request, sizeof request, 0) != sizeof request) return errno;
  return acknowledged(netlink);
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

Result<void> enter(const std::string& process) {
  const Fd user(::open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  const Fd net(::open((process + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!user || !net) return std::unexpected(errno_error("cannot open the container's namespaces"));
  // Rootful containers share our user namespace: entering it again is refused and not needed.
  if (::setns(user.get(), CLONE_NEWUSER) != 0 && errno != EINVAL) {
    return std::unexpected(errno_error("cannot enter the container's user namespace"));
  }
  if (::setns(net.get(), CLONE_NEWNET) != 0) {
    return std::unexpected(errno_error("cannot enter the container's network namespace"));
  }
  return {};
}

Result<void> isolate_container() {
  const auto text = read_all(STDIN_FILENO, 1024 * 1024);
  if (!text) return std::unexpected(text.error());
  const auto state = parse_json(*text);
  if (!state || !state->is_object() || !(*state)["pid"].is_number_integer()) {
    return fail(ErrorKind::kInvalid, "invalid_state", "The OCI runtime gave no container state.");
  }
  auto entered = enter("/proc/" + std::to_string((*state)["pid"].get<pid_t>()));
  return entered ? close_private_networks() : entered;
}

}  // namespace

Result<void> close_private_networks() {
  const Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return std::unexpected(errno_error("cannot speak to the kernel about routes"));
  for (const auto& prefix : kPrivateNetworks) {
    if (const int error = add_route(netlink.get(), prefix); error != 0) {
      return std::unexpected(errno_error(error, "cannot close a private network to the job"));
    }
  }
  return turn_ipv6_off();
}

int run_isolation_hook() {
  const auto done = isolate_container();
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "flashpods: %s\n", done.error().message.c_str());
  return EXIT_FAILURE;
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
