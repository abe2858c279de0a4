#include "executors/shim/output_pump.h"

#include <atomic>
#include <cstddef>
#include <fcntl.h>
#include <fstream>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/small_disk.h"
#include "base/temporary_directory.h"
#include "executors/shim/boot_time.h"
#include "executors/shim/job_files.h"

namespace flashpods::shim {
namespace {

struct OutputPumpTest : testing::Test {
  OutputPump open(std::uint64_t max_bytes = 1'000'000) {
    auto log = logs::LogWriter::open(directory / "log", max_bytes);
    auto pump = OutputPump::open(directory.path(), std::move(*log), clock);
    EXPECT_TRUE(pump);
    return std::move(*pump);
  }
  void print(const char* fifo, std::string_view text) {
    const Fd end(::open((directory / fifo).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(write_all(end.get(), text));
  }
  std::string log() { return *read_file(directory / "log", 1'000'000); }

  TemporaryDirectory directory;
  FakeClock clock;
  PollLoop loop;
};

TEST_F(OutputPumpTest, BytesGoToTheLogAsTheyCame) {
  auto pump = open();
  print(kStdoutFifo, std::string("a\0b\xff\n", 5));
  pump.drain(loop);
  print(kStderrFifo, "problem");
  pump.drain(loop);
  EXPECT_EQ(log(), std::string("a\0b\xff\nproblem", 12));
}

TEST_F(OutputPumpTest, ABufferThatNobodyHeldOpenIsNew) {
  auto first = std::make_unique<OutputPump>(open());
  EXPECT_TRUE(first->has_new_buffer());
  const auto second = open();
  EXPECT_FALSE(second.has_new_buffer());
  first.reset();
  EXPECT_FALSE(open().has_new_buffer()) << "the second pump holds the FIFOs";
}

TEST_F(OutputPumpTest, ABufferIsLostWithTheLastThatHeldIt) {
  {
    const auto pump = open();
  }
  EXPECT_TRUE(open().has_new_buffer());
}

TEST_F(OutputPumpTest, AFifoIsOpenedThoughItsModeWasTakenAway) {
  {
    const auto pump = open();
  }
  std::filesystem::permissions(directory / kStdoutFifo, std::filesystem::perms::none);
  print(kStderrFifo, "x");
  EXPECT_FALSE(open().has_any());
}

TEST_F(OutputPumpTest, BeginMovesWhileTheLoopTurns) {
  auto pump = open();
  pump.begin(loop);
  print(kStdoutFifo, "now");
  EXPECT_TRUE(loop.run_until([&] { return pump.log().bytes() == 3; }));
}

TEST_F(OutputPumpTest, WhatAKilledShimHadTakenIsFinishedExactlyOnce) {
  const std::string piece = "0123456789";
  for (std::size_t logged = 0; logged <= piece.size(); ++logged) {
    const auto before = [&] {
      auto pump = open();
      print(kStdoutFifo, "before|");
      pump.drain(loop);
      return pump.log().bytes();
    }();
    {
      // Killed in the middle: the piece is in the pending file, part of it in the log.
      auto writer = logs::LogWriter::open(directory / "log", 1'000'000);
      writer->append(logs::Stream::kStdout, piece.substr(0, logged), clock.now());
      const Fd pending(::open((directory / kPendingFile).c_str(), O_WRONLY));
      const std::uint64_t header[2] = {before, 1};
      ASSERT_TRUE(
          write_all(pending.get(),
                    std::string(reinterpret_cast<const char*>(header), sizeof header) + piece));
    }
    open();
    EXPECT_TRUE(log().ends_with("before|" + piece)) << logged << ": " << log();
    EXPECT_EQ(log().size(), before + piece.size());
  }
}

TEST_F(OutputPumpTest, AFullLogGoesOnCounting) {
  auto pump = open(4);
  print(kStdoutFifo, "0123456789");
  pump.drain(loop);
  print(kStdoutFifo, "more");
  pump.drain(loop);
  EXPECT_EQ(log(), "0123");
  EXPECT_TRUE(pump.log().truncated());
}

/// splice(2) fails in this thread from now on.
void forbid_splice(int error) {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(rules), rules};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

struct FullDisk : OutputPumpTest, testing::WithParamInterface<int> {
  void SetUp() override {
    if (!disk.mounted()) GTEST_SKIP() << "mounting a small filesystem needs root";
  }

  /// Fills the disk, but for this many pages.
  void fill(int pages_left) {
    std::ofstream(ballast) << std::string(100'000, '-');  // all there is room for
    const auto size = std::filesystem::file_size(ballast) - 4096 * pages_left;
    std::filesystem::resize_file(ballast, size);
  }

  void nothing_is_lost(int pages_left) {
    auto pump = open();
    print(kStdoutFifo, text);
    pump.drain(loop);
    fill(pages_left);
    pump.begin(loop);
    print(kStdoutFifo, text);
    print(kStderrFifo, "problem");
    loop.pause(Milliseconds{100});
    EXPECT_LT(pump.log().bytes(), all.size());
    EXPECT_FALSE(pump.log().truncated());

    std::filesystem::remove(ballast);
    EXPECT_TRUE(loop.run_until([&] { return pump.log().bytes() == all.size(); },
                               since_boot() + Milliseconds{10'000}));
    EXPECT_EQ(log(), all);
  }

  const SmallDisk disk{directory.path()};
  const std::filesystem::path ballast = directory / "ballast";
  const std::string text = std::string(6000, 'x') + std::string(6000, 'y');
  const std::string all = text + text + "problem";
};

// No page for a piece's beginning; one or two, for a part of it.
INSTANTIATE_TEST_SUITE_P(PagesLeft, FullDisk, testing::Values(0, 1, 2));

TEST_P(FullDisk, TheJobWaitsAndNothingIsLost) { nothing_is_lost(GetParam()); }

TEST_P(FullDisk, NorOnOneThatCannotSplice) {
  std::thread([this] {
    forbid_splice(EINVAL);
    nothing_is_lost(GetParam());
  }).join();
}

TEST_F(OutputPumpTest, WhatTheDiskRefusesStaysInTheFifo) {
  auto pump = open();
  pump.begin(loop);
  print(kStdoutFifo, "kept");
  std::thread([this] {
    forbid_splice(EIO);
    loop.pause(Milliseconds{20});
  }).join();
  EXPECT_EQ(log(), "");
  EXPECT_TRUE(
      loop.run_until([&] { return pump.log().bytes() == 4; }, since_boot() + Milliseconds{10'000}));
  EXPECT_EQ(log(), "kept");
}

TEST_F(OutputPumpTest, DiscardThrowsAway) {
  auto pump = open();
  print(kStderrFifo, "conmon: words");
  EXPECT_EQ(pump.discard(), "conmon: words");
  pump.drain(loop);
  EXPECT_EQ(log(), "");
}

TEST_F(OutputPumpTest, DiscardIsDoneThoughSomebodyWritesOn) {
  constexpr int kPieces = 2000;
  constexpr std::size_t kPieceSize = 4096;
  auto pump = open(kPieces * kPieceSize);
  const Fd end(::open((directory / kStdoutFifo).c_str(), O_RDWR | O_CLOEXEC));
  std::atomic<bool> fast = false;
  std::thread writer([&] {
    for (int i = 0; i < kPieces; ++i) {
      ASSERT_TRUE(write_all(end.get(), std::string(kPieceSize, 'x')));
      fast = i > 4;
    }
  });
  while (!fast) std::this_thread::yield();
  pump.discard();
  const auto until = since_boot() + Milliseconds{10'000};
  while (since_boot() < until && pump.log().bytes() < (kPieces - 16) * kPieceSize) {
    pump.drain(loop);
  }
  writer.join();
  pump.drain(loop);
  const auto capacity = static_cast<std::size_t>(::fcntl(end.get(), F_GETPIPE_SZ));
  EXPECT_GE(pump.log().bytes(), kPieces * kPieceSize - capacity);
}

}  // namespace
}  // namespace flashpods::shim
