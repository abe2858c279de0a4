// flashpods up: a server for the current user on this machine.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/daemon_process.h"
#include "cli/own_executable.h"
#include "cli/shell_words.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Starts flashpodsd in the background and waits until it answers. It listens on 127.0.0.1 only; its
state, its log and a generated token lie in the state directory (default
$XDG_STATE_HOME/flashpods, or ~/.local/state/flashpods), which only you can read. The other verbs
find the server of the default directory by themselves; for another one, and for curl and rsync,
source DIR/env. Where a server runs already, that is said and nothing changes.

Without --port and --rsync-port 8080 and 8873 are taken if they are free, else any free port.

Examples:
  flashpods up
  flashpods up --state-dir /tmp/try --port 0 && . /tmp/try/env
)";

constexpr std::uint16_t kApiPort = 8080;
constexpr std::uint16_t kRsyncPort = 8873;
constexpr std::int64_t kHighestPort = 65535;

Result<std::uint16_t> chosen_port(const std::optional<std::int64_t>& asked,
                                  std::uint16_t preferred) {
  if (!asked) return free_port_or_any(preferred);
  if (*asked >= 0 && *asked <= kHighestPort) return static_cast<std::uint16_t>(*asked);
  return fail(ErrorKind::kInvalid, "usage", "a port is a number from 0 to 65535");
}

Result<void> make_state_directory(const std::filesystem::path& state) {
  if (auto made = make_directories(state, 0700); !made) return made;
  if (::chmod(state.c_str(), 0700) == 0) return {};
  return std::unexpected(errno_error("cannot make " + state.string() + " private"));
}

// Two `up` at once: the second waits here, then finds the first one's daemon.
Result<Fd> lock_start(const std::filesystem::path& state) {
  Fd lock{::open((state / "up.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
    return std::unexpected(errno_error("cannot lock " + (state / "up.lock").string()));
  }
  return lock;
}

class Up final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"--state-dir", &state_word_, "DIR", "where the server keeps everything"},
            {"--port", &port_, "PORT", "of the HTTP API; 0 takes a free one"},
            {"--rsync-port", &rsync_port_, "PORT", "of the uploads; 0 takes a free one"}};
  }

  Awaitable<int> execute(Session& session) override {
    state_ = state_directory(state_word_);
    if (auto made = make_state_directory(state_); !made) co_return session.fail(made.error());
    const auto lock = lock_start(state_);
    if (!lock) co_return session.fail(lock.error());
    auto running = co_await running_daemon(state_);
    const bool already = running.has_value();
    Result<Endpoints> endpoints = already ? Result<Endpoints>{*running} : co_await start(session);
    if (!endpoints) co_return session.fail(endpoints.error());
    const auto env = write_env_file(state_, *endpoints);
    if (!env) co_return session.fail(env.error());
    show(session, *endpoints, *env, already);
    co_return 0;
  }

 private:
  Awaitable<Result<Endpoints>> start(Session& session) {
    DaemonStart start{.state = state_, .program = {}};
    const auto path = session.variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
    auto program = find_beside(session.executable, "flashpodsd", path);
    if (!program) co_return std::unexpected(program.error());
    const auto port = chosen_port(port_, kApiPort);
    const auto rsync_port = chosen_port(rsync_port_, kRsyncPort);
    if (!port || !rsync_port) co_return std::unexpected((port ? rsync_port : port).error());
    start.program = *program;
    start.port = *port;
    start.rsync_port = *rsync_port;
    co_return co_await start_daemon(session, std::move(start));
  }

  [[nodiscard]] std::string quoted_state() const {
    return to_one_line(quote_word(state_.string()), 4096);
  }

  void show(Session& session, const Endpoints& endpoints, const std::filesystem::path& env,
            bool already) const {
    if (session.json) return show_json(session.console, endpoints, env, already);
    const bool is_default = state_ == state_directory("");
    const auto source = ". " + to_one_line(quote_word(env.string()), 4096);
    auto& console = session.console;
    console.line(std::string{already ? "flashpodsd runs already at " : "flashpodsd runs at "} +
                 to_one_line(endpoints.url));
    console.line("  state  " + to_one_line(state_.string(), 4096));
    console.line("  log    " + to_one_line(daemon_log(state_).string(), 4096));
    console.line("\nNext:");
    if (!is_default) console.line("  " + source + "\n      # the other verbs then use this server");
    console.line("  flashpods run -- uname -a");
    console.line("  claude mcp add flashpods -- flashpods mcp");
    if (is_default) console.line("  " + source + "      # for curl and rsync");
    console.line("  flashpods down" + (is_default ? "" : " --state-dir " + quoted_state()));
  }

  void show_json(Console& console, const Endpoints& endpoints, const std::filesystem::path& env,
                 bool already) const {
    auto result = nlohmann::json::object();
    result["url"] = endpoints.url;
    result["rsync_url"] = endpoints.rsync_url;
    result["instance"] = endpoints.instance;
    result["pid"] = endpoints.pid;
    result["state_dir"] = state_.string();
    result["env_file"] = env.string();
    result["log_file"] = daemon_log(state_).string();
    result["already_running"] = already;
    console.json(result);
  }

  std::string state_word_;
  std::filesystem::path state_;
  std::optional<std::int64_t> port_;
  std::optional<std::int64_t> rsync_port_;
};

}  // namespace

extern const VerbEntry kUpVerb;
constinit const VerbEntry kUpVerb{.name = "up",
                                  .group = "This machine",
                                  .summary = "start a server for yourself",
                                  .details = kDetails,
                                  .make = make_verb<Up>};

}  // namespace flashpods::cli
