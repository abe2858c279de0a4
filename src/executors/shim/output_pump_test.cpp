#include "executors/shim/output_pump.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temporary_directory.h"
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
};

TEST_F(OutputPumpTest, BytesGoToTheLogAsTheyCame) {
  auto pump = open();
  print(kStdoutFifo, std::string("a\0b\xff\n", 5));
  pump.drain();
  print(kStderrFifo, "problem");
  pump.drain();
  EXPECT_EQ(log(), std::string("a\0b\xff\nproblem", 12));
}

TEST_F(OutputPumpTest, BeginMovesWhileTheLoopTurns) {
  auto pump = open();
  PollLoop loop;
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
      pump.drain();
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
  pump.drain();
  print(kStdoutFifo, "more");
  pump.drain();
  EXPECT_EQ(log(), "0123");
  EXPECT_TRUE(pump.log().truncated());
}

TEST_F(OutputPumpTest, DiscardThrowsAway) {
  auto pump = open();
  print(kStderrFifo, "conmon: words");
  pump.discard();
  pump.drain();
  EXPECT_EQ(log(), "");
}

}  // namespace
}  // namespace flashpods::shim
