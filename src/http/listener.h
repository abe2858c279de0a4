#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "http/message.h"

namespace flashpods::http {

/// A socket that listens; closes, and takes the name of a unix socket away, when it goes.
class Listener {
 public:
  struct Accepted {
    Fd socket;  ///< O_NONBLOCK and O_CLOEXEC
    Peer peer;
  };

  Listener() = default;
  ~Listener() { close(); }
  Listener(Listener&&) = delete;

  /// `address` is an IP address, "localhost", or the path of a unix socket, made with mode 0600; a
  /// socket of that name that nobody answers on is replaced. Errors say what to do:
  /// "invalid_address", "address_in_use", "address_not_available", "address_forbidden".
  [[nodiscard]] Result<std::uint16_t> open(const std::string& address, std::uint16_t port);

  /// The next waiting connection, or errno in the error: EAGAIN if none waits.
  [[nodiscard]] std::expected<Accepted, int> accept() const;

  [[nodiscard]] int native_handle() const { return socket_.get(); }
  void close();

 private:
  Result<std::uint16_t> open_unix(const std::string& path);
  Result<std::uint16_t> open_tcp(const std::string& address, std::uint16_t port);

  Fd socket_;
  std::string unix_path_;
  std::uint16_t port_ = 0;
};

}  // namespace flashpods::http
