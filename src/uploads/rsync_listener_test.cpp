// The real rsync client against the real listener.

#include <atomic>
#include <csignal>
#include <sys/stat.h>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "uploads/rsync_test_support.h"

namespace flashpods::uploads {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;

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

class DuringTransfer : public Rsync {
 protected:
  DuringTransfer() {
    SystemRandom random;
    put(source_ / "big", random_hex(random, 10 << 20));
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

/// A hundred megabytes, half a megabyte each.
ClientResult send_many_files(const Daemon& daemon) {
  const TemporaryDirectory source;
  shell("cd " + source.path().native() +
        " && for i in $(seq 200); do head -c 500K /dev/urandom > f$i; done");
  return shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " + source.path().native() +
               "/ " + daemon.url("uploads/upload_a/"));
}

/// What is there when the transfer is over.
std::uint64_t bytes_kept(const Daemon& daemon) {
  wait_until([&] { return fs::exists(daemon.received("upload_a")); });
  return tree_bytes(daemon.received("upload_a"));
}

TEST(RsyncQuota, AFileThatIsTooLargeIsCutOff) {
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte});
  TemporaryDirectory source;
  shell("head -c 60M /dev/urandom > " + (source.path() / "big").native());
  const auto sent = shell("RSYNC_PASSWORD=" + std::string{kSecret} + " rsync -a " +
                          source.path().native() + "/ " + daemon.url("uploads/upload_a/"));
  EXPECT_NE(sent.code, 0);
  EXPECT_THAT(sent.output, HasSubstr("File too large"));
  EXPECT_LT(bytes_kept(daemon), 1 * kMegabyte);
}

TEST(RsyncQuota, ManySmallFilesAreCutOffToo) {
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte});
  const auto sent = send_many_files(daemon);
  EXPECT_NE(sent.code, 0);
  EXPECT_THAT(sent.output, HasSubstr("File too large"));
  EXPECT_LT(bytes_kept(daemon), 36 * kMegabyte);
}

TEST(RsyncQuota, WhatCannotBeMeasuredIsCutOffByItsCount) {
  std::atomic<int> measured = 0;
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte}, {}, {}, [&]() -> Result<void> {
    if (measured++ == 0) return {};
    return std::unexpected(Error{});
  });
  const auto sent = send_many_files(daemon);
  EXPECT_NE(sent.code, 0);
  EXPECT_LT(bytes_kept(daemon), 36 * kMegabyte);
}

// As on a host so busy that we are seldom let run, while rsync is.
TEST(RsyncQuota, WhoLooksLateHasMissedNoMoreThanAFile) {
  Daemon daemon({.max_upload_bytes = 20 * kMegabyte});
  const std::jthread busy([&daemon](const std::stop_token& stop) {
    const auto block = []() -> Awaitable<void> {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      co_return;
    };
    while (!stop.stop_requested()) daemon.on_loop(block());
  });
  const auto sent = send_many_files(daemon);
  EXPECT_NE(sent.code, 0);
  EXPECT_LT(bytes_kept(daemon), 22 * kMegabyte);
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

/// Of proc_pid_io(5): what this process, and the daemon in it, has read.
std::uint64_t bytes_read() {
  const auto text = contents("/proc/self/io");
  return std::stoull(text.substr(text.find(' ')));
}

TEST(RsyncListener, ReadsNoTableOfAllConnectionsForOne) {
  using boost::asio::ip::tcp;
  Daemon daemon;
  boost::asio::io_context context;
  const tcp::endpoint port(boost::asio::ip::address_v4::loopback(), daemon.port());
  std::vector<tcp::socket> held;
  const auto connect = [&] { held.emplace_back(context).connect(port); };
  for (int i = 0; i < 300; ++i) connect();
  const auto wait_for_answer = [&] {
    char byte = 0;
    boost::system::error_code ignored;
    held.back().read_some(boost::asio::buffer(&byte, 1), ignored);
  };
  wait_for_answer();
  const auto before = bytes_read();
  for (int i = 0; i < 100; ++i) connect();
  wait_for_answer();
  EXPECT_LT(bytes_read() - before, 100 * 10'000) << "300 connections have 600 rows of 150 bytes";
}

}  // namespace
}  // namespace flashpods::uploads
