#include "executors/podman/shim_process.h"

#include <array>
#include <chrono>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/event_loop.h"
#include "base/failpoint.h"
#include "base/files.h"
#include "executors/shim/control_server.h"
#include "executors/shim/job_files.h"
#include "executors/shim/proc_text.h"
#include "process/command_runner.h"
#include "process/platform.h"

namespace flashpods::executors {

namespace asio = boost::asio;

namespace {

constexpr int kControlFd = 3;

Result<std::array<Fd, 2>> socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(errno_error("cannot make a control socket"));
  }
  return std::array{Fd(ends[0]), Fd(ends[1])};
}

/// Each shim that cannot start adds a line. Without a bound a job whose shim never can would fill
/// the disk.
Fd open_log(const std::filesystem::path& directory) {
  constexpr off_t kMostShimLog = off_t{64} * 1024;
  const auto path = directory / shim::kShimLog;
  Fd log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info{};
  if (log && ::fstat(log.get(), &info) == 0 && info.st_size > kMostShimLog &&
      ::ftruncate(log.get(), 0) != 0) {
    log.reset();
  }
  return log;
}

}  // namespace

Result<ShimProcess> start_shim(const Executor& executor, const std::string& program,
                               const std::filesystem::path& directory) {
  auto pair = socket_pair();
  if (!pair) return std::unexpected(pair.error());
  const Fd log = open_log(directory);
  ChildOptions options;
  options.argv = {program, directory.string(), std::to_string(kControlFd)};
  options.env = tool_environment();
  hand_failpoint_on(options.env);
  options.new_session = true;
  options.descriptors = {{(*pair)[1].get(), kControlFd}};
  if (log) options.descriptors.emplace_back(log.get(), STDERR_FILENO);
  ShimSocket socket(executor);
  boost::system::error_code refused;
  socket.assign(asio::local::stream_protocol(), (*pair)[0].get(), refused);
  if (refused) return std::unexpected(registration_error(refused, "Cannot start a shim"));
  (void)(*pair)[0].release();
  auto child = start_child(options);
  if (!child) return std::unexpected(child.error());
  return ShimProcess{std::move(*child), std::move(socket)};
}

Awaitable<std::optional<ShimSocket>> connect_to_shim(std::filesystem::path directory) {
  const auto opened = open_directory(directory);
  if (!opened) co_return std::nullopt;
  ShimSocket socket(co_await asio::this_coro::executor);
  const asio::local::stream_protocol::endpoint address(shim::socket_address(opened->get()));
  boost::system::error_code error;
  co_await socket.async_connect(address, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return std::nullopt;
  co_return std::move(socket);
}

namespace {

constexpr int kLooks = 1000;
constexpr std::chrono::milliseconds kLookPause{10};

/// Arguments are public, and anybody may choose them: only our own processes count.
bool is_shim_of(pid_t pid, const std::filesystem::path& directory) {
  const auto words = shim::proc_text(pid, "cmdline");
  const auto program = words.substr(0, words.find('\0'));
  if (!program.ends_with("flashpods-shim") || shim::user_of(pid) != ::getuid()) return false;
  return std::string_view(words)
      .substr(program.size())
      .starts_with('\0' + directory.string() + '\0');
}

bool kill_shims(const std::filesystem::path& directory) {
  bool found = false;
  for (const auto pid : shim::process_ids()) {
    const auto handle = open_process_handle(pid);
    if (!handle || !is_shim_of(pid, directory)) continue;
    ::syscall(SYS_pidfd_send_signal, handle->get(), SIGKILL, nullptr, 0);
    found = true;
  }
  return found;
}

}  // namespace

void end_shim(const std::filesystem::path& directory) {
  for (int looks = 0; looks < kLooks && kill_shims(directory); ++looks) {
    std::this_thread::sleep_for(kLookPause);
  }
}

}  // namespace flashpods::executors
