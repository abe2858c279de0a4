#pragma once

#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "async/awaitable.h"
#include "async/timer.h"

namespace flashpods::uploads {

/// Tells a client that has just connected why it is not served, in words that its rsync shows, and
/// waits a moment for it to read them. No rsync may have begun on this socket.
Awaitable<void> refuse_client(std::shared_ptr<boost::asio::ip::tcp::socket> socket, Timer& timer,
                              std::string words);

}  // namespace flashpods::uploads
