#include "uploads/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "uploads/test_support.h"

namespace flashpods::uploads {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class UploadsTest : public testing::Test {
 protected:
  Result<Upload> finalize_upload(const std::string& id) {
    return finish(world_.context, world_.uploads->finalize(id));
  }
  Result<Upload> remove_upload(const std::string& id) {
    return finish(world_.context, world_.uploads->remove(id));
  }
  void sweep() { finish(world_.context, world_.uploads->sweep()); }
  /// The row alone, as if the daemon died right after its commit.
  void finalize_row(const std::string& id) {
    ASSERT_TRUE(world_.transact([&](Transaction& tx) {
      return finalize(tx, id, 1, 1, world_.clock.now(), world_.limits);
    }));
  }
  void reserve_row(const std::string& id) {
    ASSERT_TRUE(world_.transact(
        [&](Transaction& tx) { return reserve(tx, id, "job_1", world_.clock.now()); }));
  }
  template <class T>
  static std::string code(const Result<T>& result) {
    return result ? "ok" : result.error().code;
  }

  UploadsWorld world_;
};

TEST_F(UploadsTest, FinalizeSealsAndCounts) {
  world_.receive("upload_a");
  put(world_.received("upload_a") / "big", std::string(5000, 'x'));
  fs::create_symlink("big", world_.received("upload_a") / "link");
  const auto upload = finalize_upload("upload_a");
  ASSERT_TRUE(upload) << upload.error().message;
  EXPECT_EQ(upload->state, State::kFinalized);
  EXPECT_EQ(upload->size_bytes, 5001);
  EXPECT_EQ(upload->file_count, 3);
  EXPECT_EQ(upload->expires_at, world_.clock.now() + 60min);
  EXPECT_FALSE(fs::exists(world_.received("upload_a")));
  EXPECT_EQ(contents(world_.sealed("upload_a") / "src/main.c"), "x");
}

TEST_F(UploadsTest, FinalizeSaysWhyNot) {
  EXPECT_EQ(code(finalize_upload("upload_none")), "upload_not_found");
  world_.receive("upload_a");
  EXPECT_EQ(code(finalize_upload("upload_a")), "ok");
  EXPECT_EQ(code(finalize_upload("upload_a")), "already_finalized");
  world_.clock.advance(61min);
  EXPECT_EQ(code(finalize_upload("upload_a")), "upload_expired");
}

TEST_F(UploadsTest, FilesOfAnInterruptedTransferAreNotFinal) {
  world_.receive("upload_a", "1", false);
  EXPECT_EQ(code(finalize_upload("upload_a")), "upload_incomplete");
  EXPECT_TRUE(fs::exists(world_.received("upload_a") / "1")) << "a later rsync goes on with it";
  world_.receive("upload_a", "2");
  EXPECT_EQ(code(finalize_upload("upload_a")), "ok");
}

TEST_F(UploadsTest, WhatNoTransferEverWroteToIsIncomplete) {
  world_.receive("upload_a", "1", false);
  fs::remove_all(world_.received("upload_a"));
  EXPECT_EQ(code(finalize_upload("upload_a")), "upload_incomplete");
}

TEST_F(UploadsTest, QuotasHoldAtFinalize) {
  UploadsWorld small{Limits{.max_upload_bytes = 100'000, .max_files = 2}};
  small.receive("upload_a");
  put(small.received("upload_a") / "big", std::string(200'000, 'x'));
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_a"))),
            "upload_quota_exceeded");
  small.receive("upload_b", "1");
  small.receive("upload_b", "2");
  small.receive("upload_b", "3");
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_b"))),
            "upload_quota_exceeded");
  EXPECT_EQ(small.state_of("upload_b"), State::kUploading);
  EXPECT_TRUE(fs::exists(small.received("upload_b") / "3"));
}

TransferAttempt attempt_at(const std::string& id) {
  TransferRequest request{"uploads/" + id + "/",
                          {"--server", "-logDtpre.iLsfxCIvu", ".", id + "/"}};
  return {"c1", "127.0.0.1", std::move(request), [] {}};
}

TEST_F(UploadsTest, EmptyFilesCountForTheQuota) {
  UploadsWorld small{Limits{.max_upload_bytes = 500'000}};
  for (const auto& [id, count] : {std::pair{"upload_few", 100}, {"upload_many", 150}}) {
    small.receive(id);
    for (int i = 0; i < count; ++i) put(small.received(id) / std::to_string(i), "");
  }
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_few"))), "ok");
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_many"))),
            "upload_quota_exceeded");
  EXPECT_EQ(code(finish(small.context, small.uploads->admit(attempt_at("upload_many")))),
            "upload_quota_exceeded");
}

TEST_F(UploadsTest, ATransferWhoseDaemonWasKilledLeavesItIncomplete) {
  world_.receive("upload_a");
  {
    const auto slot = world_.files->area().open("c1");
    EXPECT_EQ(code(finish(world_.context, world_.uploads->admit(attempt_at("upload_a")))), "ok");
  }  // rsync ends with its daemon
  world_.restart();
  EXPECT_EQ(code(finalize_upload("upload_a")), "upload_incomplete");
}

TEST_F(UploadsTest, ARefusedTransferLeavesItComplete) {
  UploadsWorld small{Limits{.max_files = 2}};
  small.receive("upload_a", "1/file");
  const auto slot = small.files->area().open("c1");
  EXPECT_EQ(code(finish(small.context, small.uploads->admit(attempt_at("upload_a")))), "ok");
  finish(small.context, small.uploads->end_transfer("c1", "upload_a", true));
  fs::create_directory(small.received("upload_a") / "2");
  EXPECT_EQ(code(finish(small.context, small.uploads->admit(attempt_at("upload_a")))),
            "upload_quota_exceeded");
  fs::remove(small.received("upload_a") / "2");
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_a"))), "ok");
}

TEST_F(UploadsTest, AllTogetherHaveAQuotaAtFinalizeAndForTheNext) {
  UploadsWorld small{Limits{.max_total_bytes = 300'000}};
  small.receive("upload_a");
  put(small.received("upload_a") / "big", std::string(200'000, 'x'));
  small.receive("upload_b");
  put(small.received("upload_b") / "big", std::string(200'000, 'x'));
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_b"))),
            "upload_quota_exceeded");
  const auto next = finish(small.context, small.uploads->admit(attempt_at("upload_c")));
  EXPECT_EQ(code(next), "upload_quota_exceeded");
  EXPECT_EQ(code(finish(small.context, small.uploads->remove("upload_a"))), "ok");
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_b"))), "ok");
}

TEST_F(UploadsTest, DirectoriesCountForTheLimitAndNotForTheReply) {
  UploadsWorld small{Limits{.max_files = 4}};
  small.receive("upload_a", "1/2/3/file");
  const auto fits = finish(small.context, small.uploads->finalize("upload_a"));
  ASSERT_TRUE(fits) << fits.error().message;
  EXPECT_EQ(fits->file_count, 1);
  small.receive("upload_b", "1/2/3/file");
  fs::create_directory(small.received("upload_b") / "4");
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_b"))),
            "upload_quota_exceeded");
}

TEST_F(UploadsTest, OneThatIsFullTakesNoTransferAndStays) {
  UploadsWorld small{Limits{.max_upload_bytes = 300'000, .max_files = 3}};
  small.receive("upload_large");
  put(small.received("upload_large") / "big", std::string(300'000, 'x'));
  small.receive("upload_many", "1/2/3/file");
  small.receive("upload_fits", "1/2/file");
  for (const char* id : {"upload_large", "upload_many"}) {
    EXPECT_EQ(code(finish(small.context, small.uploads->admit(attempt_at(id)))),
              "upload_quota_exceeded");
    EXPECT_TRUE(fs::exists(small.received(id))) << id;
    EXPECT_EQ(code(finish(small.context, small.uploads->remove(id))), "ok");
  }
  const auto slot = small.files->area().open("c1");
  EXPECT_EQ(code(finish(small.context, small.uploads->admit(attempt_at("upload_fits")))), "ok");
}

TEST_F(UploadsTest, TheHostsFreeSpaceIsNotForUploads) {
  UploadsWorld full{Limits{.min_free_bytes = std::uint64_t{1} << 62}};
  const auto admission = finish(full.context, full.uploads->admit(attempt_at("upload_a")));
  EXPECT_EQ(code(admission), "host_disk_low");
}

TEST_F(UploadsTest, ASealBeforeItsRowIsTakenBack) {
  world_.receive("upload_a");
  fs::create_directories(world_.sealed("upload_a").parent_path());
  fs::rename(world_.received("upload_a"), world_.sealed("upload_a"));
  world_.restart();
  EXPECT_TRUE(fs::exists(world_.received("upload_a") / "src/main.c"));
  EXPECT_EQ(code(finalize_upload("upload_a")), "ok");
}

/// Nested directories, which no path may be long enough for.
void make_nested(const fs::path& top, const std::vector<std::string>& names) {
  fs::create_directories(top);
  Fd at = open_directory(top).value();
  for (const auto& name : names) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
    at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
}

// rsync names files from within the upload; from the directories above, which all uploads are
// measured from, the same path is longer than a path may be.
TEST_F(UploadsTest, APathTooLongForAJobIsItsOwnUploadsProblem) {
  const std::string id = "upload_" + std::string(36, 'a');
  world_.receive(id);
  std::vector<std::string> names(190, std::string(20, 'd'));
  names.emplace_back(80, 'e');
  make_nested(world_.received(id), names);
  ASSERT_TRUE(finish(world_.context, world_.files->usage()));
  EXPECT_EQ(code(finalize_upload(id)), "path_too_long");
  EXPECT_EQ(world_.state_of(id), State::kUploading);
  world_.receive("upload_b");
  EXPECT_EQ(code(finalize_upload("upload_b")), "ok");
  EXPECT_EQ(code(finish(world_.context, world_.uploads->admit(attempt_at("upload_c")))), "ok");
  EXPECT_EQ(code(remove_upload(id)), "ok");
  EXPECT_FALSE(fs::exists(world_.received(id)));
}

TEST_F(UploadsTest, AnyDepthIsMeasured) {
  world_.receive("upload_a");
  make_nested(world_.received("upload_a"), std::vector<std::string>(5000, "d"));
  EXPECT_TRUE(finish(world_.context, world_.files->usage()));
  EXPECT_EQ(code(finalize_upload("upload_a")), "path_too_long");
  EXPECT_EQ(code(remove_upload("upload_a")), "ok");
}

TEST_F(UploadsTest, TheLongestPathThatIsTaken) {
  std::vector<std::string> names(kMaxPathBytes / 100 - 1, std::string(99, 'd'));
  names.emplace_back(100, 'e');
  world_.receive("upload_a");
  make_nested(world_.received("upload_a"), names);
  EXPECT_EQ(code(finalize_upload("upload_a")), "ok");
  names.back() += 'e';
  world_.receive("upload_b");
  make_nested(world_.received("upload_b"), names);
  EXPECT_EQ(code(finalize_upload("upload_b")), "path_too_long");
}

TEST_F(UploadsTest, SpecialBitsFallOffAndOtherModesStay) {
  world_.receive("upload_a", "closed/inner");
  const auto root = world_.received("upload_a");
  put(root / "suid");
  ASSERT_EQ(::chmod((root / "suid").c_str(), 06755), 0);
  ASSERT_EQ(::chmod((root / "closed").c_str(), 0), 0);
  ASSERT_EQ(::chmod(root.c_str(), 01555), 0);
  ASSERT_EQ(code(finalize_upload("upload_a")), "ok");
  const auto mode = [](const fs::path& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0xFFFF;
  };
  EXPECT_EQ(mode(world_.sealed("upload_a") / "suid"), 0755U);
  EXPECT_EQ(mode(world_.sealed("upload_a") / "closed"), 0U);
  EXPECT_EQ(mode(world_.sealed("upload_a")), 0555U);
}

TEST_F(UploadsTest, LinksGetTheirTargetsBackAndTimesStay) {
  world_.receive("upload_a");
  const auto inner = world_.received("upload_a") / "src";
  fs::create_symlink("/rsyncd-munged//etc/hosts", inner / "absolute");
  fs::create_symlink("/rsyncd-munged/../../up", inner / "up");
  fs::create_symlink("plain", inner / "plain");
  const auto long_ago = fs::file_time_type::clock::now() - 1000h;
  fs::last_write_time(inner, long_ago);
  ASSERT_EQ(::chmod(inner.c_str(), 0555), 0);
  ASSERT_EQ(code(finalize_upload("upload_a")), "ok");
  const auto sealed = world_.sealed("upload_a") / "src";
  EXPECT_EQ(fs::read_symlink(sealed / "absolute"), "/etc/hosts");
  EXPECT_EQ(fs::read_symlink(sealed / "up"), "../../up");
  EXPECT_EQ(fs::read_symlink(sealed / "plain"), "plain");
  EXPECT_EQ(fs::last_write_time(sealed), long_ago);
  EXPECT_EQ(fs::status(sealed).permissions(), fs::perms{0555});
}

// Whatever kept the row from becoming final: with real links rsync would find ways out.
TEST_F(UploadsTest, NoLinkLeadsAnywhereWhenATransferGoesOn) {
  UploadsWorld small{Limits{.max_total_bytes = 300'000}};
  small.receive("upload_a");
  put(small.received("upload_a") / "big", std::string(200'000, 'x'));
  small.receive("upload_b");
  const auto inner = small.received("upload_b") / "src";
  put(inner / "big", std::string(200'000, 'x'));
  fs::create_symlink("/rsyncd-munged//etc", inner / "absolute");
  const auto long_ago = fs::file_time_type::clock::now() - 1000h;
  fs::last_write_time(inner, long_ago);
  EXPECT_EQ(code(finish(small.context, small.uploads->finalize("upload_b"))),
            "upload_quota_exceeded");
  ASSERT_EQ(code(finish(small.context, small.uploads->remove("upload_a"))), "ok");
  const auto slot = small.files->area().open("c1");
  ASSERT_EQ(code(finish(small.context, small.uploads->admit(attempt_at("upload_b")))), "ok");
  const auto claimed = small.files->area().module("c1") / "upload_b/src";
  EXPECT_EQ(fs::read_symlink(claimed / "absolute"), "/rsyncd-munged//etc");
  EXPECT_EQ(fs::last_write_time(claimed), long_ago);
  finish(small.context, small.uploads->end_transfer("c1", "upload_b", true));
  ASSERT_EQ(code(finish(small.context, small.uploads->finalize("upload_b"))), "ok");
  EXPECT_EQ(fs::read_symlink(small.sealed("upload_b") / "src/absolute"), "/etc");
}

TEST_F(UploadsTest, AJobTakesTheFilesOnceAndMayAskAgain) {
  world_.receive("upload_a");
  ASSERT_EQ(code(finalize_upload("upload_a")), "ok");
  const auto work = world_.state.path() / "jobs/job_1/work";
  fs::create_directories(work);
  ASSERT_TRUE(world_.files->directories().move_to_job("upload_a", work));
  ASSERT_TRUE(world_.files->directories().move_to_job("upload_a", work));
  EXPECT_EQ(contents(work / "src/main.c"), "x");
  EXPECT_FALSE(fs::exists(world_.sealed("upload_a")));
}

TEST_F(UploadsTest, DeleteRemovesAndIsFinal) {
  world_.receive("upload_a");
  const auto removed = remove_upload("upload_a");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->state, State::kExpired);
  EXPECT_FALSE(fs::exists(world_.received("upload_a")));
  EXPECT_EQ(code(remove_upload("upload_a")), "upload_expired");
  EXPECT_EQ(code(finalize_upload("upload_a")), "upload_expired");
  EXPECT_EQ(code(remove_upload("upload_none")), "upload_not_found");
}

TEST_F(UploadsTest, DeleteLeavesAReservedOneAlone) {
  world_.receive("upload_a");
  ASSERT_EQ(code(finalize_upload("upload_a")), "ok");
  reserve_row("upload_a");
  EXPECT_EQ(code(remove_upload("upload_a")), "upload_in_use");
  EXPECT_TRUE(fs::exists(world_.sealed("upload_a")));
}

TEST_F(UploadsTest, TheSweepTakesWhatIsDueAndNothingElse) {
  world_.receive("upload_old");
  world_.receive("upload_reserved");
  ASSERT_EQ(code(finalize_upload("upload_reserved")), "ok");
  reserve_row("upload_reserved");
  world_.clock.advance(29min);
  world_.receive("upload_new");
  sweep();
  EXPECT_TRUE(fs::exists(world_.received("upload_old")));
  world_.clock.advance(61min);
  world_.receive("upload_new");  // refused: expired as well
  world_.receive("upload_newer");
  sweep();
  EXPECT_FALSE(fs::exists(world_.received("upload_old")));
  EXPECT_EQ(world_.state_of("upload_old"), State::kExpired);
  EXPECT_FALSE(fs::exists(world_.received("upload_new")));
  EXPECT_TRUE(fs::exists(world_.received("upload_newer")));
  EXPECT_TRUE(fs::exists(world_.sealed("upload_reserved")));
  EXPECT_EQ(world_.state_of("upload_reserved"), State::kFinalized);
}

TEST_F(UploadsTest, AnExpiredOneIsShownBeforeTheSweepSawIt) {
  world_.receive("upload_a");
  world_.clock.advance(30min);
  EXPECT_EQ(finish(world_.context, world_.uploads->get("upload_a"))->state, State::kExpired);
}

// Each crash point: the steps up to it by hand, then a restart.

TEST_F(UploadsTest, CrashBetweenRowAndSealIsCompleted) {
  world_.receive("upload_a");
  finalize_row("upload_a");
  world_.restart();
  EXPECT_FALSE(fs::exists(world_.received("upload_a")));
  EXPECT_TRUE(fs::exists(world_.sealed("upload_a") / "src/main.c"));
}

TEST_F(UploadsTest, AJobMayTakeOneWhoseSealWasInterrupted) {
  world_.receive("upload_a");
  finalize_row("upload_a");
  const auto work = world_.state.path() / "work";
  ASSERT_TRUE(world_.files->directories().move_to_job("upload_a", work));
  EXPECT_TRUE(fs::exists(work / "src/main.c"));
}

TEST_F(UploadsTest, CrashAfterTheMoveToAJobLosesNothing) {
  world_.receive("upload_a");
  ASSERT_EQ(code(finalize_upload("upload_a")), "ok");
  reserve_row("upload_a");
  const auto work = world_.state.path() / "work";
  ASSERT_TRUE(world_.files->directories().move_to_job("upload_a", work));
  world_.restart();
  ASSERT_TRUE(world_.files->directories().move_to_job("upload_a", work));
  EXPECT_TRUE(fs::exists(work / "src/main.c"));
  EXPECT_EQ(world_.state_of("upload_a"), State::kFinalized);
}

TEST_F(UploadsTest, CrashDuringDeleteIsFinished) {
  world_.receive("upload_a");
  ASSERT_TRUE(
      world_.transact([&](Transaction& tx) { return remove(tx, "upload_a", world_.clock.now()); }));
  world_.restart();
  EXPECT_FALSE(fs::exists(world_.received("upload_a")));
  EXPECT_TRUE(world_.transact([](Transaction& tx) { return to_clear(tx); }).empty());
}

TEST_F(UploadsTest, CrashBeforeTheRowLeavesNoDirectory) {
  put(world_.received("upload_stray") / "x");
  put(world_.received("not an id") / "x");
  put(world_.sealed("upload_stray2") / "x");
  world_.restart();
  EXPECT_TRUE(fs::is_empty(world_.state.path() / "uploads"));
  EXPECT_TRUE(fs::is_empty(world_.state.path() / "sealed"));
}

TEST_F(UploadsTest, ADeadTransfersUploadComesBack) {
  world_.receive("upload_a");
  const auto module = world_.files->area().open("c1").value().module;
  fs::rename(world_.received("upload_a"), module / "upload_a");
  world_.restart();  // the slot's lock went out of scope: its process is dead
  EXPECT_TRUE(fs::exists(world_.received("upload_a") / "src/main.c"));
  EXPECT_TRUE(fs::is_empty(world_.state.path() / "transfers"));
  EXPECT_EQ(code(finalize_upload("upload_a")), "ok");
}

TEST_F(UploadsTest, ALivingTransferOfTheLastDaemonIsRespected) {
  world_.receive("upload_a");
  auto slot = world_.files->area().open("c1").value();
  fs::rename(world_.received("upload_a"), slot.module / "upload_a");
  world_.restart();
  EXPECT_EQ(code(finalize_upload("upload_a")), "upload_in_progress");
  world_.clock.advance(31min);
  sweep();
  EXPECT_EQ(world_.state_of("upload_a"), State::kUploading);
  EXPECT_TRUE(fs::exists(slot.module / "upload_a/src/main.c"));
  slot.lock.reset();
  world_.clock.jump(-31min);
  EXPECT_EQ(code(finalize_upload("upload_a")), "ok");
}

}  // namespace
}  // namespace flashpods::uploads
