#include "jobs/image_reference.h"

#include <gtest/gtest.h>

namespace flashpods::jobs {
namespace {

TEST(ImageReference, TakesApart) {
  const auto reference =
      parse_image_reference("quay.io/team/tool_x:1.2-rc@sha256:" + std::string(64, 'a'));
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->registry, "quay.io");
  EXPECT_EQ(reference->path, "team/tool_x");
  EXPECT_EQ(reference->tag, "1.2-rc");
  EXPECT_EQ(reference->digest, "sha256:" + std::string(64, 'a'));
}

TEST(ImageReference, TextOfWhatWasReadIsTheSame) {
  for (const char* text :
       {"debian", "debian:12", "user/image:latest", "localhost/flashpods/busybox",
        "ghcr.io/a/b/c--d", "docker.io/library/rust:1-slim", "a__b"}) {
    const auto reference = parse_image_reference(text);
    ASSERT_TRUE(reference) << text;
    EXPECT_EQ(to_string(*reference), text);
  }
}

TEST(ImageReference, RefusesEverythingElse) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const std::string& text : {std::string(),
                                  std::string("-v/:/host"),
                                  std::string("--privileged"),
                                  std::string("Debian"),
                                  std::string("docker-archive:/etc/passwd"),
                                  std::string("docker://debian"),
                                  std::string("oci:dir"),
                                  std::string("dir:/x"),
                                  std::string("oci:5000/x"),
                                  std::string("docker-archive:5000/x:latest"),
                                  std::string("containers-storage:debian"),
                                  std::string("debian:"),
                                  std::string("debian:-x"),
                                  std::string("debian@sha256:12"),
                                  std::string("debian") + digest + digest,
                                  std::string("a//b"),
                                  std::string("/etc"),
                                  std::string("a/../b"),
                                  std::string("a b"),
                                  std::string("a\nb"),
                                  std::string("a:b\0", 4),
                                  std::string("debian:tag:tag"),
                                  std::string("a___b"),
                                  std::string("a..b"),
                                  std::string("a-"),
                                  std::string("quay.io/"),
                                  std::string("quay..io/x"),
                                  std::string("-x.io/y"),
                                  std::string("[::1]:5000/x"),
                                  std::string("quay.io./x"),
                                  std::string("metadata.google.internal.:80/x"),
                                  std::string("PRINTER/x"),
                                  std::string("quay.io:/x"),
                                  std::string("quay.io:0/x"),
                                  std::string("quay.io:00443/x"),
                                  std::string("quay.io:65536/x"),
                                  std::string("quay.io:443x/x"),
                                  std::string("\xe2\x84\xaa.io/x"),
                                  std::string(300, 'a'),
                                  std::string("\xc3\xbc")}) {
    EXPECT_FALSE(parse_image_reference(text)) << text;
  }
}

// Podman's own limit, for the name with the registry and what it puts in between.
TEST(ImageReference, CountsTheQualifiedName) {
  const auto fits = [](const std::string& text) { return parse_image_reference(text).has_value(); };
  const auto added = std::string_view("docker.io/library/").size();
  EXPECT_TRUE(fits(std::string(255 - added, 'a')));
  EXPECT_FALSE(fits(std::string(256 - added, 'a')));
  EXPECT_TRUE(fits("quay.io/" + std::string(247, 'a') + ":tag"));
  EXPECT_FALSE(fits("quay.io/" + std::string(248, 'a')));
}

TEST(ImageReference, PrivateRegistriesAreTold) {
  for (const char* text :
       {"127.0.0.1:5000/x", "10.0.0.1/x", "192.168.1.1/x", "localhost:5000/x", "registry:5000/x",
        "nas.local/x", "registry.internal/x", "0x7f.1/x", "127.1/x", "1.2.3.4.5/x",
        "2130706433:5000/x", "0177.0.0.1/x", "127.0.0.0x1/x", "metadata.google.INTERNAL/x",
        "printer.LOCAL/x", "Printer.Lan:631/x", "LOCALHOST:5000/x", "a.Corp/x"}) {
    const auto reference = parse_image_reference(text);
    ASSERT_TRUE(reference) << text;
    EXPECT_TRUE(has_private_registry(*reference)) << text;
  }
  for (const char* text : {"debian", "localhost/x", "quay.io/a", "ghcr.io:443/a/b"}) {
    EXPECT_FALSE(has_private_registry(*parse_image_reference(text))) << text;
  }
}

TEST(ImageReference, TheRegistryIsReadInLowerCase) {
  const auto reference = parse_image_reference("Quay.IO:443/team/tool:V1");
  ASSERT_TRUE(reference);
  EXPECT_EQ(to_string(*reference), "quay.io:443/team/tool:V1");
}

TEST(ImageReference, ShortNamesAreQualifiedForDockerHub) {
  const auto full = [](const char* text) {
    return to_string(qualified(*parse_image_reference(text)));
  };
  EXPECT_EQ(full("debian:12"), "docker.io/library/debian:12");
  EXPECT_EQ(full("user/tool"), "docker.io/user/tool");
  EXPECT_EQ(full("quay.io/a/b"), "quay.io/a/b");
  EXPECT_FALSE(can_be_pulled(*parse_image_reference("localhost/x")));
}

}  // namespace
}  // namespace flashpods::jobs
