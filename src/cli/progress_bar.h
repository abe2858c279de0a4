#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/console.h"

namespace flashpods::cli {

/// How far a transfer is.
struct Progress {
  std::string what;  ///< "uploading"
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0 if unknown
  Milliseconds elapsed{0};
};

/// "uploading  ████░░░░  42%  12.3 MB of 30.1 MB  3.2 MB/s", in at most `columns` columns; the bar
/// shrinks, then goes, where there is no room.
[[nodiscard]] std::string progress_line(const Progress& progress, std::size_t columns);

/// One line on stderr that is drawn over, at most ten times a second; nothing where stderr is no
/// terminal.
class ProgressBar {
 public:
  ProgressBar(Console& console, const Clock& clock, std::string what);
  /// Clears the line, if it was drawn.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(std::uint64_t done, std::uint64_t total);
  void clear();

 private:
  Stream stream_;
  const Clock& clock_;
  std::string what_;
  Milliseconds start_;
  std::optional<Milliseconds> drawn_;
};

}  // namespace flashpods::cli
