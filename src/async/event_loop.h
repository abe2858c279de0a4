#pragma once

#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// Why a descriptor could not be registered with the event loop. kUnavailable "no_watches" where
/// the user has used up fs.epoll.max_user_watches (ENOSPC of epoll_ctl(2)), which passes; else as
/// errno_error().
[[nodiscard]] Error registration_error(const boost::system::error_code& error,
                                       std::string_view what);

/// Registers `descriptor` with the loop of `object`, which has it from then on. On an error (`what`
/// could not be done) the caller keeps it.
[[nodiscard]] Result<void> assign(boost::asio::posix::stream_descriptor& object, Fd& descriptor,
                                  std::string_view what);

/// Whether the loop can be woken by another thread, by a timer and by a signal. Boost.Asio ignores
/// it if the registration of one of the three fails (epoll_reactor.ipp), and the loop would then
/// sleep for ever. Call it while `loop` is the process's only one, has a signal_set, and watches
/// nothing else. Reads /proc/self/fdinfo (proc(5)); where that is unreadable every loop is sound.
[[nodiscard]] Result<void> check_event_loop(boost::asio::io_context& loop);

}  // namespace flashpods
