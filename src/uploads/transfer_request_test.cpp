#include "uploads/transfer_request.h"

#include <gtest/gtest.h>

namespace flashpods::uploads {
namespace {

using Arguments = std::vector<std::string>;

std::string decide(const std::string& request, Arguments arguments) {
  const auto id = uploaded_id({request, std::move(arguments)});
  return id ? *id : "refused";
}

/// A plain upload to upload_x with these options more.
std::string with(const Arguments& options) {
  Arguments all{"--server", "-vlogDtprze.iLsfxCIvu"};
  all.insert(all.end(), options.begin(), options.end());
  all.insert(all.end(), {".", "upload_x/"});
  return decide("uploads/upload_x/", all);
}

/// A plain upload to another destination.
std::string to(const std::string& request, const std::string& argument) {
  return decide(request, {"--server", "-logDtpre.iLsfxCIvu", ".", argument});
}

// What real clients sent to a real daemon (rsync 3.5.0, 3.2.7; openrsync as in its fargs.c).
TEST(TransferRequest, TakesWhatClientsSend) {
  const Arguments recorded[] = {
      {"--server", "-vlogDtprze.iLsfxCIvu", "--delete", "--partial", ".", "upload_x/"},
      {"--server", "-logDtpre.iLsfxCIvu", "--delete", ".", "upload_x/"},
      {"--server", "-svlogDtpre.iLsfxCIvu", ".", "upload_x/"},
      {"--server", "-logDtpRe.LsfxCIvu", "--log-format=%i", "--stats", "--partial", ".",
       "upload_x/"},
      {"--server", "-ltrze.iLsfxCIvu", "--bwlimit=1000", "--max-size=1048576", "--delete-excluded",
       ".", "upload_x/"},
      {"--server", "-vvlogDtpre.iLsfxCIvu", "-@-1", ".", "upload_x"},
      {"--server", "-D", "-g", "-l", "-o", "-p", "-r", "-t", "-v", "-z", "--delete", ".",
       "upload_x/"},
  };
  for (const auto& arguments : recorded) {
    EXPECT_EQ(decide("uploads/upload_x/", arguments), "upload_x")
        << testing::PrintToString(arguments);
  }
}

// rsync would take the word after it for its value, and then write to the module's own directory.
TEST(TransferRequest, RefusesALetterThatTakesTheNextWord) {
  EXPECT_EQ(with({"-e"}), "refused");
  EXPECT_EQ(with({"-re"}), "refused");
  EXPECT_EQ(with({"-e.iLs"}), "upload_x");
}

TEST(TransferRequest, RefusesOptionsThatWriteElsewhereOrInPlace) {
  for (const char* option : {"--inplace",
                             "--append",
                             "--append-verify",
                             "--temp-dir=/tmp",
                             "--temp-dir",
                             "-T/tmp",
                             "--partial-dir=/tmp",
                             "--copy-dest=/etc",
                             "--link-dest=/etc",
                             "--compare-dest=/etc",
                             "--backup",
                             "--backup-dir=/tmp",
                             "-b",
                             "--write-devices",
                             "--copy-devices",
                             "-K",
                             "--keep-dirlinks",
                             "--log-file=/tmp/x",
                             "--daemon",
                             "--config=/tmp/x",
                             "-A",
                             "-X",
                             "--remote-option=--inplace",
                             "-M--inplace",
                             "--rsync-path=x",
                             "--sender",
                             "--fake-super",
                             "--remove-source-files",
                             "--files-from=/etc/passwd",
                             "--exclude-from=/etc/passwd",
                             "--write-batch=x",
                             "--mkpath",
                             "--",
                             "-",
                             "x",
                             "-vA",
                             "-n",
                             "-vnltre.iLsfxCIvu",
                             "-ltK",
                             "--no-such-option"}) {
    EXPECT_EQ(with({option}), "refused") << option;
  }
  EXPECT_EQ(with({"--delete"}), "upload_x");
}

TEST(TransferRequest, TakesNoSparseFilesPacked) {
  const auto of = [](Arguments options) {
    options.insert(options.begin(), "--server");
    options.insert(options.end(), {".", "upload_x/"});
    return decide("uploads/upload_x/", options);
  };
  for (const char* sparse : {"-S", "-logDtprSe.iLsfxCIvu"}) {
    EXPECT_EQ(of({sparse}), "upload_x");
    for (const char* packed : {"-z", "-ltrze.iLsfxCIvu", "--compress", "--new-compress",
                               "--old-compress", "--compress-choice=zstd"}) {
      EXPECT_EQ(of({packed}), "upload_x");
      EXPECT_EQ(of({sparse, packed}), "refused") << packed;
    }
  }
  EXPECT_EQ(of({"-ltre.iLsfxCIvuS", "-z"}), "upload_x") << "what follows e is no option";
}

TEST(TransferRequest, TakesOnlyAPlaceInOneUpload) {
  EXPECT_EQ(to("uploads/upload_x", "upload_x"), "upload_x");
  EXPECT_EQ(to("uploads/upload_x/sub/dir/", "upload_x/sub/dir/"), "upload_x");
  EXPECT_EQ(to("uploads/upload_A-9/", "upload_A-9/"), "upload_A-9");
  EXPECT_EQ(to("uploads/upload_x/..x/", "upload_x/..x/"), "upload_x");
  for (const char* path : {"", "/", ".", "..", "x", "../x", "/etc/x", "upload_", "upload_x/../y",
                           "upload_x/..", "./upload_x", "/upload_x", "upload_x.", "upload_a b",
                           "upload_x*", "-upload_x", "upload_x\n/"}) {
    EXPECT_EQ(to(std::string{"uploads/"} + path, path), "refused") << path;
  }
}

// rsync shows the hook the path cleaned up; what the client really asked for counts as well.
TEST(TransferRequest, TheRawRequestMustAgree) {
  EXPECT_EQ(to("uploads/upload_x/../../x", "x"), "refused");
  EXPECT_EQ(to("uploads/upload_a/../upload_x/", "upload_x/"), "refused");
  EXPECT_EQ(to("uploads/upload_a/", "upload_x/"), "refused");
  EXPECT_EQ(to("other/upload_x/", "upload_x/"), "refused");
  EXPECT_EQ(to("", "upload_x/"), "refused");
}

TEST(TransferRequest, TakesOneDestinationAndOnlyUploads) {
  EXPECT_EQ(decide("uploads/upload_x/", {"--server", "-lt", ".", "upload_x/", "upload_y/"}),
            "refused");
  EXPECT_EQ(decide("uploads/upload_x/", {"--server", "-lt", "."}), "refused");
  EXPECT_EQ(decide("uploads/upload_x/", {"--server", "-lt"}), "refused");
  EXPECT_EQ(decide("uploads/upload_x/", {}), "refused");
  EXPECT_EQ(decide("uploads/upload_x/", {"-lt", ".", "upload_x/"}), "refused");
  EXPECT_EQ(decide("uploads/upload_x/", {"--server", "--sender", "-lt", ".", "upload_x/"}),
            "refused");
  EXPECT_EQ(decide("uploads/upload_x/", {"--server", "-lt", ".", "--inplace"}), "refused");
}

}  // namespace
}  // namespace flashpods::uploads
