// What podman prints: records, lists, times and complaints.

#include "base/text.h"
#include "executors/podman/container_record.h"
#include "executors/podman/podman_words.h"
#include "executors/shim/end_cause.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

/// What a hostile record makes of a job's end.
void check_end(const podman::ContainerRecord& record) {
  shim::EndFacts facts;
  facts.record = record;
  const auto exited = shim::judge_end(facts);
  require(!exited.exit_code || record.ended(), "an exit code comes from a container that ended");
  require(to_one_line(exited.message, exited.message.size()) == exited.message,
          "its message is one visible line");
  if (exited.cause == jobs::EndCause::kExited)
    require(exited.exit_code.has_value(), "an exit has a code");
}

FUZZ_TARGET(podman_output) {
  if (const auto record = podman::parse_inspect(input)) check_end(*record);
  if (const auto list = podman::parse_list(input))
    for (const auto& container : *list) require(!container.job_id.empty(), "ours have a job");
  if (const auto time = podman::parse_podman_time(input)) {
    const auto text = to_rfc3339_ms(*time);
    require(parse_rfc3339(text) == time, "a time printed is the same time");
    require(podman::parse_podman_time(text) == time, "for podman too");
  }
  if (const auto time = parse_rfc3339(input))
    require(parse_rfc3339(to_rfc3339_ms(*time)) == time, "a time printed is the same time");
  (void)podman::classify_run_failure(input);
  require(!podman::explain_pull_failure(input).message.empty(), "a failed pull is explained");
  const auto message = podman::podman_message(input);
  require(to_one_line(message, message.size()) == message, "a complaint is one visible line");
  require(message.size() <= 1003, "and is short");
}

}  // namespace
}  // namespace flashpods
