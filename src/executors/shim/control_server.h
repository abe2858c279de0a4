#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "executors/shim/poll_loop.h"

namespace flashpods::shim {

/// The shim's ear: lines of JSON over `shim.sock` and over the socket that its starter gave it. An
/// event is only a wake-up ("started", "exited", "removed"): the files say what happened, so a lost
/// event loses nothing.
class ControlServer {
 public:
  using OnStop = std::function<void()>;

  /// `on_stop` makes the request durable; it is acknowledged when it returns.
  ControlServer(PollLoop& loop, OnStop on_stop) : loop_(loop), on_stop_(std::move(on_stop)) {}
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Makes `shim.sock`. On a full disk it tries again each second: until then only the starter,
  /// through its own socket, reaches the shim.
  void listen(const std::filesystem::path& directory);

  /// Takes over a connected socket and greets ("hello").
  void adopt(Fd socket);

  /// One line {"event": WORD} to everyone connected. A peer that does not read is dropped.
  void tell(std::string_view word);

 private:
  void accept_one();
  void read_from(int socket);
  void obey(int socket, std::string_view line);
  bool send_event(int socket, std::string_view word);
  void drop(int socket);

  PollLoop& loop_;
  OnStop on_stop_;
  Fd listener_;
  std::map<int, std::pair<Fd, std::string>> peers_;  ///< with what of a line came so far
};

/// Address of shim.sock in a directory that is open as `directory`: short however deep it lies.
[[nodiscard]] std::string socket_address(int directory);

}  // namespace flashpods::shim
