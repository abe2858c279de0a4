// flashpods doctor: what this machine lacks to run jobs, and how to fix it.

#include <algorithm>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/doctor/machine_checks.h"
#include "cli/doctor/podman_checks.h"
#include "cli/doctor/rsync_checks.h"
#include "cli/doctor/server_checks.h"
#include "cli/json_fields.h"
#include "cli/local_daemon.h"
#include "cli/own_executable.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "process/find_program.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Looks at everything that a server on this machine needs, and at the server that the other verbs
use. Each line is ok, warn (it works, with less) or fail (jobs will not run), with the fix below
it. Run it as the user that runs, or will run, the server. --client asks only for what a laptop
needs that uses a server elsewhere.

Exit codes: 0 nothing fails; 1 something does.
)";

constexpr Milliseconds kCommandLimit{30'000};
constexpr std::size_t kLargestFile = std::size_t{1024} * 1024;

std::string user_name() {
  const auto* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::getuid());
}

Awaitable<Result<CommandResult>> run_tool(Session& session, std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  command.env = tool_environment();
  for (const char* name : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "CONTAINERS_CONF"}) {
    if (const auto value = session.variable(name)) command.env[name] = *value;
  }
  command.timeout = kCommandLimit;
  co_return co_await session.commands.run(std::move(command));
}

// Administrators' programs are often outside an ordinary user's PATH.
std::optional<std::string> find_tool(const Session& session, const std::string& name) {
  const auto path = session.variable("PATH").value_or("") +
                    ":/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec/podman:/usr/lib/podman";
  auto found = find_program(name, path);
  if (!found) return std::nullopt;
  return *found;
}

Awaitable<Checks> podman_checks(Session& session) {
  if (!find_tool(session, "podman")) co_return Checks{podman_missing()};
  auto result = co_await run_tool(session, {"podman", "info", "--format", "json"});
  if (!result) co_return Checks{podman_broken(result.error().message)};
  const auto info = result->ok() ? parse_json(result->out) : fail(ErrorKind::kInternal, "", "");
  if (!info) co_return Checks{podman_broken(to_one_line(result->err, 400))};
  const auto packaged =
      co_await run_tool(session, {"dpkg-query", "-W", "-f", "${Version}", "podman"});
  auto checks = check_podman_info(*info);
  for (auto& check : check_container_advisories(*info, packaged ? packaged->out : "")) {
    checks.push_back(std::move(check));
  }
  co_return checks;
}

Awaitable<Check> rsync_check(Session& session) {
  const auto version = co_await run_tool(session, {"rsync", "--version"});
  const auto packaged =
      co_await run_tool(session, {"dpkg-query", "-W", "-f", "${Version}", "rsync"});
  co_return check_rsync(version ? version->out : "", packaged ? packaged->out : "");
}

/// A file of /proc has no size of its own.
std::string read_all_mounts() {
  const Fd file(::open("/proc/mounts", O_RDONLY | O_CLOEXEC));
  return file ? read_all(file.get(), kLargestFile).value_or("") : std::string{};
}

Checks account_checks(const Session& session) {
  Checks checks;
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    const auto text = read_file(file, kLargestFile).value_or("");
    checks.push_back(check_subids(file, text, user_name(), ::getuid()));
  }
  for (const char* name : {"newuidmap", "newgidmap"}) {
    checks.push_back(
        check_program(name, find_tool(session, name), Health::kFail, "apt-get install uidmap"));
  }
  checks.push_back(check_runtime_directory(session.variable("XDG_RUNTIME_DIR")));
  return checks;
}

Checks machine_checks(const Session& session) {
  const auto state = state_directory("");
  const auto home = session.variable("HOME").value_or("/");
  return {check_program("catatonit", find_tool(session, "catatonit"), Health::kFail,
                        "apt-get install catatonit (podman's --init needs it)"),
          check_device("/dev/net/tun", "the network of jobs"),
          check_device("/dev/fuse", "fuse-overlayfs, where native overlay is not to be had"),
          check_landlock(),
          check_disk("disk", "disk of the state", state),
          check_disk("disk_images", "disk of the images",
                     std::filesystem::path{home} / ".local/share/containers")};
}

Awaitable<Checks> service_checks(Session& session) {
  Checks checks;
  if (::access("/run/systemd/system", F_OK) == 0) {
    auto linger =
        co_await run_tool(session, {"loginctl", "show-user", user_name(), "-p", "Linger"});
    checks.push_back(check_linger(linger ? linger->out : "", user_name()));
  }
  const auto path = session.variable("PATH").value_or("");
  for (const char* name : {"flashpodsd", "flashpods-shim"}) {
    const auto found = find_beside(session.executable, name, path);
    checks.push_back(check_program(name, found ? std::optional{*found} : std::nullopt,
                                   Health::kFail, "./dev build leaves it in out/bin"));
  }
  co_return checks;
}

Awaitable<Checks> server_checks(Session& session) {
  auto api = co_await connect(session);
  if (!api) co_return no_server(api.error());
  const auto health = co_await (*api)->health();
  co_return health ? check_health(*health) : no_server(health.error());
}

std::string_view word_of(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kWarn:
      return "warn";
    case Health::kFail:
      return "fail";
    case Health::kUnknown:
      break;
  }
  return "-";
}

Style style_of(Health health) {
  switch (health) {
    case Health::kOk:
      return Style::kGood;
    case Health::kWarn:
      return Style::kWarn;
    case Health::kFail:
      return Style::kBad;
    case Health::kUnknown:
      break;
  }
  return Style::kDim;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

void show(Console& console, const Checks& checks) {
  const bool colour = console.out().colour;
  for (const auto& check : checks) {
    const auto word = padded(std::string{word_of(check.health)}, 6);
    console.line(paint(word, style_of(check.health), colour) +
                 padded(to_one_line(check.title), 20) + to_one_line(check.detail, 600));
    if (!check.fix.empty()) console.line("        fix: " + to_one_line(check.fix, 600));
  }
}

nlohmann::json to_json(const Checks& checks) {
  auto list = nlohmann::json::array();
  for (const auto& check : checks) {
    auto& entry = list.emplace_back(nlohmann::json::object());
    entry["id"] = check.id;
    entry["health"] = check.health == Health::kUnknown ? "unknown" : word_of(check.health);
    entry["detail"] = check.detail;
    entry["fix"] = check.fix.empty() ? nlohmann::json{} : nlohmann::json(check.fix);
  }
  return list;
}

class Doctor final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"--client", &client_only_, "", "only what using a server elsewhere needs"}};
  }

  Awaitable<int> execute(Session& session) override {
    auto checks = co_await all_checks(session);
    if (session.json) {
      session.console.json(to_json(checks));
    } else {
      show(session.console, checks);
    }
    const auto failed = std::ranges::count(checks, Health::kFail, &Check::health);
    if (failed > 0 && !session.json) {
      session.console.note("\n" + std::to_string(failed) + " of " + std::to_string(checks.size()) +
                           " checks failed");
    }
    co_return failed > 0 ? 1 : 0;
  }

 private:
  Awaitable<Checks> all_checks(Session& session) {
    Checks checks;
    const auto add = [&checks](Checks more) {
      checks.insert(checks.end(), more.begin(), more.end());
    };
    if (!client_only_) {
      add(co_await podman_checks(session));
      add(account_checks(session));
      add(machine_checks(session));
      add(check_nsdelegate(read_all_mounts()));
      add(co_await service_checks(session));
    }
    checks.push_back(co_await rsync_check(session));
    add(co_await server_checks(session));
    co_return checks;
  }

  bool client_only_ = false;
};

}  // namespace

extern const VerbEntry kDoctorVerb;
constinit const VerbEntry kDoctorVerb{.name = "doctor",
                                      .group = "This machine",
                                      .summary = "check what jobs need here, and say how to fix it",
                                      .details = kDetails,
                                      .make = make_verb<Doctor>};

}  // namespace flashpods::cli
