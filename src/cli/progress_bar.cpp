#include "cli/progress_bar.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace flashpods::cli {
namespace {

constexpr std::size_t kLongestBar = 24;
constexpr std::size_t kShortestBar = 6;
constexpr Milliseconds kRedraw{100};
constexpr Milliseconds kFirstRate{500};  // before that a rate is noise

std::string bar_of(std::uint64_t percent, std::size_t width) {
  const auto filled = static_cast<std::size_t>(percent) * width / 100;
  std::string bar;
  for (std::size_t i = 0; i < width; ++i) bar += i < filled ? "█" : "░";
  return bar;
}

std::uint64_t percent_of(const Progress& progress) {
  const auto done = std::min(progress.done, progress.total);
  return static_cast<std::uint64_t>(100.0 * static_cast<double>(done) /
                                    static_cast<double>(progress.total));
}

std::string rate_of(const Progress& progress) {
  if (progress.elapsed < kFirstRate) return {};
  const auto a_second =
      static_cast<double>(progress.done) * 1000.0 / static_cast<double>(progress.elapsed.count());
  return "  " + to_human_size(static_cast<std::uint64_t>(a_second)) + "/s";
}

std::string numbers_of(const Progress& progress) {
  if (progress.total == 0) return to_human_size(progress.done) + rate_of(progress);
  const auto percent = std::to_string(percent_of(progress));
  return std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + "%  " +
         to_human_size(std::min(progress.done, progress.total)) + " of " +
         to_human_size(progress.total) + rate_of(progress);
}

}  // namespace

std::string progress_line(const Progress& progress, std::size_t columns) {
  const auto numbers = numbers_of(progress);
  auto line = progress.what + "  ";
  const auto used = line.size() + numbers.size() + 2;
  if (progress.total > 0 && used + kShortestBar < columns) {
    const auto width = std::min(kLongestBar, columns - used - 1);
    line += bar_of(percent_of(progress), width) + "  ";
  }
  line += numbers;
  if (used > columns + 2) line.resize(columns);  // ASCII only: no bar fits here
  return line;
}

ProgressBar::ProgressBar(Console& console, const Clock& clock, std::string what)
    : stream_(console.err()), clock_(clock), what_(std::move(what)), start_(clock.monotonic()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  const auto now = clock_.monotonic();
  if (!stream_.terminal || (drawn_ && now - *drawn_ < kRedraw)) return;
  drawn_ = now;
  const Progress progress{what_, done, total, now - start_};
  const auto line = progress_line(progress, stream_.columns - 1);
  (void)write_all(stream_.fd, "\r" + line + "\x1b[K");
}

void ProgressBar::clear() {
  if (drawn_) (void)write_all(stream_.fd, "\r\x1b[K");
  drawn_.reset();
}

}  // namespace flashpods::cli
