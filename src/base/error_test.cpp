#include "base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace flashpods {
namespace {

TEST(ErrnoError, SaysWhatFailedAndWhy) {
  const Error error = errno_error(ENOENT, "cannot open 'a'");
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_EQ(error.code, "not_found");
  EXPECT_EQ(error.message, "cannot open 'a': No such file or directory");
}

TEST(ErrnoError, AFullDiskIsTold) {
  EXPECT_EQ(errno_error(ENOSPC, "x").code, "disk_full");
  EXPECT_EQ(errno_error(EDQUOT, "x").kind, ErrorKind::kInsufficientStorage);
  EXPECT_EQ(errno_error(EIO, "x").kind, ErrorKind::kInternal);
}

TEST(ErrnoError, ReadsErrnoItself) {
  errno = ENOENT;
  EXPECT_EQ(errno_error("x").kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace flashpods
