#include "client/connection.h"

#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/temporary_directory.h"
#include "client/env_file.h"
#include "client/origin_rules.h"
#include "client/run_coroutine.h"
#include "process/fake_command_runner.h"

namespace flashpods::client {
namespace {

void write(const std::filesystem::path& path, const std::string& text, mode_t mode = 0600) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path} << text;
  ::chmod(path.c_str(), mode);
}

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    places_.home = home_.path();
    places_.config_file = home_ / ".config/flashpods/config.toml";
    places_.local_env = home_ / ".local/state/flashpods/env";
  }

  Result<Connection> load() { return run_coroutine(load_connection(places_, runner_)); }

  void write_local_env(mode_t mode = 0600) {
    write(places_.local_env,
          "export FLASHPODS_URL='http://127.0.0.1:4000'\nexport FLASHPODS_API_TOKEN='local'\n"
          "FLASHPODS_RSYNC_URL=rsync://flashpods@127.0.0.1:4001/uploads\nRSYNC_PASSWORD=pw\n",
          mode);
  }

  TemporaryDirectory home_;
  Places places_;
  FakeCommandRunner runner_;
};

TEST_F(ConnectionTest, SaysWhatToRunWhenNothingIsConfigured) {
  const auto connection = load();
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, "not_configured");
  EXPECT_NE(connection.error().message.find("flashpods up"), std::string::npos);
}

TEST_F(ConnectionTest, TakesTheLocalDaemonsEnvFile) {
  write_local_env();
  const auto connection = load();
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(connection->token, "local");
  EXPECT_EQ(connection->origin.port, 4000);
  EXPECT_EQ(connection->rsync_url, "rsync://flashpods@127.0.0.1:4001/uploads");
  EXPECT_EQ(connection->rsync_password, "pw");
}

TEST_F(ConnectionTest, EnvironmentWinsOverFiles) {
  write_local_env();
  places_.environment = {{"FLASHPODS_URL", "http://127.0.0.1:9"},
                         {"FLASHPODS_API_TOKEN", "from-environment"}};
  const auto connection = load();
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(connection->token, "from-environment");
  EXPECT_EQ(connection->rsync_url, "rsync://127.0.0.1/uploads");
}

TEST_F(ConnectionTest, TokenGoesOnlyToTheServerItWasSavedFor) {
  write_local_env();
  places_.environment = {{"FLASHPODS_URL", "http://127.0.0.1:9"}};
  const auto other = load();
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "token_missing");
  places_.environment = {{"FLASHPODS_URL", "http://127.0.0.1:4000/"}};
  const auto same = load();
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->token, "local");
}

TEST_F(ConnectionTest, RefusesSecretsThatOthersMayRead) {
  write_local_env(0640);
  const auto connection = load();
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, "insecure_file");
  EXPECT_NE(connection.error().message.find("chmod 600"), std::string::npos);
}

TEST_F(ConnectionTest, RefusesPlainHttpOutsideTheEncryptedNetworks) {
  places_.environment = {{"FLASHPODS_URL", "http://192.0.2.1:8080"}, {"FLASHPODS_API_TOKEN", "t"}};
  const auto refused = load();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "insecure_url");
  places_.environment["FLASHPODS_URL"] = "http://10.0.0.1:8080";
  EXPECT_TRUE(load());
}

TEST_F(ConnectionTest, ReadsTheConfigurationFile) {
  write(places_.config_file,
        "url = \"http://10.0.0.1:8080\"\nrsync_url = \"rsync://10.0.0.1/uploads/\"\n"
        "allowed_paths = [\"~/work\"]\n");
  const auto missing = load();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, "token_missing");
  write(home_ / ".config/flashpods/tokens/10.0.0.1_8080", "saved\n");
  const auto connection = load();
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(connection->token, "saved");
  EXPECT_EQ(connection->rsync_url, "rsync://10.0.0.1/uploads");
  EXPECT_EQ(connection->allowed_paths.at(0), (home_.path() / "work").string());
}

TEST_F(ConnectionTest, AsksTheTokenCommand) {
  write(places_.config_file,
        "url = \"http://10.0.0.1:8080\"\ntoken_command = [\"pass\", \"flashpods\"]\n");
  runner_.when("pass flashpods", 0, "from-command\n");
  const auto connection = load();
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(connection->token, "from-command");
}

TEST_F(ConnectionTest, AnUnknownKeyIsAnError) {
  write(places_.config_file, "urll = \"http://10.0.0.1:8080\"\n");
  const auto connection = load();
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::kInvalid);
}

TEST(EnvFile, TakesQuotesOffAndExpandsNothing) {
  const auto variables =
      parse_env_file("# a comment\nexport A='it'\\''s $HOME'\nB=\"two words\"\n\nC=plain\n=x\n");
  EXPECT_EQ(variables.at("A"), "it's $HOME");
  EXPECT_EQ(variables.at("B"), "two words");
  EXPECT_EQ(variables.at("C"), "plain");
}

TEST(OriginRules, ComparesAddressesWithNetworks) {
  EXPECT_TRUE(in_network("10.0.0.7", "10.0.0.0/24"));
  EXPECT_FALSE(in_network("10.0.1.7", "10.0.0.0/24"));
  EXPECT_TRUE(in_network("fd00::1", "fd00::/8"));
  EXPECT_TRUE(in_network("10.0.0.7", "10.0.0.7"));
  EXPECT_FALSE(in_network("10.0.0.7.example.com", "10.0.0.0/8"));
  EXPECT_FALSE(in_network("10.0.0.7", "10.0.0.0/33"));
  EXPECT_FALSE(in_network("10.0.0.7", "10.0.0.0/-1"));
}

}  // namespace
}  // namespace flashpods::client
