#include "uploads/confinement.h"

#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"

namespace flashpods::uploads {
namespace {

TEST(Confinement, IsInForceHere) {
  if (!WriteConfinement::available()) GTEST_SKIP() << "this kernel has no Landlock";
  TemporaryDirectory inside;
  TemporaryDirectory outside;
  const auto in = inside.path() / "x";
  const auto out = outside.path() / "x";
  const auto file = outside.path() / "file";
  const auto other = outside.path() / "other";
  for (const auto& each : {file, other}) std::ofstream(each) << "text";
  const auto confinement = WriteConfinement::to(inside.path(), file);
  ASSERT_TRUE(confinement);
  const pid_t child = ::fork();
  if (child == 0) {
    if (confinement->put_on() != 0) ::_exit(3);
    const bool wrote_in = ::mkdir(in.c_str(), 0700) == 0;
    const bool wrote_out = ::mkdir(out.c_str(), 0700) == 0;
    const bool wrote_file = ::open(file.c_str(), O_WRONLY) >= 0;
    const bool wrote_other = ::open(other.c_str(), O_WRONLY) >= 0;
    ::_exit(wrote_in && wrote_file && !wrote_out && !wrote_other ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace flashpods::uploads
