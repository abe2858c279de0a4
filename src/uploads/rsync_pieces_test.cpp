// The pure pieces of talking to rsync: its configuration, the hook's two lines, the peer's uid.

#include <algorithm>
#include <array>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/temporary_directory.h"
#include "uploads/loopback_peer.h"
#include "uploads/repair.h"
#include "uploads/rsync_config.h"
#include "uploads/rsync_hook.h"
#include "uploads/rsync_log.h"
#include "uploads/transfer_budget.h"

namespace flashpods::uploads {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RsyncConfig, IsWriteOnlyAndQuotesTheHook) {
  const auto text =
      rsync_config({"/s/module", "/s/log", {"/a b/it's", "--rsync-hook"}, "/s/users"});
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("write only = yes\n"));
  EXPECT_THAT(*text, HasSubstr("list = no\n"));
  EXPECT_THAT(*text, HasSubstr("temp dir = /.receiving\n"));
  EXPECT_THAT(*text, HasSubstr("pre-xfer exec = '/a b/it'\\''s' '--rsync-hook'\n"));
  EXPECT_THAT(*text, HasSubstr("auth users = flashpods\nsecrets file = /s/users\n"));
  EXPECT_THAT(*text, Not(HasSubstr("uid = 0")));
}

TEST(RsyncConfig, RefusesPathsThatItWouldMisread) {
  for (const char* path : {"/a%b", "/a\npath = /", "/a\\", "/a "}) {
    EXPECT_FALSE(rsync_config({path, "/s/log", {"/hook"}, {}})) << path;
  }
}

TEST(RsyncHook, QuestionGoesThroughWhole) {
  const char* const environment[] = {"RSYNC_ARG0=rsyncd",
                                     "RSYNC_ARG1=--server",
                                     "RSYNC_ARG2=a \"b\"\n",
                                     "RSYNC_ARG10=not next",
                                     "RSYNC_REQUEST=uploads/upload_x/",
                                     "PATH=/bin",
                                     nullptr};
  const auto request = parse_hook_question(hook_question(environment));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->request, "uploads/upload_x/");
  EXPECT_EQ(request->arguments, (std::vector<std::string>{"--server", "a \"b\"\n"}));
}

TEST(RsyncHook, AnythingElseIsNoQuestion) {
  for (const char* line :
       {"", "x\n", "[]\n", "{\"request\": 1}\n", "{\"request\":\"a\",\"x\":1}\n"}) {
    EXPECT_FALSE(parse_hook_question(line)) << line;
  }
}

/// The hook with a daemon at the other end that has answered already.
struct HookRun {
  explicit HookRun(std::string_view answer) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    const Fd daemon(pair[0]), hook(pair[1]);
    EXPECT_TRUE(write_all(daemon.get(), answer));
    ::shutdown(daemon.get(), SHUT_WR);
    const char* const environment[] = {"RSYNC_REQUEST=uploads/upload_x/", nullptr};
    testing::internal::CaptureStdout();
    code = run_rsync_hook(hook.get(), environment);
    words = testing::internal::GetCapturedStdout();
    std::array<char, 4096> text{};
    const auto size = ::read(daemon.get(), text.data(), text.size());
    question.assign(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  int code = -1;
  std::string words;
  std::string question;
};

TEST(RsyncHook, AsksAndLetsTheTransferGoOn) {
  const HookRun hook(hook_answer({}));
  EXPECT_EQ(hook.code, 0);
  EXPECT_EQ(hook.words, "");
  EXPECT_EQ(parse_hook_question(hook.question)->request, "uploads/upload_x/");
}

TEST(RsyncHook, PassesARefusalOn) {
  const HookRun hook(hook_answer(fail(ErrorKind::kGone, "expired", "It is\nover.")));
  EXPECT_EQ(hook.code, 1);
  EXPECT_THAT(hook.words, HasSubstr("over."));
  EXPECT_EQ(std::ranges::count(hook.words, '\n'), 1);
}

TEST(RsyncHook, WithoutAnAnswerNothingGoesOn) {
  for (const char* answer : {"", "half", "no JSON\n", "{\"message\":\"who?\"}\n"}) {
    const HookRun hook(answer);
    EXPECT_EQ(hook.code, 1) << answer;
    EXPECT_NE(hook.words, "") << answer;
  }
}

TEST(RsyncHook, RefusesARequestWithoutEnd) {
  const std::string long_request = "RSYNC_REQUEST=" + std::string(kMaxHookLine, 'x');
  const char* const environment[] = {long_request.c_str(), nullptr};
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_rsync_hook(-1, environment), 1);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("too long"));
}

constexpr std::string_view kFullLog =
    "2026/11/26 04:28:03 [28132] receiving file list\n"
    "2026/11/26 04:28:04 [28132] rsync: [receiver] write failed on \"a\": File too large (27)\n"
    "2026/11/26 04:28:04 [28132] rsync error: error in file IO (code 11) at receiver.c(657)\n"
    "2026/11/26 04:28:05 [28132] rsync: something later\n";

TEST(RsyncFailure, IsWhatRsyncSaidBeforeItGaveUp) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, kFullLog.size()}) {
    RsyncFailure failure;
    for (std::size_t at = 0; at < kFullLog.size(); at += piece) {
      failure.read(kFullLog.substr(at, piece));
    }
    EXPECT_EQ(failure.why(), "[receiver] write failed on \"a\": File too large (27)");
  }
}

TEST(RsyncFailure, ComplaintsAloneAreNone) {
  RsyncFailure failure;
  failure.read("2026/11/26 04:28:04 [1] rsync: [generator] mkstemp \"x\" failed: Is a directory\n");
  failure.read("rsync error: without a date\n\n] \n");
  failure.read("2026/11/26 04:28:04 [1] rsync error: without an end");
  EXPECT_FALSE(failure.why());
}

TEST(RsyncFailure, NeedsNoComplaint) {
  RsyncFailure failure;
  failure.read("2026/11/26 04:28:04 [1] rsync error: timeout in data send/receive (code 30)\n");
  EXPECT_EQ(failure.why(), "timeout in data send/receive (code 30)");
}

TEST(RsyncFailure, LinesWithoutEndTakeNoMemoryAndHideNothing) {
  RsyncFailure failure;
  for (int i = 0; i < 1000; ++i) failure.read(std::string(65536, 'x'));
  failure.read("\n2026/11/26 04:28:04 [1] rsync error: " + std::string(9000, 'y') + "\n");
  ASSERT_TRUE(failure.why());
  EXPECT_LE(failure.why()->size(), 210U);
}

TEST(RsyncFailure, SaysWhetherAllWasSent) {
  const auto ended_well = [](std::string_view line) {
    RsyncFailure log;
    log.read("2026/11/26 04:28:04 [1] receiving file list\n");
    EXPECT_FALSE(log.ended_well());
    log.read("2026/11/26 04:28:04 [1] " + std::string(line) + "\n");
    return log.ended_well();
  };
  EXPECT_TRUE(ended_well("sent 49 bytes  received 80019711 bytes  total size 80000000"));
  EXPECT_TRUE(ended_well("rsync warning: some files vanished before they could be transferred"));
  EXPECT_FALSE(ended_well("rsync error: some files/attrs were not transferred (code 23)"));
  EXPECT_FALSE(ended_well("rsync: [receiver] mkstemp \"] sent 1\" failed: No space left"));
}

TEST(RsyncLog, IsReadByTheNextDaemonToo) {
  const TemporaryDirectory directory;
  auto rsync = RsyncLog::open(directory / "log");  // it has the FIFO open while no daemon lives
  ASSERT_TRUE(rsync);
  ASSERT_TRUE(write_all(rsync->fd(), kFullLog));
  auto log = RsyncLog::open(directory / "log");
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->failure());
  EXPECT_TRUE(log->failure()) << "once is for ever";
}

constexpr std::string_view kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
    "   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n"
    "   1: 0100007F:C350 0100007F:2328 01 00000000:00000000 00:00000000 00000000  1001        0 2\n"
    "   2: 0100007F:2328 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 "
    "3\n"
    "   3: 0100007F:C352 0100007F:2328 05 00000000:00000000 00:00000000 00000000     0        0 "
    "0\n";

TEST(LoopbackPeer, IsTheOwnerOfTheOtherEnd) {
  using boost::asio::ip::tcp;
  const auto loopback = boost::asio::ip::address_v4::loopback();
  EXPECT_EQ(uid_of_peer(kTable, tcp::endpoint(loopback, 50000), tcp::endpoint(loopback, 9000)),
            1001U);
  EXPECT_FALSE(uid_of_peer(kTable, tcp::endpoint(loopback, 50001), tcp::endpoint(loopback, 9000)));
  EXPECT_FALSE(uid_of_peer(kTable, tcp::endpoint(loopback, 50002), tcp::endpoint(loopback, 9000)))
      << "closed: its uid 0 is not root";
  EXPECT_FALSE(uid_of_peer("", tcp::endpoint(loopback, 50000), tcp::endpoint(loopback, 9000)));
}

TEST(Repair, DirectoriesFollowTheirRows) {
  EXPECT_EQ(repair_of_received(State::kUploading), Repair::kKeep);
  EXPECT_EQ(repair_of_received(State::kFinalized), Repair::kSeal);
  EXPECT_EQ(repair_of_sealed(State::kFinalized), Repair::kKeep);
  EXPECT_EQ(repair_of_sealed(State::kUploading), Repair::kUnseal);
  for (const auto state :
       {std::optional<State>{}, std::optional{State::kExpired}, std::optional{State::kConsumed}}) {
    EXPECT_EQ(repair_of_received(state), Repair::kRemove);
    EXPECT_EQ(repair_of_sealed(state), Repair::kRemove);
  }
}

constexpr std::uint64_t kMegabyte = 1 << 20;

TEST(TransferBudget, TheTighterLimitCounts) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte, .max_total_bytes = 100 * kMegabyte};
  DiskCount disk;
  TransferBudget budget(limits, disk);
  budget.measured(5 * kMegabyte, {90 * kMegabyte}, budget.mark());
  EXPECT_EQ(budget.left(), 10 * kMegabyte);
  budget.measured(15 * kMegabyte, {90 * kMegabyte}, budget.mark());
  EXPECT_EQ(budget.left(), 5 * kMegabyte);
}

TEST(TransferBudget, WhatIsWrittenDuringAMeasurementCutsNothingByBeingCountedTwice) {
  const Limits limits{.max_upload_bytes = 1000};
  DiskCount disk;
  TransferBudget budget(limits, disk);
  budget.measured(0, {0, 1 << 30}, budget.mark());
  const auto begun = budget.mark();
  budget.wrote(600);
  budget.measured(600, {600, 1 << 30}, begun);
  EXPECT_TRUE(budget.is_in_doubt());
  EXPECT_FALSE(budget.is_used_up());
  budget.measured(600, {600, 1 << 30}, budget.mark());
  EXPECT_EQ(budget.left(), 400U);
  EXPECT_FALSE(budget.wants_measure());
  budget.wrote(1000);
  EXPECT_TRUE(budget.is_used_up()) << "a recent, exact count is believed";
}

TEST(TransferBudget, IsSharedByAllTransfers) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte, .max_total_bytes = 30 * kMegabyte};
  DiskCount disk;
  TransferBudget one(limits, disk);
  TransferBudget other(limits, disk);
  one.measured(0, {}, one.mark());
  other.measured(0, {}, other.mark());
  one.wrote(18 * kMegabyte);
  other.wrote(12 * kMegabyte);
  EXPECT_EQ(one.left(), 0U);
  EXPECT_EQ(other.left(), 0U);
}

TEST(TransferBudget, LeavesTheHostItsFreeSpace) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte, .min_free_bytes = 50 * kMegabyte};
  DiskCount disk;
  TransferBudget budget(limits, disk);
  budget.measured(0, {0, 60 * kMegabyte}, budget.mark());
  EXPECT_EQ(budget.left(), 10 * kMegabyte);
  budget.wrote(7 * kMegabyte);
  EXPECT_EQ(budget.left(), 3 * kMegabyte);
  budget.measured(7 * kMegabyte, {7 * kMegabyte, 40 * kMegabyte}, budget.mark());
  EXPECT_EQ(budget.left(), 0U);
}

TEST(TransferBudget, MeasuresAgainBeforeItCuts) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte, .max_total_bytes = 100 * kMegabyte};
  DiskCount disk;
  TransferBudget budget(limits, disk);
  budget.measured(0, {}, budget.mark());
  budget.wrote(11 * kMegabyte);
  EXPECT_TRUE(budget.wants_measure());
  budget.measured(2 * kMegabyte, {2 * kMegabyte}, budget.mark());  // most of it replaced old files
  EXPECT_FALSE(budget.wants_measure());
  EXPECT_EQ(budget.left(), 18 * kMegabyte);
  budget.wrote(40 * kMegabyte);
  EXPECT_EQ(budget.left(), 0U);
  EXPECT_FALSE(budget.is_used_up());
  budget.measured(20 * kMegabyte, {20 * kMegabyte}, budget.mark());
  EXPECT_TRUE(budget.is_used_up());
}

TEST(TransferBudget, IsInDoubtUntilItIsMeasured) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte};
  DiskCount disk;
  TransferBudget budget(limits, disk);
  budget.wrote(100 * kMegabyte);  // by a process that another daemon let in
  EXPECT_TRUE(budget.is_in_doubt());
  EXPECT_FALSE(budget.is_used_up());
  budget.measured(5 * kMegabyte, {}, budget.mark());
  EXPECT_FALSE(budget.is_in_doubt());
  budget.wrote(115 * kMegabyte);
  EXPECT_TRUE(budget.is_in_doubt());
  budget.measured(20 * kMegabyte, {}, budget.mark());
  EXPECT_FALSE(budget.is_in_doubt());
  EXPECT_TRUE(budget.is_used_up());
}

TEST(TransferBudget, WhatIsWrittenDuringAMeasurementCounts) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte, .max_total_bytes = 30 * kMegabyte};
  DiskCount disk;
  TransferBudget one(limits, disk);
  TransferBudget other(limits, disk);
  one.measured(0, {}, one.mark());
  other.measured(0, {}, other.mark());
  one.wrote(2 * kMegabyte);
  const auto begun = one.mark();
  one.wrote(5 * kMegabyte);
  other.wrote(12 * kMegabyte);
  one.measured(2 * kMegabyte, {2 * kMegabyte}, begun);
  EXPECT_EQ(one.left(), 13 * kMegabyte);
  one.measured(5 * kMegabyte, {17 * kMegabyte}, one.mark());
  EXPECT_EQ(one.left(), 13 * kMegabyte) << "counted twice";
  EXPECT_EQ(disk.counted(), 17 * kMegabyte);
}

TEST(TransferBudget, ItsCountIsBelievedWhereNothingCanBeMeasured) {
  const Limits limits{.max_upload_bytes = 20 * kMegabyte, .max_total_bytes = 100 * kMegabyte};
  DiskCount disk;
  TransferBudget budget(limits, disk);
  budget.measured(0, {}, budget.mark());
  budget.wrote(11 * kMegabyte);
  ASSERT_TRUE(budget.wants_measure());
  budget.not_measured();
  EXPECT_FALSE(budget.wants_measure());
  budget.wrote(20 * kMegabyte);
  EXPECT_FALSE(budget.is_used_up());
  budget.not_measured();
  EXPECT_TRUE(budget.is_used_up());
}

}  // namespace
}  // namespace flashpods::uploads
