// What rsync logs about a transfer, names of the client's choice among it.

#include "uploads/rsync_log.h"

#include "base/text.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

std::optional<std::string> failure_in(std::string_view log, std::size_t piece) {
  uploads::RsyncFailure failure;
  for (std::size_t at = 0; at < log.size(); at += piece) failure.read(log.substr(at, piece));
  return failure.why();
}

FUZZ_TARGET(rsync_log) {
  const std::size_t piece = fuzz::take_byte(input) + 1;
  const auto why = failure_in(input, input.size() + 1);
  require(why == failure_in(input, piece), "the size of a read makes no difference");
  if (!why) return;
  require(why->size() < 256, "a reason is short");
  require(to_one_line(*why, why->size()) == *why, "a reason is one visible line");
}

}  // namespace
}  // namespace flashpods
