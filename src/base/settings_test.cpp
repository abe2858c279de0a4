#include "base/settings.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/temporary_directory.h"
#include "base/text.h"

namespace flashpods {
namespace {

using namespace std::chrono_literals;

struct Config {
  std::string address = "127.0.0.1";
  std::string mode = "local";
  std::filesystem::path state = "/var/lib/flashpods";
  std::vector<std::string> networks = {"10.0.0.0/24"};
  bool debug = false;
  std::uint16_t port = 8080;
  std::uint64_t log_bytes = std::uint64_t{50} * 1024 * 1024;
  std::chrono::milliseconds timeout = 30s;
  bool operator==(const Config&) const = default;
};

struct SettingsTest : testing::Test {
  Config config;
  Settings settings = declare(config);

  static Settings declare(Config& config) {
    Settings settings;
    settings.boolean("debug", config.debug, "More log lines.");
    settings.string("api.address", config.address, "Where the API listens.");
    settings.integer("api.port", config.port, 1, 65535, "Its TCP port.");
    settings.choice("mode", config.mode, {"local", "host"}, "What this machine is.");
    settings.path("state.directory", config.state, "What outlives a restart.");
    settings.strings("api.networks", config.networks, "Who may connect.");
    settings.megabytes("limits.log_mb", config.log_bytes, 1, 1000, "Log kept of one job.");
    settings.seconds("limits.timeout", config.timeout, 1, 3600, "How long a peer may take.");
    return settings;
  }

  std::string error_of(std::string_view toml) {
    const auto loaded = settings.load_text(toml, "test.toml");
    return loaded ? "" : loaded.error().message;
  }
};

TEST_F(SettingsTest, FillsTheVariables) {
  EXPECT_EQ(error_of("debug = true\nmode = \"host\"\n"
                     "[api]\naddress = \"10.0.0.1\"\nport = 80\nnetworks = [\"a\", \"b\"]\n"
                     "[state]\ndirectory = \"/srv\"\n[limits]\nlog_mb = 2\ntimeout = 5\n"),
            "");
  const Config expected{"10.0.0.1", "host", "/srv", {"a", "b"}, true, 80, std::uint64_t{2} << 20,
                        5s};
  EXPECT_TRUE(config == expected);
}

// Under the limit it is read and freed; far beyond, it is not even read.
TEST_F(SettingsTest, RefusesKeysOfEndlessDepth) {
  const auto key = [](std::size_t parts) {
    std::string text;
    for (; parts > 1; --parts) text += "a.";
    return text + "a = 1\n";
  };
  EXPECT_NE(error_of(key(5000)).find("not a known setting"), std::string::npos);
  EXPECT_EQ(error_of(key(200'000)), "test.toml:1:1: it has more than 5000 dots");
}

TEST_F(SettingsTest, WhatIsNotNamedStays) {
  EXPECT_EQ(error_of("[api]\nport = 81\n"), "");
  Config expected;
  expected.port = 81;
  EXPECT_TRUE(config == expected);
}

TEST_F(SettingsTest, AnUnknownKeyIsNamedWithItsNeighbours) {
  EXPECT_EQ(
      error_of("[api]\nprot = 80\n"),
      "test.toml:2:1: 'api.prot' is not a known setting; known here: address, port, networks");
  EXPECT_EQ(error_of("[apo]\nport = 80\n"),
            "test.toml:1:2: 'apo' is not a known setting; known here: debug, [api], mode, [state], "
            "[limits]");
}

TEST_F(SettingsTest, AQuotedDotIsNoTable) { EXPECT_NE(error_of("\"api.port\" = 80\n"), ""); }

TEST_F(SettingsTest, AWrongValueIsToldWhatIsAllowed) {
  EXPECT_EQ(error_of("[api]\nport = 65536\n"),
            "test.toml:2:8: 'api.port' must be a whole number from 1 to 65535");
  EXPECT_EQ(error_of("[api]\nport = 80.0\n"),
            "test.toml:2:8: 'api.port' must be a whole number from 1 to 65535");
  EXPECT_EQ(error_of("[limits]\ntimeout = 0\n"),
            "test.toml:2:11: 'limits.timeout' must be a whole number from 1 to 3600 (seconds)");
  EXPECT_EQ(error_of("mode = \"cloud\"\n"),
            "test.toml:1:8: 'mode' must be one of \"local\", \"host\"");
  EXPECT_EQ(error_of("debug = 1\n"), "test.toml:1:9: 'debug' must be true or false");
  EXPECT_EQ(error_of("api.networks = [\"a\", 1]\n"),
            "test.toml:1:16: 'api.networks' must be a list of strings");
  EXPECT_EQ(error_of("[api.address]\n"), "test.toml:1:1: 'api.address' must be a string");
  EXPECT_NE(error_of("api = 1\n"), "");
}

TEST_F(SettingsTest, AllErrorsAreToldAndNothingIsTaken) {
  EXPECT_EQ(error_of("debug = true\nmode = 1\nx = 1\n"),
            "test.toml:2:8: 'mode' must be one of \"local\", \"host\"\n"
            "test.toml:3:1: 'x' is not a known setting; known here: debug, [api], mode, [state], "
            "[limits]");
  EXPECT_TRUE(config == Config{});
}

TEST_F(SettingsTest, BadSyntaxHasItsPlace) {
  EXPECT_TRUE(error_of("debug = true\n[api\n").starts_with("test.toml:2:"));
  EXPECT_TRUE(error_of("debug = true\ndebug = true\n").starts_with("test.toml:2:"));
  EXPECT_TRUE(error_of("mode = \"\xff\"\n").starts_with("test.toml:1:"));
}

TEST_F(SettingsTest, DefaultsArePrintedByTable) {
  EXPECT_EQ(settings.print_defaults(), R"(# More log lines.
# True or false.
#debug = false

# What this machine is.
# One of "local", "host".
#mode = "local"

[api]

# Where the API listens.
# A string.
#address = "127.0.0.1"

# Its TCP port.
# A whole number from 1 to 65535.
#port = 8080

# Who may connect.
# A list of strings.
#networks = ["10.0.0.0/24"]

[state]

# What outlives a restart.
# A string.
#directory = "/var/lib/flashpods"

[limits]

# Log kept of one job.
# A whole number from 1 to 1000 (MB).
#log_mb = 50

# How long a peer may take.
# A whole number from 1 to 3600 (seconds).
#timeout = 30
)");
}

TEST_F(SettingsTest, LongDescriptionsAreBroken) {
  std::string word(120, 'w'), phrase;
  for (int i = 0; i < 40; ++i) phrase += "word ";
  settings.string("long", word, phrase + "\n" + word);
  const std::string text = settings.print_defaults();
  EXPECT_NE(text.find("# " + std::string(120, 'w') + "\n"), std::string::npos);
  EXPECT_EQ(text.find("word word word word word word word word word word word word word word word "
                      "word word word word"),
            std::string::npos);
  EXPECT_EQ(error_of(text), "");
}

/// The printed file with its settings uncommented.
std::string uncommented(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts_line = at == 0 || text[at - 1] == '\n';
    if (starts_line && text[at] == '#' && text[at + 1] != ' ') continue;
    plain += text[at];
  }
  return plain;
}

RC_GTEST_PROP(SettingsLaws, ThePrintedDefaultsLoadAgain, ()) {
  Config config, other;
  config.address = to_valid_utf8(*rc::gen::arbitrary<std::string>());
  for (const auto& network : *rc::gen::arbitrary<std::vector<std::string>>()) {
    config.networks.push_back(to_valid_utf8(network));
  }
  config.port = *rc::gen::inRange<std::uint16_t>(1, 65535);
  const std::string text = SettingsTest::declare(config).print_defaults();
  const auto loaded = SettingsTest::declare(other).load_text(uncommented(text), "x");
  RC_ASSERT(loaded.has_value());
  RC_ASSERT(other == config);
}

RC_GTEST_PROP(SettingsLaws, AnyTextIsReadOrRefused, ()) {
  const auto piece = rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::element<std::string>("api", ".", "[", "]", "[[", "=", "\n", "\"", "'''", "port", "1",
                                    "{", "}", "#", "1979-05-27", "\r", "\xff", "inf"));
  std::string text;
  for (const std::string& p : *rc::gen::container<std::vector<std::string>>(piece)) text += p;
  Config config;
  const auto loaded = SettingsTest::declare(config).load_text(text, "x");
  RC_ASSERT(
      (loaded ||
       is_valid_utf8(loaded.error().message)));  // two pairs: RC_ASSERT's own || evaluates both
}

TEST_F(SettingsTest, ReadsAFile) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_durably(directory / "config.toml", "debug = true\n"));
  EXPECT_TRUE(settings.load_file(directory / "config.toml"));
  EXPECT_TRUE(config.debug);
  EXPECT_EQ(settings.load_file(directory / "absent").error().kind, ErrorKind::kNotFound);
}

TEST_F(SettingsTest, DeepNestingIsRefused) {
  EXPECT_NE(error_of("mode = " + std::string(500'000, '[')), "");
  std::string dotted = "a";
  for (int i = 0; i < 20'000; ++i) dotted += ".a";
  EXPECT_NE(error_of(dotted + " = 1\n"), "");
}

}  // namespace
}  // namespace flashpods
