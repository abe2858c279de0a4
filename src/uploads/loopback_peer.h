#pragma once

#include <optional>
#include <string_view>
#include <sys/types.h>

#include <boost/asio/ip/tcp.hpp>

namespace flashpods::uploads {

/// Which local user holds the other end of a loopback connection: the row of /proc/net/tcp
/// (proc(5)) or tcp6 whose local address is `peer` and whose remote address is `ours`. Nothing if
/// there is none, as when the peer has closed already. For kernels without sock_diag (sock_diag.h):
/// this reads a table of all connections on the machine.
[[nodiscard]] std::optional<uid_t> uid_of_peer(std::string_view table,
                                               const boost::asio::ip::tcp::endpoint& peer,
                                               const boost::asio::ip::tcp::endpoint& ours);

/// Same, from the kernel's tables as they are now. Blocks.
[[nodiscard]] std::optional<uid_t> uid_of_peer(const boost::asio::ip::tcp::endpoint& peer,
                                               const boost::asio::ip::tcp::endpoint& ours);

}  // namespace flashpods::uploads
