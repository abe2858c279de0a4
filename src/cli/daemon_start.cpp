#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/daemon_process.h"
#include "process/child.h"

namespace flashpods::cli {
namespace {

constexpr Milliseconds kPoll{20};
constexpr Milliseconds kStartLimit{30'000};
constexpr std::size_t kShownLines = 12;
constexpr off_t kShownBytes = off_t{16} * 1024;

Result<Fd> open_log(const std::filesystem::path& path) {
  Fd log{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!log) return std::unexpected(errno_error("cannot open " + path.string()));
  return log;
}

std::string end_of_log(const std::filesystem::path& path) {
  const Fd log{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!log) return {};
  const auto size = ::lseek(log.get(), 0, SEEK_END);
  (void)::lseek(log.get(), std::max<off_t>(0, size - kShownBytes), SEEK_SET);
  const auto text = read_all(log.get(), static_cast<std::size_t>(2 * kShownBytes));
  return text ? last_lines(*text, kShownLines) : std::string{};
}

std::vector<std::string> daemon_argv(const DaemonStart& start) {
  return {start.program,
          "--state-dir",
          start.state.string(),
          "--port",
          std::to_string(start.port),
          "--rsync-port",
          std::to_string(start.rsync_port),
          "--log-file",
          daemon_log(start.state).string()};
}

// All of ours, which names proxies and Podman's configuration, but not what opens another server.
std::map<std::string, std::string> daemon_environment(const Session& session) {
  auto environment = session.environment;
  for (const char* secret : {"FLASHPODS_API_TOKEN", "RSYNC_PASSWORD"}) environment.erase(secret);
  return environment;
}

Result<Child> spawn_daemon(const Session& session, const DaemonStart& start) {
  auto log = open_log(daemon_log(start.state));
  if (!log) return std::unexpected(log.error());
  ChildOptions options;
  options.argv = daemon_argv(start);
  options.env = daemon_environment(session);
  options.descriptors = {{log->get(), 1}, {log->get(), 2}};
  options.new_session = true;
  return start_child(options);
}

// The file may be left over from a daemon before: it counts once it names our child.
Awaitable<Endpoints> until_answering(Session& session, std::filesystem::path state, pid_t pid) {
  for (;;) {
    const auto endpoints = read_endpoints(state);
    if (endpoints && endpoints->pid == pid) {
      const auto health = co_await answering(*endpoints);
      if (health) co_return *endpoints;
    }
    co_await session.timer.sleep_for(kPoll);
  }
}

Error failed_start(const std::filesystem::path& state, const std::string& what) {
  const auto log = daemon_log(state);
  return {ErrorKind::kUnavailable, "daemon_failed",
          "flashpodsd " + what + ". Its last words, from " + log.string() + ":\n" +
              to_terminal_text(end_of_log(log)) + "\n`flashpods doctor` may know more."};
}

std::string how_it_ended(const ChildExit& end) {
  return end.signal != 0 ? "was ended by signal " + std::to_string(end.signal)
                         : "ended with exit code " + std::to_string(end.code);
}

}  // namespace

std::filesystem::path daemon_log(const std::filesystem::path& state) {
  return state / "flashpodsd.log";
}

std::string last_lines(std::string_view text, std::size_t lines) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  auto start = text.size();
  for (; lines > 0 && start != std::string_view::npos; --lines) {
    start = start == 0 ? std::string_view::npos : text.rfind('\n', start - 1);
  }
  if (start == std::string_view::npos) return std::string{text};
  return std::string{text.substr(std::min(start + 1, text.size()))};
}

std::uint16_t free_port_or_any(std::uint16_t preferred) {
  const Fd socket{::socket(AF_INET, SOCK_STREAM, 0)};
  const int on = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(preferred);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return free ? preferred : 0;
}

Awaitable<Result<Endpoints>> start_daemon(Session& session, DaemonStart start) {
  using boost::asio::experimental::awaitable_operators::operator||;
  auto child = spawn_daemon(session, start);
  if (!child) co_return std::unexpected(child.error());
  const auto pid = child->pid;
  auto outcome = co_await (until_answering(session, start.state, pid) ||
                           wait_child(std::move(*child)) || session.timer.sleep_for(kStartLimit));
  if (outcome.index() == 0) co_return std::get<0>(std::move(outcome));
  if (outcome.index() == 1) {
    co_return std::unexpected(failed_start(start.state, how_it_ended(std::get<1>(outcome))));
  }
  (void)::kill(pid, SIGTERM);  // not reaped yet, so the pid is still our child's
  co_return std::unexpected(failed_start(start.state, "did not answer within 30 seconds"));
}

}  // namespace flashpods::cli
