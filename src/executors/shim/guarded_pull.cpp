#include "executors/shim/guarded_pull.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "executors/shim/public_proxy.h"

namespace flashpods::shim {

namespace {

constexpr std::uint16_t kProxyPort = 3128;
constexpr const char* kProxyUrl = "http://127.0.0.1:3128";

/// unix(7), SCM_RIGHTS.
bool send_descriptor(int socket, int fd) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = fd;
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

Fd receive_descriptor(int socket) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return {};
  const auto* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  return Fd(*reinterpret_cast<const int*>(CMSG_DATA(header)));
}

/// Lives outside the pull's network namespace, and as long as podman does.
[[noreturn]] void be_proxy(int socket, pid_t parent, const std::vector<std::string>& allowed) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(EXIT_FAILURE);
  if (const auto listener = receive_descriptor(socket)) serve_public_proxy(listener, allowed);
  ::_exit(EXIT_FAILURE);
}

Result<void> raise_loopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0) return {};
  return std::unexpected(errno_error("cannot raise the loopback interface"));
}

Result<Fd> listen_on_loopback() {
  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kProxyPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* const any = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(listener.get(), any, sizeof address) == 0 && ::listen(listener.get(), 64) == 0) {
    return listener;
  }
  return std::unexpected(errno_error("cannot listen for the pull's connections"));
}

/// Enters an empty network namespace and hands a listener there to the proxy outside.
Result<void> leave_network(int proxy) {
  if (::unshare(CLONE_NEWNET) != 0) {
    return std::unexpected(errno_error("cannot make a network namespace for the pull"));
  }
  if (auto raised = raise_loopback(); !raised) return raised;
  const auto listener = listen_on_loopback();
  if (!listener) return std::unexpected(listener.error());
  if (send_descriptor(proxy, listener->get())) return {};
  return std::unexpected(errno_error("cannot reach the pull's proxy"));
}

/// What Go reads (net/http, ProxyFromEnvironment).
void name_proxy() {
  for (const char* name : {"HTTPS_PROXY", "HTTP_PROXY"}) ::setenv(name, kProxyUrl, 1);
  for (const char* name : {"https_proxy", "http_proxy", "NO_PROXY", "no_proxy"}) ::unsetenv(name);
}

Result<void> pull(const std::vector<std::string>& allowed, std::span<char*> command) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(errno_error("cannot make a socket for the pull's proxy"));
  }
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(errno_error("cannot start the pull's proxy"));
  if (child == 0) be_proxy(theirs.get(), parent, allowed);
  theirs.reset();
  if (auto left = leave_network(ours.get()); !left) return left;
  name_proxy();
  std::vector<char*> words(command.begin(), command.end());
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  return std::unexpected(errno_error("cannot run podman"));
}

}  // namespace

int run_guarded_pull(std::span<char*> arguments) {
  const auto dashes = std::ranges::find_if(
      arguments, [](const char* word) { return std::string_view(word) == "--"; });
  if (arguments.end() - dashes < 2) {
    std::fputs("Error: a guarded pull needs a command\n", stderr);
    return EXIT_FAILURE;
  }
  const std::vector<std::string> allowed(arguments.begin(), dashes);
  const auto done = pull(allowed, {dashes + 1, arguments.end()});
  std::fprintf(stderr, "Error: %s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}

}  // namespace flashpods::shim
