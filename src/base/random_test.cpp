#include "base/random.h"

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace flashpods {
namespace {

RC_GTEST_PROP(RandomLaws, EveryIdIsValidAndOfOneKind, (std::uint64_t seed)) {
  SeededRandom random(seed);
  const std::string job = make_job_id(random), upload = make_upload_id(random);
  RC_ASSERT(is_job_id(job) && !is_upload_id(job));
  RC_ASSERT(is_upload_id(upload) && !is_job_id(upload));
}

RC_GTEST_PROP(RandomLaws, AUuidIsOfVersion4, (std::uint64_t seed)) {
  SeededRandom random(seed);
  const std::string uuid = make_uuid(random);
  RC_ASSERT(uuid.size() == 36U);
  RC_ASSERT(uuid[14] == '4');
  RC_ASSERT(std::string_view{"89ab"}.find(uuid[19]) != std::string_view::npos);
}

RC_GTEST_PROP(RandomLaws, NoIdIsAPath, (const std::string& text)) {
  if (is_job_id(text) || is_upload_id(text)) {
    RC_ASSERT(text.find_first_of("/.") == std::string::npos);
  }
}

TEST(Random, RefusesWhatIsNoId) {
  for (const char* text :
       {"", "job_", "job_aaaaaaaaaaaaaaa", "job_aaaaaaaaaaaaaaaaa", "job_aaaaaaaaaaaaaaa1",
        "job_AAAAAAAAAAAAAAAA", "job_../aaaaaaaaaaaaa", "job_aaaaaaaaaaaaaaa\n"}) {
    EXPECT_FALSE(is_job_id(text)) << text;
  }
  for (const char* text : {"", "upload_", "upload_..", "upload_a/b", "upload_a_b", "upload_a\n"}) {
    EXPECT_FALSE(is_upload_id(text)) << text;
  }
  EXPECT_TRUE(is_upload_id("upload_" + std::string(64, 'a')));
  EXPECT_FALSE(is_upload_id("upload_" + std::string(65, 'a')));
  EXPECT_FALSE(is_upload_id(std::string_view{"upload_a\0", 9}));
}

TEST(Random, TheKernelGivesDifferentIds) {
  SystemRandom random;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(make_job_id(random));
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(Random, ASeedRepeatsItself) {
  SeededRandom one(7), other(7);
  EXPECT_EQ(random_hex(one, 16), random_hex(other, 16));
  EXPECT_EQ(random_hex(one, 0), "");
}

}  // namespace
}  // namespace flashpods
