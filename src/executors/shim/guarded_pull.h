#pragma once
// Why a pull needs a guard: the host pulls images, from registries that a job's author names. A
// public registry can lead podman anywhere: by the address of its name, by a redirect, or by the
// "realm" where it sends podman for a token.

#include <span>

namespace flashpods::shim {

/// Runs PODMAN pull in a network namespace of its own whose only way out is a proxy that connects
/// to public addresses and to the allowed targets (public_proxy.h). `arguments` are
/// `[HOST:PORT]… -- PODMAN ARGUMENT…`. Needs CAP_SYS_ADMIN in the current user namespace: `podman
/// unshare` gives it where podman is rootless. Returns only on failure, having said why on stderr.
int run_guarded_pull(std::span<char*> arguments);

}  // namespace flashpods::shim
