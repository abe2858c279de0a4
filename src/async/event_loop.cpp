#include "async/event_loop.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

namespace flashpods {

namespace {

namespace fs = std::filesystem;

/// The interrupter, the timers' descriptor and the signals' pipe.
constexpr int kOwnWatches = 3;

bool is_epoll(const fs::path& link) {
  std::error_code error;
  return fs::read_symlink(link, error) == "anon_inode:[eventpoll]";
}

/// How many descriptors an epoll instance watches; nothing if the kernel does not say.
std::optional<int> watches_of(const std::string& descriptor) {
  std::ifstream info("/proc/self/fdinfo/" + descriptor);
  if (!info) return std::nullopt;
  int count = 0;
  for (std::string line; std::getline(info, line);) count += line.starts_with("tfd:") ? 1 : 0;
  return count;
}

}  // namespace

Error registration_error(const boost::system::error_code& error, std::string_view what) {
  if (error.value() != ENOSPC) return errno_error(error.value(), what);
  return {ErrorKind::kUnavailable, "no_watches",
          fmt::format("{}: this user has no epoll watch left (sysctl fs.epoll.max_user_watches). "
                      "A process of this user, perhaps a job, holds them all. Try again once it "
                      "has ended.",
                      what)};
}

Result<void> assign(boost::asio::posix::stream_descriptor& object, Fd& descriptor,
                    std::string_view what) {
  boost::system::error_code refused;
  object.assign(descriptor.get(), refused);
  if (refused) return std::unexpected(registration_error(refused, what));
  (void)descriptor.release();
  return {};
}

Result<void> check_event_loop(boost::asio::io_context& loop) {
  const boost::asio::steady_timer opens_the_reactor(loop);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd", error)) {
    if (!is_epoll(entry.path())) continue;
    const auto watches = watches_of(entry.path().filename());
    if (!watches || *watches >= kOwnWatches) continue;
    return std::unexpected(
        registration_error({ENOSPC, boost::system::system_category()}, "Cannot wait for events"));
  }
  return {};
}

}  // namespace flashpods
