#include "executors/shim/stop_request.h"

#include "base/failpoint.h"
#include "base/files.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostRecord = 65536;

}  // namespace

StopRequest::StopRequest(std::filesystem::path file, const Clock& clock)
    : file_(std::move(file)), clock_(clock) {
  const auto text = read_file(file_, kMostRecord);
  if (!text) return;
  if (auto record = parse_stop(*text)) record_ = std::move(*record);
}

void StopRequest::make(jobs::EndCause cause, std::string message) {
  if (record_) return;
  record_ = StopRecord{cause, clock_.now(), std::move(message)};
  [[maybe_unused]] const auto kept = write_file_durably(file_, to_text(*record_));
  FLASHPODS_FAILPOINT("shim.stop_kept");
}

}  // namespace flashpods::shim
