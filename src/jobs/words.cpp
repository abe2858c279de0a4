// The words of the specification for our enums, both ways.

#include <algorithm>
#include <array>
#include <utility>

#include "jobs/job.h"

namespace flashpods::jobs {

namespace {

template <class Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Words<Status, 9> kStatusWords{{{Status::kPending, "pending"},
                                         {Status::kStarting, "starting"},
                                         {Status::kRunning, "running"},
                                         {Status::kCompleted, "completed"},
                                         {Status::kFailed, "failed"},
                                         {Status::kTimedOut, "timed_out"},
                                         {Status::kCancelled, "cancelled"},
                                         {Status::kCleaning, "cleaning"},
                                         {Status::kCleaned, "cleaned"}}};

constexpr Words<JobType, 2> kTypeWords{{{JobType::kWorker, "worker"}, {JobType::kAgent, "agent"}}};

constexpr Words<Network, 2> kNetworkWords{
    {{Network::kInternet, "internet"}, {Network::kNone, "none"}}};

constexpr Words<Workspace, 3> kWorkspaceWords{{{Workspace::kReadOnly, "ro"},
                                               {Workspace::kScratch, "scratch"},
                                               {Workspace::kReadWrite, "rw"}}};

constexpr Words<EndCause, 11> kCauseWords{{{EndCause::kExited, "exit"},
                                           {EndCause::kSignalled, "signal"},
                                           {EndCause::kOomKilled, "oom_killed"},
                                           {EndCause::kTimedOut, "timed_out"},
                                           {EndCause::kCancelled, "cancelled"},
                                           {EndCause::kDiskQuota, "disk_quota"},
                                           {EndCause::kKernelLimit, "kernel_limit"},
                                           {EndCause::kImageNotFound, "image_not_found"},
                                           {EndCause::kImagePullFailed, "image_pull_failed"},
                                           {EndCause::kStartFailed, "container_start_failed"},
                                           {EndCause::kLost, "container_lost_on_recovery"}}};

template <class Enum, std::size_t N>
std::string_view word_of(const Words<Enum, N>& words, Enum value) {
  return std::ranges::find(words, value, &std::pair<Enum, std::string_view>::first)->second;
}

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const Words<Enum, N>& words, std::string_view word) {
  const auto found = std::ranges::find(words, word, &std::pair<Enum, std::string_view>::second);
  if (found == words.end()) return std::nullopt;
  return found->first;
}

}  // namespace

std::string_view to_string(Status status) { return word_of(kStatusWords, status); }
std::string_view to_string(JobType type) { return word_of(kTypeWords, type); }
std::string_view to_string(Network network) { return word_of(kNetworkWords, network); }
std::string_view to_string(Workspace workspace) { return word_of(kWorkspaceWords, workspace); }
std::string_view to_string(EndCause cause) { return word_of(kCauseWords, cause); }

std::optional<Status> parse_status(std::string_view word) { return value_of(kStatusWords, word); }
std::optional<JobType> parse_job_type(std::string_view word) { return value_of(kTypeWords, word); }
std::optional<Network> parse_network(std::string_view word) {
  return value_of(kNetworkWords, word);
}
std::optional<Workspace> parse_workspace(std::string_view word) {
  return value_of(kWorkspaceWords, word);
}

}  // namespace flashpods::jobs
