#include "uploads/upload.h"

#include <gtest/gtest.h>

namespace flashpods::uploads {
namespace {

using namespace std::chrono_literals;

const Time kNow{24h * 365 * 56};

Upload upload_in(State state) {
  Upload upload;
  upload.id = "upload_a";
  upload.state = state;
  upload.owner = "127.0.0.1";
  upload.expires_at = kNow + 1min;
  return upload;
}

std::string code(const Result<void>& result) { return result ? "ok" : result.error().code; }

TEST(Upload, StateWordsRoundTrip) {
  for (const auto state :
       {State::kUploading, State::kFinalized, State::kConsumed, State::kExpired}) {
    EXPECT_EQ(parse_state(to_string(state)), state);
  }
  EXPECT_FALSE(parse_state("sealed"));
}

struct Allowed {
  State state;
  const char* receive;
  const char* finalize;
  const char* reserve;
  const char* remove;
};

TEST(Upload, WhatEachStateAllows) {
  for (const auto& [state, receive, finalize, reserve, remove] : {
           Allowed{State::kUploading, "ok", "ok", "upload_not_finalized", "ok"},
           Allowed{State::kFinalized, "already_finalized", "already_finalized", "ok", "ok"},
           Allowed{State::kConsumed, "already_consumed", "already_consumed", "upload_in_use",
                   "already_consumed"},
           Allowed{State::kExpired, "upload_expired", "upload_expired", "upload_expired",
                   "upload_expired"},
       }) {
    const auto upload = upload_in(state);
    SCOPED_TRACE(to_string(state));
    EXPECT_EQ(code(may_receive(upload, "127.0.0.1", kNow)), receive);
    EXPECT_EQ(code(may_finalize(upload, kNow)), finalize);
    EXPECT_EQ(code(may_reserve(upload, kNow)), reserve);
    EXPECT_EQ(code(may_delete(upload, kNow)), remove);
  }
}

TEST(Upload, IsExpiredTheMomentItsTimeIsOver) {
  const auto upload = upload_in(State::kFinalized);
  EXPECT_EQ(state_at(upload, kNow + 1min - 1ms), State::kFinalized);
  EXPECT_EQ(state_at(upload, kNow + 1min), State::kExpired);
  EXPECT_EQ(code(may_reserve(upload, kNow + 1min)), "upload_expired");
}

TEST(Upload, AReservedOneNeverExpires) {
  auto upload = upload_in(State::kFinalized);
  upload.job_id = "job_1";
  EXPECT_EQ(state_at(upload, kNow + 24h), State::kFinalized);
  EXPECT_EQ(code(may_reserve(upload, kNow)), "upload_in_use");
  EXPECT_EQ(code(may_delete(upload, kNow)), "upload_in_use");
}

TEST(Upload, BelongsToTheAddressThatBeganIt) {
  EXPECT_EQ(code(may_receive(upload_in(State::kUploading), "10.0.0.2", kNow)), "not_the_owner");
}

}  // namespace
}  // namespace flashpods::uploads
