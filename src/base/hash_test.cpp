#include "base/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace flashpods {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, GivesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

RC_GTEST_PROP(Sha256Laws, PiecesGiveTheSameDigest,
              (const std::string& head, const std::string& tail)) {
  Sha256 hash;
  hash.update(head);
  Sha256 moved = std::move(hash);
  moved.update(tail);
  RC_ASSERT(moved.hex_digest() == sha256_hex(head + tail));
}

}  // namespace
}  // namespace flashpods
