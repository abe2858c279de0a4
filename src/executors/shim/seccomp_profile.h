#pragma once
// The system calls that a job may make: podman's profile, and what Docker's refuses beyond it.

#include <nlohmann/json_fwd.hpp>

namespace flashpods::shim {

/// Tightens the seccomp profile of an OCI configuration (config-linux.md, "Seccomp"); it never
/// allows what the profile refused. Refused afterwards, whatever the profile says:
/// - sockets of any family but AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, and of netlink any
///   protocol but NETLINK_ROUTE: EAFNOSUPPORT, EPROTONOSUPPORT. An AF_VSOCK socket (vsock(7))
///   shares the host's ports, whatever network namespace it is made in;
/// - new namespaces, by clone(2), unshare(2) and setns(2): EPERM;
/// - mounts, keyrings, memory policies, and what administers or observes the kernel: EPERM;
/// - clone3(2), whose flags a filter cannot see, io_uring(7), which bypasses the filter, and
///   io_setup(2), whose contexts the whole host shares: ENOSYS, so that programs do without;
/// - all system calls of i386, whose socketcall(2) hides the family: SIGSYS. 32-bit x86 programs do
///   not run.
/// A profile that is not an object with a list of `syscalls` is left alone.
void tighten_seccomp(nlohmann::json& profile);

}  // namespace flashpods::shim
