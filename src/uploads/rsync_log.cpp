#include "uploads/rsync_log.h"

#include <algorithm>
#include <array>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

namespace flashpods::uploads {

namespace {

/// Of a longer line no more is looked at; rsync's own words come first.
constexpr std::size_t kMaxLine = 4096;
constexpr std::string_view kAfterDate = "] ";
constexpr std::string_view kComplaint = "rsync: ";
constexpr std::string_view kGivesUp = "rsync error: ";
constexpr std::string_view kSummary = "sent ";
constexpr std::string_view kVanished = "rsync warning: some files vanished";

}  // namespace

void RsyncFailure::read(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto rest = bytes.substr(0, end);
    line_.append(rest.substr(0, kMaxLine - std::min(kMaxLine, line_.size())));
    if (end == std::string_view::npos) return;
    read_line(line_);
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
}

/// "2026/11/26 04:28:04 [28132] rsync error: error in file IO (code 11) at receiver.c(657) [...]".
/// rsync writes no line break that a name has (log.c).
void RsyncFailure::read_line(std::string_view line) {
  const auto date = line.find(kAfterDate);
  if (why_ || date == std::string_view::npos) return;
  line.remove_prefix(date + kAfterDate.size());
  if (line.starts_with(kSummary) || line.starts_with(kVanished)) ended_well_ = true;
  if (line.starts_with(kComplaint)) complaint_ = to_one_line(line.substr(kComplaint.size()));
  if (!line.starts_with(kGivesUp)) return;
  why_ = complaint_.empty() ? to_one_line(line.substr(kGivesUp.size())) : complaint_;
}

Result<RsyncLog> RsyncLog::open(const std::filesystem::path& fifo) {
  auto opened = open_fifo(fifo);
  if (!opened) return std::unexpected(opened.error());
  return RsyncLog(std::move(*opened));
}

void RsyncLog::read_more() {
  std::array<char, 65536> bytes;  // all that a FIFO holds
  const auto size = ::read(fifo_.get(), bytes.data(), bytes.size());
  if (size > 0) read_.read({bytes.data(), static_cast<std::size_t>(size)});
}

const std::optional<std::string>& RsyncLog::failure() {
  read_more();
  return read_.why();
}

bool RsyncLog::ended_well() {
  read_more();
  return read_.ended_well();
}

}  // namespace flashpods::uploads
