// Spawning through a session: one key, one job, whatever is lost on the way.

#include "mcp/session_test_support.h"

namespace flashpods::mcp {
namespace {

TEST_F(SessionTest, SpawnsAWorker) {
  api_.when("POST /jobs", 201, {{"job_id", "job_1"}, {"status", "starting"}, {"created", true}});
  const auto result = result_of("spawn_worker", {{"command", "make"}, {"workspace", "scratch"}});
  EXPECT_FALSE(result["isError"]) << result;
  EXPECT_EQ(result["structuredContent"]["job_id"], "job_1");
  const auto sent = json::parse(api_.bodies.back());
  EXPECT_EQ(sent["type"], "worker");
  EXPECT_EQ(sent["workspace"], "scratch");
  EXPECT_EQ(sent["client_job_id"], result["structuredContent"]["client_job_id"]);
}

TEST_F(SessionTest, RetriesWhenThereIsNoRoomWithOneKey) {
  int tries = 0;
  api_.when("POST /jobs", [&](const http::Request&) {
    if (++tries < 3) return http::Response{429, {}, R"({"error": "insufficient_resources"})"};
    return http::Response{201, {}, R"({"job_id": "job_1", "status": "starting", "created": true})"};
  });
  const auto result = result_of("spawn_worker", {{"command", "make"}});
  EXPECT_FALSE(result["isError"]) << result;
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(api_.bodies.at(api_.bodies.size() - 1), api_.bodies.at(api_.bodies.size() - 2));
}

TEST_F(SessionTest, GivesUpAtOnceWhatNeverFits) {
  api_.when("POST /jobs", 429,
            {{"error", "insufficient_resources"},
             {"message", "no"},
             {"never_fits", true},
             {"running_jobs", 3},
             {"requested", {{"cpus", 4}, {"memory_gb", 8}}},
             {"available", {{"cpus", 2}, {"memory_gb", 6}}},
             {"host_capacity", {{"cpus", 2}, {"memory_gb", 6}}}});
  const auto result = result_of("spawn_worker", {{"command", "make"}, {"files_id", "upload_1"}});
  EXPECT_TRUE(result["isError"]);
  EXPECT_THAT(text_of(result), HasSubstr("can never fit"));
  EXPECT_THAT(text_of(result), HasSubstr("free 2 cpus and 6 GB"));
  EXPECT_THAT(text_of(result), HasSubstr("upload_1"));
}

TEST_F(SessionTest, AnExistingJobIsNotSentAgain) {
  api_.when("GET /jobs/mine", 200,
            {{"id", "job_7"}, {"status", "running"}, {"cpus", 8}, {"files_id", "upload_1"}});
  api_.when("POST /jobs", 200,
            {{"job_id", "job_7"},
             {"status", "running"},
             {"created", false},
             {"adjusted", {{"cpus", {{"requested", 16}, {"granted", 8}}}}},
             {"differs", {"command"}}});
  const auto result = result_of("spawn_worker", {{"command", "make"},
                                                 {"cpus", 16},
                                                 {"client_job_id", "mine"},
                                                 {"files", {{"local_path", "."}}}});
  EXPECT_EQ(result["structuredContent"]["job_id"], "job_7");
  EXPECT_EQ(result["structuredContent"]["created"], false);
  EXPECT_EQ(result["structuredContent"]["differs"], json::array({"command"}))
      << "as the server says: it was given 8 cpus, but asked for 16 like now";
  const auto sent = json::parse(api_.bodies.back());
  EXPECT_EQ(sent["command"], "make");
  EXPECT_EQ(sent["files_id"], "upload_1");
}

TEST_F(SessionTest, AnExistingJobWithoutFilesDiffersFromOneWithFiles) {
  api_.when("GET /jobs/mine", 200, {{"id", "job_7"}, {"status", "running"}});
  api_.when("POST /jobs", 200, {{"job_id", "job_7"}, {"created", false}, {"differs", {}}});
  const auto result =
      result_of("spawn_worker",
                {{"command", "make"}, {"client_job_id", "mine"}, {"files", {{"local_path", "."}}}});
  EXPECT_EQ(result["structuredContent"]["differs"], json::array({"files"}));
}

TEST_F(SessionTest, ASpawnThatJoinsOneUnderWayIsToldHowItDiffers) {
  constexpr int kTurnsUntilJoined = 10;
  int looked = 0;
  int turns = 0;
  api_.when("GET /jobs/mine", [&](const http::Request&) {
    ++looked;
    return http::Response{404, {}, R"({"error": "job_not_found"})"};
  });
  api_.when("POST /jobs", [&](const http::Request&) {
    if (turns++ == 0) {
      say(call(2, "spawn_worker", {{"command", "make test"}, {"client_job_id", "mine"}}));
    }
    if (looked < 2) turns = 1;  // the second has not come yet
    if (turns < kTurnsUntilJoined) return kNotYet;
    return http::Response{201, {}, R"({"job_id": "job_1", "status": "starting", "created": true})"};
  });
  const auto replies = converse_by([&](std::size_t answers) {
    if (answers == 0) say(initialize());
    if (answers == 1) {
      const json first{{"command", "make"}, {"network", "none"}, {"client_job_id", "mine"}};
      say(call(1, "spawn_worker", first));
    }
    if (answers == 3) hang_up();
  });
  ASSERT_EQ(replies.size(), 3U);
  for (const auto& reply : {replies[1], replies[2]}) {
    const auto& content = reply["result"]["structuredContent"];
    const auto expected = reply["id"] == 2 ? json{"command", "network"} : json::array();
    EXPECT_EQ(content["job_id"], "job_1");
    EXPECT_EQ(content["differs"], expected) << reply;
  }
}

Awaitable<void> cut_off(http::BodyWriter&) {
  throw std::runtime_error("cut off");
  co_return;
}

/// A job "mine" that is made by POST /jobs, whose reply never arrives.
class LostReplyTest : public SessionTest {
 protected:
  LostReplyTest() {
    api_.when("POST /jobs", [this](const http::Request&) {
      posted_ = true;
      return http::Response{201, {}, http::StreamBody(cut_off)};
    });
    api_.when("GET /jobs/mine", [this](const http::Request&) {
      if (!posted_ || !made_) return http::Response{404, {}, R"({"error": "job_not_found"})"};
      return http::Response{200, {}, R"({"id": "job_1", "status": "running"})"};
    });
  }

  /// What `tool` says of the job once its spawn has failed.
  json then(const std::string& tool) {
    const json spawn{{"command", "make"}, {"client_job_id", "mine"}};
    const auto replies = take_turns(
        {initialize(), call(1, "spawn_worker", spawn), call(2, tool, {{"job_id", "mine"}})});
    EXPECT_TRUE(replies.at(1)["result"]["isError"]) << replies.at(1);
    return replies.at(2)["result"];
  }
  bool posted_ = false;
  bool made_ = true;
};

TEST_F(LostReplyTest, TheJobIsFoundByItsKey) {
  const auto result = then("get_job_status");
  EXPECT_EQ(result["structuredContent"]["job_id"], "job_1") << result;
  EXPECT_EQ(result["structuredContent"]["status"], "running");
}

TEST_F(LostReplyTest, TheJobIsKilled) {
  api_.when("DELETE /jobs/mine", 200, {{"job_id", "job_1"}, {"status", "cancelled"}});
  const auto result = then("kill_job");
  EXPECT_EQ(result["structuredContent"]["job_id"], "job_1") << result;
  EXPECT_EQ(api_.seen.back(), "DELETE /jobs/mine");
}

TEST_F(LostReplyTest, AJobThatWasNotMadeIsToldOfAsItsSpawnEnded) {
  made_ = false;
  const auto result = then("get_job_status");
  EXPECT_EQ(result["structuredContent"]["status"], "upload_failed") << result;
  EXPECT_EQ(result["structuredContent"]["is_over"], true);
}

TEST_F(LostReplyTest, AJobThatWasNotMadeNeedsNoKilling) {
  made_ = false;
  const auto result = then("kill_job");
  EXPECT_EQ(result["structuredContent"]["status"], "cancelled") << result;
  EXPECT_EQ(api_.seen.back(), "DELETE /jobs/mine");
}

TEST_F(LostReplyTest, WhatCannotBeAskedIsNotGuessed) {
  api_.when("GET /jobs/mine", [this](const http::Request&) {
    return http::Response{posted_ ? 503 : 404, {}, R"({"error": "shutting_down"})"};
  });
  const auto result = then("get_job_status");
  EXPECT_TRUE(result["isError"]) << result;
}

TEST_F(SessionTest, KillingAJobThatIsBeingMadeSaysSoWhenItFails) {
  api_.when("POST /jobs", [&](const http::Request&) {
    say(call(2, "kill_job", {{"job_id", "mine"}}));
    return kNoAnswer;
  });
  api_.when("DELETE /jobs/mine", 503, {{"error", "shutting_down"}, {"message", "stopping"}});
  const auto replies = converse_by([&](std::size_t answers) {
    if (answers == 0) say(initialize());
    if (answers == 1) {
      say(call(1, "spawn_worker", {{"command", "make"}, {"client_job_id", "mine"}}));
    }
    if (answers == 3) hang_up();
  });
  ASSERT_EQ(replies.size(), 3U);
  const auto& killed = replies[1]["id"] == 2 ? replies[1] : replies[2];
  EXPECT_TRUE(killed["result"]["isError"]) << killed;
  EXPECT_THAT(text_of(killed["result"]), HasSubstr("may be running"));
}

TEST_F(SessionTest, ACancelledCallsJobIsKilledOnceTheServerCanBeReached) {
  api_.when("POST /jobs", [&](const http::Request&) {
    say({{"jsonrpc", "2.0"},
         {"method", "notifications/cancelled"},
         {"params", {{"requestId", 1}}}});
    return kNoAnswer;
  });
  int tries = 0;
  api_.when("DELETE /jobs/mine", [&](const http::Request&) {
    if (++tries < 3) return http::Response{503, {}, R"({"error": "shutting_down"})"};
    hang_up();
    return http::Response{200, {}, R"({"job_id": "job_1", "status": "cancelled"})"};
  });
  converse_by([&](std::size_t answers) {
    if (answers == 0) say(initialize());
    if (answers == 1) {
      say(call(1, "spawn_worker", {{"command", "make"}, {"client_job_id", "mine"}}));
    }
  });
  EXPECT_EQ(tries, 3);
}

}  // namespace
}  // namespace flashpods::mcp
