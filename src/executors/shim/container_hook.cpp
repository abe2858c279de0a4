#include "executors/shim/container_hook.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "executors/shim/lan_isolation.h"
#include "executors/shim/namespace_limits.h"

namespace flashpods::shim {

namespace {

using nlohmann::json;

constexpr std::string_view kCloseNetworks = "--close-networks";

/// /proc/PID of the container's first process.
Result<std::string> container_process() {
  const auto text = read_all(STDIN_FILENO, 1024 * 1024);
  if (!text) return std::unexpected(text.error());
  const auto state = parse_json(*text);
  if (!state || !state->is_object() || !(*state)["pid"].is_number_integer()) {
    return fail(ErrorKind::kInvalid, "invalid_state", "The OCI runtime gave no container state.");
  }
  return "/proc/" + std::to_string((*state)["pid"].get<pid_t>());
}

Fd open_namespace(const std::string& process, const char* name) {
  return Fd(::open((process + "/ns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
}

/// Whether the container has a user namespace of its own, which the caller is in then. A rootful
/// container shares ours: entering it again is refused, and its limits would be the host's.
Result<bool> enter_user_namespace(const Fd& user) {
  if (::setns(user.get(), CLONE_NEWUSER) == 0) return true;
  if (errno == EINVAL) return false;
  return std::unexpected(errno_error("cannot enter the container's user namespace"));
}

Result<void> prepare_container(bool close_networks) {
  const auto process = container_process();
  if (!process) return std::unexpected(process.error());
  const auto user = open_namespace(*process, "user");
  const auto net = open_namespace(*process, "net");
  if (!user || !net) return std::unexpected(errno_error("cannot open the container's namespaces"));
  const auto own = enter_user_namespace(user);
  if (!own) return std::unexpected(own.error());
  if (*own) {
    if (auto limited = limit_namespaces(); !limited) return limited;
  }
  if (!close_networks) return {};
  if (::setns(net.get(), CLONE_NEWNET) != 0) {
    return std::unexpected(errno_error("cannot enter the container's network namespace"));
  }
  return close_private_networks();
}

}  // namespace

void add_container_hook(json& config, const std::string& program, bool close_networks) {
  auto arguments = json::array({kContainerHook});
  if (close_networks) arguments.push_back(kCloseNetworks);
  auto& hooks = config["hooks"];
  if (!hooks.is_object()) hooks = json::object();
  auto& stage = hooks["createRuntime"];
  if (!stage.is_array()) stage = json::array();
  stage.push_back({{"path", program}, {"args", std::move(arguments)}});
}

int run_container_hook(std::span<char* const> arguments) {
  const bool close_networks = std::ranges::find(arguments, kCloseNetworks) != arguments.end();
  const auto done = prepare_container(close_networks);
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "flashpods: %s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}

}  // namespace flashpods::shim
