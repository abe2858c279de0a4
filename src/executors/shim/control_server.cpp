#include "executors/shim/control_server.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/job_files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kLongestLine = 4096;
constexpr Milliseconds kListenRetry{1'000};

bool is_our_own(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::getuid();
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

bool asks_to_stop(std::string_view line) {
  const auto command = parse_json(line);
  return command && command->is_object() && command->value("command", nlohmann::json()) == "stop";
}

Result<Fd> make_listener(const std::filesystem::path& directory) {
  auto opened = open_directory(directory);
  if (!opened) return std::unexpected(opened.error());
  ::unlinkat(opened->get(), kSocketFile, 0);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto address = unix_address(socket_address(opened->get()));
  if (!socket ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), 16) != 0) {
    return std::unexpected(errno_error("cannot listen on the control socket"));
  }
  return socket;
}

}  // namespace

std::string socket_address(int directory) {
  return "/proc/self/fd/" + std::to_string(directory) + '/' + kSocketFile;
}

ControlServer::~ControlServer() {
  if (listener_) loop_.forget(listener_.get());
  for (const auto& [fd, peer] : peers_) loop_.forget(fd);
}

void ControlServer::listen(const std::filesystem::path& directory) {
  auto listener = make_listener(directory);
  if (!listener) {
    return loop_.call_at(since_boot() + kListenRetry, [this, directory] { listen(directory); });
  }
  listener_ = std::move(*listener);
  loop_.watch(listener_.get(), [this] { accept_one(); });
}

void ControlServer::accept_one() {
  Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (peer && is_our_own(peer.get())) adopt(std::move(peer));
}

void ControlServer::adopt(Fd socket) {
  const int fd = socket.get();
  peers_[fd].first = std::move(socket);
  loop_.watch(fd, [this, fd] { read_from(fd); });
  if (!send_event(fd, "hello")) drop(fd);
}

void ControlServer::drop(int socket) {
  loop_.forget(socket);
  peers_.erase(socket);
}

void ControlServer::read_from(int socket) {
  std::array<char, kLongestLine> piece;
  auto& line = peers_[socket].second;
  const auto size = ::recv(socket, piece.data(), piece.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0 || line.size() > kLongestLine) return drop(socket);
  line.append(piece.data(), static_cast<std::size_t>(size));
  for (auto end = line.find('\n'); end != std::string::npos; end = line.find('\n')) {
    const auto command = line.substr(0, end);
    line.erase(0, end + 1);
    obey(socket, command);
  }
}

void ControlServer::obey(int socket, std::string_view line) {
  if (!asks_to_stop(line)) return;
  on_stop_();
  send_event(socket, "stopping");
}

bool ControlServer::send_event(int socket, std::string_view word) {
  const auto line = "{\"event\":\"" + std::string(word) + "\"}\n";
  const auto sent = ::send(socket, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(line.size());
}

void ControlServer::tell(std::string_view word) {
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    const int socket = (peer++)->first;
    if (!send_event(socket, word)) drop(socket);
  }
}

}  // namespace flashpods::shim
