#pragma once
// The real listener in a loop of its own thread, as in the daemon, and a shell for its clients.

#include <cstdio>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>

#include "uploads/rsync_listener.h"
#include "uploads/test_support.h"

namespace flashpods::uploads {

namespace fs = std::filesystem;

inline constexpr const char* kSecret = "correct-horse";
inline constexpr std::uint64_t kMegabyte = 1 << 20;

inline std::uint64_t tree_bytes(const fs::path& path) { return measure_tree(path).value().bytes; }

struct ClientResult {
  int code = -1;
  std::string output;
};

inline ClientResult shell(const std::string& command) {
  ClientResult result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = ::fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), got);
  }
  result.code = WEXITSTATUS(::pclose(pipe));
  return result;
}

class Daemon {
 public:
  /// `spoil` comes before each measurement of the disk's use, and may fail it.
  explicit Daemon(
      Limits limits = {}, const fs::path& state = {}, std::vector<std::string> sources = {},
      std::function<Result<void>()> spoil = [] { return Result<void>{}; })
      : state_path_(state.empty() ? own_state_.path() : state) {
    store_ =
        std::move(SqliteStore::open(state_path_ / "db", SqliteStore::Threading::kInline).value());
    const Surroundings with{*store_, clock_, timer_, log_};
    const auto paths = Paths::below(state_path_);
    auto usage = [spoil = std::move(spoil),
                  all = measured_usage({paths.uploads, paths.sealed, paths.transfers})] {
      const auto spoilt = spoil();
      return spoilt ? all() : std::unexpected(spoilt.error());
    };
    files_ = std::make_unique<StoredUploadFiles>(paths, std::move(usage), pool_);
    uploads_ = std::make_unique<Uploads>(with, *files_, limits);
    thread_ = std::jthread([this] { context_.run(); });
    on_loop(uploads_->recover()).value();
    RsyncOptions options;
    options.secret = kSecret;
    options.allowed_sources = std::move(sources);
    options.hook = {fs::read_symlink("/proc/self/exe"), "--rsync-hook"};
    listener_ = std::move(
        RsyncListener::open(context_.get_executor(), {*uploads_, *files_, with}, random_, options)
            .value());
    on_loop(listener_->adopt_survivors());
    serving_ = boost::asio::co_spawn(context_, listener_->serve(), boost::asio::use_future);
  }

  ~Daemon() {
    on_loop(listener_->close());
    serving_.get();
    work_.reset();
    thread_.join();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  template <class T>
  T on_loop(Awaitable<T> task) {
    return boost::asio::co_spawn(context_, std::move(task), boost::asio::use_future).get();
  }

  Result<Upload> finalize(const std::string& id) { return on_loop(uploads_->finalize(id)); }
  Result<Upload> get(const std::string& id) { return on_loop(uploads_->get(id)); }
  Result<Upload> remove(const std::string& id) { return on_loop(uploads_->remove(id)); }

  void begin(const std::string& id) {
    auto body = [id, now = clock_.now()](Transaction& tx) {
      return uploads::begin(tx, id, "127.0.0.1", now, Limits{});
    };
    ASSERT_TRUE(on_loop(store_->transact(std::move(body))));
  }

  [[nodiscard]] std::string url(const std::string& path) const {
    return "rsync://flashpods@127.0.0.1:" + std::to_string(listener_->port()) + "/" + path;
  }
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
  [[nodiscard]] const fs::path& state() const { return state_path_; }
  [[nodiscard]] std::string warnings() const { return contents(state_path_ / "warnings"); }
  [[nodiscard]] fs::path received(const std::string& id) const {
    return state_path_ / "uploads" / id;
  }

 private:
  TemporaryDirectory own_state_;
  fs::path state_path_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  SystemClock clock_;
  SystemTimer timer_;
  SystemRandom random_;
  Fd log_file_{::open((state_path_ / "warnings").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)};
  Log log_{clock_, log_file_.get(), LogLevel::kWarning};
  BlockingPool pool_{2};
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<StoredUploadFiles> files_;
  std::unique_ptr<Uploads> uploads_;
  std::unique_ptr<RsyncListener> listener_;
  std::future<void> serving_;
  std::jthread thread_;
};

/// Until the condition holds; the test's own time limit ends it otherwise.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

}  // namespace flashpods::uploads
