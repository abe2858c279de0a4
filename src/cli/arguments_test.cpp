#include "cli/arguments.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/artifact_file.h"
#include "cli/image_list.h"
#include "cli/interrupts.h"
#include "cli/launch.h"
#include "cli/pulled_record.h"

namespace flashpods::cli {
namespace {

struct Parsed {
  bool follow = false;
  std::string mode;
  std::optional<std::int64_t> count;
  std::vector<std::string> exclude;
  std::vector<std::string> jobs;

  Result<void> parse(std::vector<std::string> words) {
    return parse_arguments({{"-f,--follow", &follow, "", ""},
                            {"--mode", &mode, "MODE", "", {"ro", "scratch"}},
                            {"-n,--count", &count, "N", ""},
                            {"--exclude", &exclude, "PATTERN", ""},
                            {"JOB", &jobs, "", "", {}, true}},
                           std::move(words));
  }
};

TEST(Arguments, AreReadInEveryUsualForm) {
  Parsed parsed;
  const auto result = parsed.parse(
      {"-f", "a", "--mode=ro", "-n5", "--exclude", "*.o", "b", "--exclude", "tmp", "c"});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(parsed.follow);
  EXPECT_EQ(parsed.mode, "ro");
  EXPECT_EQ(parsed.count, 5);
  EXPECT_EQ(parsed.exclude, (std::vector<std::string>{"*.o", "tmp"}));
  EXPECT_EQ(parsed.jobs, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Arguments, WhatIsWrongIsNamed) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {}, {"a", "--nonsense"}, {"a", "--mode", "rw"}, {"a", "-n", "many"}, {"a", "--mode"}}) {
    Parsed parsed;
    const auto result = parsed.parse(words);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, "usage");
    EXPECT_FALSE(result.error().message.empty());
  }
}

TEST(LaunchRequest, CarriesWhatWasGivenAndNothingElse) {
  LaunchOptions options;
  EXPECT_EQ(launch_request(options, {})->dump(), "{}");
  options.cpus = 4;
  options.timeout_minutes = 10;
  options.network = "none";
  options.env = {"A=b=c", "LANG"};
  options.labels = {"team=x"};
  const auto request = launch_request(options, {{"LANG", "C.UTF-8"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(*request, (nlohmann::json{{"cpus", 4},
                                      {"timeout_minutes", 10},
                                      {"network", "none"},
                                      {"env", {{"A", "b=c"}, {"LANG", "C.UTF-8"}}},
                                      {"labels", {{"team", "x"}}}}));
}

TEST(LaunchRequest, RefusesWhatItCannotMean) {
  LaunchOptions unset;
  unset.env = {"NOT_SET_HERE"};
  EXPECT_FALSE(launch_request(unset, {}));
  LaunchOptions label;
  label.labels = {"team"};
  EXPECT_FALSE(launch_request(label, {}));
}

TEST(ArtifactFile, AServersNameNeverLeavesTheDirectory) {
  EXPECT_EQ(local_file_name("prog"), "prog");
  EXPECT_EQ(local_file_name("a..."), "a...");
  for (const char* name : {"", ".", "..", "a/b", "/etc/passwd", "a\nb", "\x1b[2J"}) {
    EXPECT_FALSE(local_file_name(name)) << name;
  }
  EXPECT_FALSE(local_file_name(std::string_view{"a\0b", 3}));
}

TEST(ArtifactFile, GoesWhereThePersonSaid) {
  EXPECT_EQ(*artifact_target("", "prog"), "prog");
  EXPECT_EQ(*artifact_target("out.bin", "a/../b"), "out.bin");
  EXPECT_EQ(*artifact_target("somewhere/", "prog"), "somewhere/prog");
  EXPECT_EQ(*artifact_target("/tmp", "prog"), "/tmp/prog");
  EXPECT_FALSE(artifact_target("/tmp", "../prog"));
}

TEST(PulledRecord, RemembersAndForgets) {
  const auto file = std::filesystem::path{testing::TempDir()} / "pulled" / "pulled.json";
  PulledRecord record;
  record.add("i1", "job_a", "prog");
  record.add("i2", "job_a", "prog");
  record.add("i1", "job_b", "log");
  record.keep_only("i1", {"job_a"});
  ASSERT_TRUE(record.save(file));
  const auto read = PulledRecord::load(file);
  EXPECT_TRUE(read.has("i1", "job_a", "prog"));
  EXPECT_TRUE(read.has("i2", "job_a", "prog"));
  EXPECT_FALSE(read.has("i1", "job_b", "log"));
  EXPECT_FALSE(read.has("i1", "job_a", "other"));
}

TEST(PulledRecord, DamageIsAnEmptyRecord) {
  const auto file = std::filesystem::path{testing::TempDir()} / "damaged.json";
  ASSERT_TRUE(PulledRecord{}.save(file));
  EXPECT_FALSE(PulledRecord::load(file).has("i1", "job_a", "prog"));
  EXPECT_FALSE(PulledRecord::load("/none-such").has("i1", "job_a", "prog"));
}

TEST(UsableImages, LeaveOutWhatNoJobCanName) {
  const auto listed = nlohmann::json::parse(R"([
    {"Id": "a", "Names": ["localhost/flashpods/worker:latest", "x:1"], "Size": 7, "Created": 9},
    {"Id": "b", "Names": null, "Size": 1},
    {"Id": "c", "Names": ["localhost/podman-pause:4.3.1-0"]},
    {"Id": "d", "Names": ["<none>:<none>"]}, 5])");
  const auto images = usable_images(listed);
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].name, "localhost/flashpods/worker:latest");
  EXPECT_EQ(images[1].id, "a");
  EXPECT_EQ(images[1].bytes, 7U);
  EXPECT_TRUE(usable_images("x").empty());
}

TEST(InterruptAnswer, IsReadFromTheFirstWord) {
  EXPECT_EQ(read_answer("k\n"), InterruptAnswer::kKill);
  EXPECT_EQ(read_answer("kill\n"), InterruptAnswer::kKill);
  EXPECT_EQ(read_answer("d\r\n"), InterruptAnswer::kDetach);
  EXPECT_EQ(read_answer("\n"), InterruptAnswer::kContinue);
  EXPECT_EQ(read_answer(""), InterruptAnswer::kContinue);
  EXPECT_EQ(read_answer("keep\n"), InterruptAnswer::kContinue);
}

}  // namespace
}  // namespace flashpods::cli
