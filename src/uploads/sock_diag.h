#pragma once

#include <optional>
#include <sys/types.h>

#include <boost/asio/ip/tcp.hpp>

#include "base/error.h"

namespace flashpods::uploads {

/// The user who holds the TCP socket from `local` to `remote` open, as the kernel knows it
/// (sock_diag(7), one exact lookup: its cost does not depend on how many sockets there are).
/// Nothing if nobody does, as when its holder has closed it. An IPv4 pair is also found where the
/// socket is an IPv6 one. A listening socket has remote port 0.
/// kUnavailable "no_sock_diag" if the kernel answers nothing of the kind. Never waits.
[[nodiscard]] Result<std::optional<uid_t>> socket_owner(
    const boost::asio::ip::tcp::endpoint& local, const boost::asio::ip::tcp::endpoint& remote);

}  // namespace flashpods::uploads
