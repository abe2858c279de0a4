#include "executors/shim/output_pump.h"

#include <fcntl.h>
#include <fstream>

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

TEST_F(OutputPumpTest, OnAFullDiskTheJobWaitsAndNothingIsLost) {
  const SmallDisk disk(directory.path());
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small filesystem needs root";
  auto pump = open();
  const std::string text(8000, 'x');
  print(kStdoutFifo, text);
  pump.drain(loop);
  const auto ballast = directory / "ballast";
  std::ofstream(ballast) << std::string(100'000, '-');  // all there is room for

  pump.begin(loop);
  print(kStdoutFifo, text);
  print(kStderrFifo, "problem");
  loop.run_until([] { return false; }, since_boot() + Milliseconds{700});
  EXPECT_LE(pump.log().bytes(), text.size() + 4096);
  EXPECT_FALSE(pump.log().truncated());

  std::filesystem::remove(ballast);
  const auto all = 2 * text.size() + 7;
  EXPECT_TRUE(loop.run_until([&] { return pump.log().bytes() == all; },
                             since_boot() + Milliseconds{10'000}));
  EXPECT_EQ(log(), text + text + "problem");
}

TEST_F(OutputPumpTest, DiscardThrowsAway) {
  auto pump = open();
  print(kStderrFifo, "conmon: words");
  pump.discard();
  pump.drain(loop);
  EXPECT_EQ(log(), "");
}

}  // namespace
}  // namespace flashpods::shim
