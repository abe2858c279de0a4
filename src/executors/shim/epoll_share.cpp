#include "executors/shim/epoll_share.h"

#include <algorithm>

#include <fmt/format.h>

namespace flashpods::shim {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kPart = 16;
constexpr std::uint64_t kMostWatches = 128 * 1024;
constexpr std::uint64_t kMostDescriptors = 128 * 1024;
/// Four times as many as two processors were seen to add.
constexpr std::uint64_t kFastestPerMs = 4000;
constexpr Milliseconds kShortestPause = 50ms;
constexpr Milliseconds kLongestPause = 1s;
/// Counting takes at most a twentieth of a processor while nothing is suspicious.
constexpr int kRest = 20;

Milliseconds pause(std::uint64_t user_limit) {
  const Milliseconds until_gone(static_cast<std::int64_t>(
      std::min<std::uint64_t>(user_limit / kFastestPerMs, std::uint64_t{1} << 32)));
  return std::clamp(until_gone, kShortestPause, kLongestPause);
}

}  // namespace

EpollShare::EpollShare(std::uint64_t user_limit)
    : user_limit_(user_limit),
      most_{std::min(user_limit / kPart, kMostWatches), kMostDescriptors} {}

Milliseconds EpollShare::wait(const EpollUse& use, Milliseconds took) const {
  const auto usual = pause(user_limit_);
  const bool suspicious =
      use.watches > most_.watches / 4 || use.descriptors > most_.descriptors / 4;
  return suspicious ? std::min(usual, took) : std::clamp(kRest * took, usual, 2 * usual);
}

bool EpollShare::has_too_many_watches(const EpollUse& use) const {
  return use.watches > most_.watches;
}

bool EpollShare::has_too_many_descriptors(const EpollUse& use) const {
  return use.descriptors > most_.descriptors;
}

std::string EpollShare::explain_watches() const {
  return fmt::format(
      "The job had more than {} descriptors registered with epoll. It may have no more, because "
      "all "
      "programs of the service's user share {} of them (fs.epoll.max_user_watches): register "
      "fewer, "
      "or in fewer epoll instances.",
      most_.watches, user_limit_);
}

std::string EpollShare::explain_descriptors() const {
  return fmt::format(
      "The job's processes had more than {} descriptors open together. It may have no more, "
      "because "
      "it shares the host's open files with all other programs: open fewer, or run fewer "
      "processes.",
      most_.descriptors);
}

}  // namespace flashpods::shim
