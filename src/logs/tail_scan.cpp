#include "logs/tail_scan.h"

namespace flashpods::logs {

std::optional<std::size_t> TailScan::feed(std::string_view block) {
  if (lines_ == 0) return block.size();
  for (auto at = block.size(); at > 0; --at) {
    if (block[at - 1] == '\n' && !at_end_ && --lines_ == 0) return at;
    at_end_ = false;
    if (budget_ == 0) {
      limited_ = true;
      return at;
    }
    --budget_;
  }
  return std::nullopt;
}

}  // namespace flashpods::logs
