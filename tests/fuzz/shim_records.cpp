// The records that shim and daemon leave each other. First byte: which one; then its text.

#include "executors/shim/shim_records.h"

#include "base/text.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

template <class Record>
void check(const Result<Record>& record, Result<Record> (*parse)(std::string_view)) {
  if (!record) return require(record.error().code == "invalid_record", "a refusal says what it is");
  const auto text = shim::to_text(*record);
  require(is_valid_utf8(text) && text.find('\n') == std::string::npos, "a record is one line");
  const auto again = parse(text);
  require(again.has_value(), "a printed record is accepted");
  require(shim::to_text(*again) == text, "and is the same");
}

FUZZ_TARGET(shim_records) {
  switch (fuzz::take_byte(input)) {
    case 'j':
      return check(shim::parse_job(input), shim::parse_job);
    case 's':
      return check(shim::parse_started(input), shim::parse_started);
    case 'k':
      return check(shim::parse_stop(input), shim::parse_stop);
    default:
      return check(shim::parse_exit(input), shim::parse_exit);
  }
}

}  // namespace
}  // namespace flashpods
