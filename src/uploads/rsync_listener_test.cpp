// The real rsync client against the real listener.

#include "uploads/rsync_listener.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "uploads/confinement.h"
#include "uploads/test_support.h"

namespace flashpods::uploads {
namespace {

namespace fs = std::filesystem;
using boost::asio::ip::tcp;
using testing::HasSubstr;

constexpr const char* kSecret = "correct-horse";

struct ClientResult {
  int code = -1;
  std::string output;
};

ClientResult shell(const std::string& command) {
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

/// A listener in a loop of its own thread, as in the daemon.
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

class Rsync : public testing::Test {
 protected:
  Rsync() { put(source_ / "src/main.c", "int main;"); }

  /// rsync OPTIONS SOURCE/ URL.
  ClientResult send(const std::string& path, const std::string& options = "-avz --delete",
                    const std::string& password = kSecret) {
    return shell("RSYNC_PASSWORD=" + password + " rsync " + options + " '" + source_.native() +
                 "/' '" + daemon_.url(path) + "'");
  }

  Daemon daemon_;
  TemporaryDirectory directory_;
  fs::path source_ = directory_.path() / "source";
};

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0xFFFF;
}

TEST_F(Rsync, EverythingArrivesUnchanged) {
  put(source_ / "run.sh", "#!/bin/sh\n");
  ASSERT_EQ(::chmod((source_ / "run.sh").c_str(), 0750), 0);
  fs::create_directories(source_ / "empty/inner");
  fs::create_symlink("../elsewhere", source_ / "link");
  fs::create_symlink("/etc/hosts", source_ / "src/absolute");
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1000);
  fs::last_write_time(source_ / "run.sh", long_ago);
  const auto sent = send("uploads/upload_a/");
  ASSERT_EQ(sent.code, 0) << sent.output;
  const auto upload = daemon_.finalize("upload_a");
  ASSERT_TRUE(upload) << upload.error().message;
  EXPECT_EQ(upload->file_count, 4);
  const auto sealed = daemon_.state() / "sealed/upload_a";
  EXPECT_EQ(contents(sealed / "src/main.c"), "int main;");
  EXPECT_EQ(mode_of(sealed / "run.sh"), 0750U);
  EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(fs::last_write_time(sealed / "run.sh")),
            std::chrono::floor<std::chrono::seconds>(long_ago));
  EXPECT_TRUE(fs::is_directory(sealed / "empty/inner"));
  EXPECT_EQ(fs::read_symlink(sealed / "link"), "../elsewhere");
  EXPECT_EQ(fs::read_symlink(sealed / "src/absolute"), "/etc/hosts");
}

TEST_F(Rsync, MayBeRepeatedUntilFinalized) {
  ASSERT_EQ(send("uploads/upload_a/").code, 0);
  fs::remove(source_ / "src/main.c");
  put(source_ / "src/other.c");
  ASSERT_EQ(send("uploads/upload_a/", "-avz --delete --partial --exclude node_modules").code, 0);
  const auto upload = daemon_.finalize("upload_a");
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->file_count, 1);
  const auto late = send("uploads/upload_a/");
  EXPECT_NE(late.code, 0);
  EXPECT_THAT(late.output, HasSubstr("is finalized and cannot change"));
}

TEST_F(Rsync, ADeletedIdIsRefusedWithWords) {
  ASSERT_EQ(send("uploads/upload_a/").code, 0);
  ASSERT_TRUE(daemon_.remove("upload_a"));
  const auto late = send("uploads/upload_a/");
  EXPECT_NE(late.code, 0);
  EXPECT_THAT(late.output, HasSubstr("was deleted"));
  EXPECT_FALSE(fs::exists(daemon_.received("upload_a")));
}

TEST_F(Rsync, AskForThePassword) {
  const auto refused = send("uploads/upload_a/", "-a", "wrong");
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.output, HasSubstr("auth failed"));
  EXPECT_EQ(daemon_.get("upload_a").error().code, "upload_not_found");
}

TEST_F(Rsync, OnlyTheSourcesThatAreAllowed) {
  const Daemon elsewhere({}, {}, {"192.0.2.7"});
  const auto refused = shell("RSYNC_PASSWORD=x rsync -a " + source_.native() + "/ " +
                             elsewhere.url("uploads/upload_a/"));
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.output, HasSubstr("not allowed"));
  Daemon here({}, {}, {"192.0.2.7", "127.0.0.1"});
  const auto sent = shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " +
                          source_.native() + "/ " + here.url("uploads/upload_a/"));
  EXPECT_EQ(sent.code, 0) << sent.output;
}

TEST_F(Rsync, APortThatIsTakenIsSaid) {
  boost::asio::io_context context;
  UploadsWorld world;
  SystemRandom random;
  RsyncOptions options;
  options.port = daemon_.port();
  const Surroundings with{*world.store, world.clock, world.timer, world.log};
  const auto second = RsyncListener::open(
      context.get_executor(), {*world.uploads, *world.files, with}, random, std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "cannot_listen");
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(daemon_.port())));
}

TEST_F(Rsync, NothingCanBeListedOrReadBack) {
  ASSERT_EQ(send("uploads/upload_a/").code, 0);
  const std::string rsync = std::string{"RSYNC_PASSWORD="} + kSecret + " rsync ";
  EXPECT_EQ(shell(rsync + daemon_.url("")).output, "");
  EXPECT_NE(shell(rsync + daemon_.url("uploads/")).code, 0);
  const auto back = directory_.path() / "back";
  EXPECT_NE(shell(rsync + "-a " + daemon_.url("uploads/upload_a/") + " " + back.native()).code, 0);
  EXPECT_FALSE(fs::exists(back / "src"));
}

TEST_F(Rsync, NoPathLeadsOutOfTheUpload) {
  for (const char* path :
       {"uploads/", "uploads/../x/", "uploads/upload_a/../../x/", "uploads//tmp/x/", "uploads/x/",
        "uploads/upload_a/../upload_b/", "uploads/./", "uploads/upload_/"}) {
    EXPECT_NE(send(path, "-a").code, 0) << path;
  }
  EXPECT_TRUE(fs::is_empty(daemon_.state() / "uploads"));
  EXPECT_TRUE(fs::is_empty(daemon_.state() / "sealed"));
}

TEST_F(Rsync, DangerousOptionsAreRefused) {
  for (const char* options : {"-a --inplace", "-a --append", "-a --temp-dir=/tmp", "-aX", "-aA",
                              "-a --copy-dest=/etc", "-a --backup", "-a --keep-dirlinks",
                              "-a --partial-dir=.p", "-a -M--inplace", "-a --write-devices"}) {
    EXPECT_NE(send("uploads/upload_a/", options).code, 0) << options;
  }
  EXPECT_FALSE(fs::exists(daemon_.received("upload_a") / "src"));
}

TEST_F(Rsync, ALinkInTheUploadIsNoWayOut) {
  const auto outside = directory_.path() / "outside";
  fs::create_directories(outside);
  fs::create_symlink(outside, source_ / "door");
  fs::create_symlink(daemon_.state(), source_ / "state");
  ASSERT_EQ(send("uploads/upload_a/", "-a").code, 0);
  EXPECT_NE(send("uploads/upload_a/door/", "-a").code, 0);
  EXPECT_NE(send("uploads/upload_a/state/", "-a").code, 0);
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_FALSE(fs::exists(daemon_.state() / "src"));
}

TEST_F(Rsync, SeveralUploadsAtOnceStayApart) {
  std::vector<std::jthread> clients;
  for (const char* id : {"upload_a", "upload_b", "upload_c"}) {
    clients.emplace_back([this, id] {
      EXPECT_EQ(send(std::string{"uploads/"} + id + "/").code, 0);
      EXPECT_EQ(daemon_.finalize(id)->file_count, 1);
    });
  }
}

/// A client that connected and says nothing: it takes up a connection.
class Silent {
 public:
  explicit Silent(std::uint16_t port) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    boost::asio::read_until(socket_, boost::asio::dynamic_buffer(greeting_), '\n');
  }
  const std::string& greeting() const { return greeting_; }
  std::string rest() {
    boost::system::error_code error;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(greeting_), error);
    return greeting_;
  }

 private:
  boost::asio::io_context context_;
  tcp::socket socket_{context_};
  std::string greeting_;
};

TEST_F(Rsync, TheEleventhConnectionIsRefusedPolitely) {
  std::vector<std::unique_ptr<Silent>> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<Silent>(daemon_.port()));
  const auto refused = send("uploads/upload_a/");
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.output, HasSubstr("There are 10 transfers already"));
  clients.clear();
  for (int tries = 0; tries < 100 && send("uploads/upload_a/").code != 0; ++tries) {
  }
  EXPECT_TRUE(daemon_.finalize("upload_a"));
}

/// Whether the listener said a word before it closed.
bool is_told_why(std::vector<std::unique_ptr<Silent>>& clients, std::uint16_t port) {
  try {
    clients.push_back(std::make_unique<Silent>(port));
    return true;
  } catch (const boost::system::system_error&) {
    return false;
  }
}

TEST(RsyncRefusals, ACrowdOfStrangersIsClosedWithoutWords) {
  constexpr std::size_t kCrowd = 100;
  const Daemon daemon({}, {}, {"192.0.2.7"});
  std::vector<std::unique_ptr<Silent>> clients;
  while (clients.size() < kCrowd && is_told_why(clients, daemon.port())) continue;
  EXPECT_GT(clients.size(), 1U);
  EXPECT_LT(clients.size(), kCrowd);
  clients.clear();
  bool told = false;
  for (int tries = 0; tries < 100 && !told; ++tries) told = is_told_why(clients, daemon.port());
  EXPECT_TRUE(told) << "when the others have gone";
}

/// An rsync that is still sending: --bwlimit makes it last until it is killed.
class SlowClient {
 public:
  SlowClient(const fs::path& source, const std::string& url, const fs::path& pid_file)
      : pid_file_(pid_file) {
    shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a --bwlimit=100 --partial '" +
          source.native() + "/' '" + url + "' >/dev/null & echo $! > " + pid_file.native());
  }
  ~SlowClient() { kill(); }
  SlowClient(const SlowClient&) = delete;
  SlowClient& operator=(const SlowClient&) = delete;
  void kill() {
    const int pid = std::atoi(contents(pid_file_).c_str());
    if (pid > 0 && !std::exchange(killed_, true)) ::kill(pid, SIGKILL);
  }

 private:
  fs::path pid_file_;
  bool killed_ = false;
};

/// Until the condition holds; the test's own time limit ends it otherwise.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

class DuringTransfer : public Rsync {
 protected:
  DuringTransfer() {
    SystemRandom random;
    put(source_ / "big", random_hex(random, 2 << 20));
    slow_.emplace(source_, daemon_.url("uploads/upload_a/"), directory_.path() / "pid");
    wait_until([this] { return in_transfer(); });
  }
  bool in_transfer() const {
    std::error_code error;
    for (const auto& slot : fs::directory_iterator(daemon_.state() / "transfers", error)) {
      if (fs::exists(slot.path() / "module/upload_a")) return true;
    }
    return false;
  }

  std::optional<SlowClient> slow_;
};

TEST_F(DuringTransfer, FinalizeSaysItIsInProgress) {
  const auto early = daemon_.finalize("upload_a");
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, "upload_in_progress");
  slow_->kill();
  EXPECT_EQ(send("uploads/upload_a/", "-a --partial").code, 0);
  EXPECT_EQ(daemon_.finalize("upload_a")->file_count, 2);
}

TEST_F(DuringTransfer, DeleteEndsIt) {
  EXPECT_EQ(daemon_.remove("upload_a")->state, State::kExpired);
  EXPECT_FALSE(in_transfer());
  EXPECT_FALSE(fs::exists(daemon_.received("upload_a")));
}

TEST_F(DuringTransfer, CloseEndsItAndGivesTheUploadBack) {}  // ~Daemon would hang otherwise

constexpr std::uint64_t kMegabyte = 1 << 20;

std::uint64_t tree_bytes(const fs::path& path) { return measure_tree(path).value().bytes; }

TEST(RsyncQuota, AFileThatIsTooLargeIsCutOff) {
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte});
  TemporaryDirectory source;
  shell("head -c 60M /dev/urandom > " + (source.path() / "big").native());
  const auto sent = shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " +
                          source.path().native() + "/ " + daemon.url("uploads/upload_a/"));
  EXPECT_NE(sent.code, 0);
  EXPECT_THAT(sent.output, HasSubstr("File too large"));
  wait_until([&] { return fs::exists(daemon.received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon.received("upload_a")), 1 * kMegabyte);
}

TEST(RsyncQuota, ManySmallFilesAreCutOffToo) {
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte});
  TemporaryDirectory source;
  shell("cd " + source.path().native() +
        " && for i in $(seq 200); do head -c 500K /dev/urandom > f$i; done");
  const auto sent = shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " +
                          source.path().native() + "/ " + daemon.url("uploads/upload_a/"));
  EXPECT_NE(sent.code, 0);
  EXPECT_THAT(sent.output, HasSubstr("File too large"));
  wait_until([&] { return fs::exists(daemon.received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon.received("upload_a")), 36 * kMegabyte);
}

TEST(RsyncQuota, WhatCannotBeMeasuredIsCutOffByItsCount) {
  std::atomic<int> measured = 0;
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte}, {}, {}, [&]() -> Result<void> {
    if (measured++ == 0) return {};
    return std::unexpected(Error{});
  });
  TemporaryDirectory source;
  shell("cd " + source.path().native() +
        " && for i in $(seq 200); do head -c 500K /dev/urandom > f$i; done");
  const auto sent = shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " +
                          source.path().native() + "/ " + daemon.url("uploads/upload_a/"));
  EXPECT_NE(sent.code, 0);
  wait_until([&] { return fs::exists(daemon.received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon.received("upload_a")), 36 * kMegabyte);
}

TEST(RsyncQuota, AFullDiskRefusesNewUploads) {
  Daemon daemon({.max_total_bytes = 2 * kMegabyte});
  TemporaryDirectory source;
  shell("head -c 1900K /dev/urandom > " + (source.path() / "big").native());
  const auto send = [&](const char* id) {
    return shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " + source.path().native() +
                 "/ " + daemon.url(std::string{"uploads/"} + id + "/"));
  };
  EXPECT_EQ(send("upload_a").code, 0);
  const auto second = send("upload_b");
  EXPECT_NE(second.code, 0);
  EXPECT_THAT(second.output,
              testing::AnyOf(HasSubstr("No space left"), HasSubstr("File too large")));
}

// Replacing files frees what they took: rewriting half the quota again and again is no overrun.
TEST(RsyncQuota, RewritingIsNoGrowth) {
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte});
  TemporaryDirectory source;
  for (int round = 0; round < 3; ++round) {
    shell("cd " + source.path().native() +
          " && for i in $(seq 24); do head -c 500K /dev/urandom > f$i; done");
    const auto sent = shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " +
                            source.path().native() + "/ " + daemon.url("uploads/upload_a/"));
    EXPECT_EQ(sent.code, 0) << sent.output;
  }
}

/// A process in a slot as rsync would be one, left behind by a daemon that was killed.
class Orphan {
 public:
  Orphan(const TransferSlot& slot, const std::string& script) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    ::dup2(slot.lock.get(), kLockDescriptor);
    ::fcntl(kLockDescriptor, F_SETFD, 0);  // also where it was that number already
    ::signal(SIGXFSZ, SIG_IGN);
    const auto directory = slot.module / "upload_a";
    if (::chdir(directory.c_str()) == 0) {
      ::execl("/bin/sh", "sh", "-c", script.c_str(), static_cast<char*>(nullptr));
    }
    ::_exit(127);
  }
  ~Orphan() { wait(); }
  Orphan(const Orphan&) = delete;
  Orphan& operator=(const Orphan&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  void wait() {
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_;
};

class Survivor : public testing::Test {
 protected:
  /// Leaves upload_a claimed by a process that runs `script`, and starts the next daemon.
  void survive(const std::string& script) {
    leave(script);
    daemon_.emplace(limits_, state_.path());
  }

  void leave(const std::string& script) {
    {
      Daemon(limits_, state_.path()).begin("upload_a");
    }
    const TransferArea area(Paths::below(state_.path()).transfers);
    auto slot = area.open("c1").value();
    fs::create_directory(slot.module / "upload_a");
    orphan_.emplace(slot, script);
    ASSERT_TRUE(area.write_process("c1", orphan_->pid()));
    wait_until([&] { return area.list()->front().process != 0; });
    slot.lock.reset();
    module_ = slot.module;
  }

  TemporaryDirectory state_;
  Limits limits_{.max_upload_bytes = 20 * kMegabyte};
  std::optional<Orphan> orphan_;
  std::optional<Daemon> daemon_;
  fs::path module_;
};

/// A script that waits until it is watched.
const std::string kAfterGo = "until [ -e go ]; do sleep 0.01; done; ";

/// Third field of proc_pid_stat(5).
char process_state(pid_t process) {
  const auto text = contents(fmt::format("/proc/{}/stat", process));
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos ? '?' : text.at(name_end + 2);
}

TEST_F(Survivor, KeepsItsUploadAndIsEndedByDelete) {
  survive("exec sleep 100");
  EXPECT_EQ(daemon_->finalize("upload_a").error().code, "upload_in_progress");
  EXPECT_TRUE(daemon_->remove("upload_a"));
  orphan_->wait();
  EXPECT_FALSE(fs::exists(daemon_->received("upload_a")));
}

TEST_F(Survivor, MeetsItsQuota) {
  survive(kAfterGo + "i=0; while head -c 500000 /dev/zero > f$i; do i=$((i+1)); done");
  put(module_ / "upload_a/go");
  orphan_->wait();
  wait_until([&] { return fs::exists(daemon_->received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon_->received("upload_a")), 36 * kMegabyte);
}

TEST_F(Survivor, WritesNoMoreAtItsLimitWhileAMeasurementLasts) {
  std::promise<void> go_on;
  std::shared_future<void> gone_on = go_on.get_future();
  std::atomic<bool> measuring = false;
  // One process: a shell that is held between vfork() and exec() of its child is never in state T.
  const auto zeros = state_.path() / "zeros";
  put(zeros);
  fs::resize_file(zeros, 60 * kMegabyte);
  leave(kAfterGo + "exec split -b 500000 -a 3 -- " + zeros.string() + " f");
  daemon_.emplace(limits_, state_.path(), std::vector<std::string>{}, [gone_on, &measuring] {
    measuring = true;
    gone_on.wait();
    return Result<void>{};
  });
  wait_until([&] { return measuring.load(); });
  put(module_ / "upload_a/go");
  const auto state = [this] { return process_state(orphan_->pid()); };
  wait_until([&] { return state() == 'T' || state() == 'Z'; });
  EXPECT_EQ(state(), 'T');
  EXPECT_LT(tree_bytes(module_), 36 * kMegabyte);
  go_on.set_value();
  orphan_->wait();
  wait_until([&] { return fs::exists(daemon_->received("upload_a")); });
  EXPECT_LT(tree_bytes(daemon_->received("upload_a")), 36 * kMegabyte);
  EXPECT_THAT(daemon_->warnings(), HasSubstr(R"("limit":"bytes")"));
}

TEST_F(Survivor, GoesOnIfItWasHeldWhenItsDaemonDied) {
  leave("kill -STOP $$");
  wait_until([&] { return process_state(orphan_->pid()) == 'T'; });
  daemon_.emplace(limits_, state_.path());
  orphan_->wait();
}

TEST_F(Survivor, IsEndedThoughItIsHeld) {
  boost::asio::io_context context;
  RsyncProcess process(context.get_executor());
  leave("exec sleep 100");
  process.adopt(orphan_->pid(), [] { return true; });
  const auto state = [this] { return process_state(orphan_->pid()); };
  process.hold(true);
  wait_until([&] { return state() == 'T'; });
  process.hold(false);
  wait_until([&] { return state() != 'T'; });
  process.hold(true);
  process.signal(SIGTERM);
  process.hold(true);
  orphan_->wait();
}

TEST_F(Survivor, IsEndedWithMoreDirectoriesThanAllowed) {
  limits_.max_files = 100;
  survive("for i in $(seq 150); do mkdir d$i; done; exec sleep 1000");
  orphan_->wait();
  wait_until([&] { return fs::exists(daemon_->received("upload_a")); });
  EXPECT_THAT(daemon_->warnings(), HasSubstr(R"("limit":"files")"));
  EXPECT_THAT(daemon_->warnings(), HasSubstr("transfer_ended"));
  EXPECT_EQ(daemon_->finalize("upload_a").error().code, "upload_quota_exceeded");
}

TEST_F(Survivor, IsEndedIfItMakesDirectoriesWhereNothingMayBeWritten) {
  survive("head -c 30000000 /dev/zero > f; i=0; while mkdir d$i; do i=$((i+1)); sleep 0.1; done");
  orphan_->wait();
  EXPECT_THAT(daemon_->warnings(), HasSubstr(R"("limit":"bytes")"));
  EXPECT_THAT(daemon_->warnings(), HasSubstr("transfer_ended"));
}

TEST(Confinement, IsInForceHere) {
  if (!WriteConfinement::available()) GTEST_SKIP() << "this kernel has no Landlock";
  TemporaryDirectory inside;
  TemporaryDirectory outside;
  const auto in = inside.path() / "x";
  const auto out = outside.path() / "x";
  const auto file = outside.path() / "file";
  const auto other = outside.path() / "other";
  for (const auto& each : {file, other}) std::ofstream(each) << "text";
  const auto confinement = WriteConfinement::to(inside.path(), file);
  ASSERT_TRUE(confinement);
  const pid_t child = ::fork();
  if (child == 0) {
    if (confinement->put_on() != 0) ::_exit(3);
    const bool wrote_in = ::mkdir(in.c_str(), 0700) == 0;
    const bool wrote_out = ::mkdir(out.c_str(), 0700) == 0;
    const bool wrote_file = ::open(file.c_str(), O_WRONLY) >= 0;
    const bool wrote_other = ::open(other.c_str(), O_WRONLY) >= 0;
    ::_exit(wrote_in && wrote_file && !wrote_out && !wrote_other ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace flashpods::uploads
