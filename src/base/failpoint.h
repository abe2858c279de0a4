#pragma once
// Places at which a test kills or stops this process. They exist only where the CMake option
// FLASHPODS_FAILPOINTS is on (every preset but release); elsewhere they are nothing at all.
// At the place of use one line, after linking flashpods_failpoints:
//
//   FLASHPODS_FAILPOINT("job.created");
//
// The environment chooses one of them: FLASHPODS_FAILPOINT=job.created=kill, or =stop for SIGSTOP,
// or =kill:3 for the third time. With FLASHPODS_FAILPOINT_MARK=FILE only the first of all processes
// that get there acts, once, and leaves its process id in FILE.
//
// With FLASHPODS_NO_WATCHES=FILE each epoll_ctl(EPOLL_CTL_ADD) fails with ENOSPC while FILE exists,
// as it does when the user has used up fs.epoll.max_user_watches (epoll(7)). A number in FILE lets
// so many registrations of the process succeed first.

#include <map>
#include <string>

#include "base/error.h"

#ifndef FLASHPODS_FAILPOINTS
#error "link flashpods_failpoints"
#endif

#if FLASHPODS_FAILPOINTS

#include <algorithm>
#include <string_view>

namespace flashpods {

/// Every failpoint there is; `flashpodsd --list-failpoints` prints them. In the order in which a
/// job passes them.
inline constexpr std::string_view kFailpoints[] = {
    // uploads/
    "upload.begun", "upload.claimed", "upload.giving_back", "upload.given_back", "upload.sealing",
    "upload.final", "upload.sealed", "upload.expired", "upload.cleared",
    // jobs/
    "job.creating", "job.created", "job.becoming_starting", "job.starting", "job.preparing",
    "job.launching", "job.spec_written", "job.launched", "job.noting_running", "job.running",
    "job.stopping", "job.stop_noted", "job.stop_passed_on", "job.exited", "job.collected",
    "job.ending", "job.ended", "job.container_gone", "job.workspace_removed", "job.released",
    "job.cleaning", "job.artifacts_removed", "job.artifacts_noted", "job.log_removed",
    "job.log_noted", "job.cleaned",
    // executors/shim/
    "shim.beginning", "shim.begun", "shim.podman_ran", "shim.noting_started", "shim.started",
    "shim.stop_kept", "shim.exiting", "shim.exited", "shim.removing", "shim.container_gone",
    "shim.removed"};

/// The name itself; one that is not in the list does not compile.
consteval std::string_view known_failpoint(std::string_view name) {
  if (std::ranges::find(kFailpoints, name) == std::ranges::end(kFailpoints)) {
    throw "not in kFailpoints";
  }
  return name;
}

/// At the start of a program: kInvalid "unknown_failpoint" if the environment asks for what is not
/// there, so that a misspelt test does not pass.
[[nodiscard]] Result<void> check_failpoint_wish();

/// What the environment asks for, if this is the place. Any thread.
void pass_failpoint(std::string_view name);

/// The same as FLASHPODS_NO_WATCHES, for a unit test. Any thread.
void fail_watches(bool fail);

/// Lets a program that is started with this environment act on the same wish.
void hand_failpoint_on(std::map<std::string, std::string>& environment);

}  // namespace flashpods

#define FLASHPODS_FAILPOINT(name) ::flashpods::pass_failpoint(::flashpods::known_failpoint(name))

#else

namespace flashpods {

[[nodiscard]] inline Result<void> check_failpoint_wish() { return {}; }
inline void hand_failpoint_on(std::map<std::string, std::string>& /*environment*/) {}

}  // namespace flashpods

#define FLASHPODS_FAILPOINT(name) static_cast<void>(0)

#endif
