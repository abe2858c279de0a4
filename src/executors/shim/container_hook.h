#pragma once
// What is done in a container's namespaces before its first process runs: a createRuntime hook of
// the OCI runtime (config.md, "POSIX-platform Hooks").

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace flashpods::shim {

/// Name (argv[0]) under which the OCI runtime calls this program: the container's namespaces exist,
/// its first process has not run.
inline constexpr const char* kContainerHook = "flashpods-container-hook";

/// Adds the hook to an OCI configuration. `program` is this program's path. With
/// `close_networks` the hook closes private networks (lan_isolation.h); it always limits what
/// namespaces the container may make (namespace_limits.h).
void add_container_hook(nlohmann::json& config, const std::string& program, bool close_networks);

/// The hook: reads the OCI state from stdin and enters the container's namespaces. `arguments`
/// follow argv[0]. A failure keeps the container from starting. Returns the exit code.
int run_container_hook(std::span<char* const> arguments);

}  // namespace flashpods::shim
