// What is asked of the node as a whole: sync, status, links, metrics, level.
#include "host/api/test_api.h"

namespace tidegate::api {
namespace {

using testing::HasSubstr;

TEST_F(Api, SyncStatusVerifyAndTheRest_Answer) {
  EXPECT_EQ(Ask("POST", "/v1/sync").body, "{\"pending_changes\":0}\n");
  EXPECT_THAT(Ask("GET", "/v1/status").body,
              HasSubstr(R"("last_error":"broker \"gone\" at 10:00","last_error_unix_ms":1700000000000)"));
  EXPECT_THAT(Ask("GET", "/v1/verify").body, HasSubstr(R"("count":4,"digest":"0000000000abcdef")"));
  EXPECT_THAT(Ask("GET", "/v1/quarantine").body, HasSubstr("severity"));
  EXPECT_THAT(Ask("GET", "/v1/conflicts").body, HasSubstr("\"winner\":\"2-1-1\""));
  EXPECT_THAT(Ask("GET", "/v1/conflicts/3").body, HasSubstr(R"("item":{"name":"x","value":"7"})"));
  EXPECT_EQ(Ask("GET", "/v1/conflicts/4").status, 404);
  EXPECT_EQ(Ask("GET", "/v1/conflicts/-1").status, 400);
  EXPECT_EQ(Ask("POST", "/v1/conflicts/3/restore").body, "{\"restored\":3}\n");
  EXPECT_EQ(Ask("GET", "/v1/commands/Order").body,
            R"({"commands":[{"item":{"id":"7","what":"blink"},"answer_model":"Done","answer_key":{"id":"7"}}]})"
            "\n");
  EXPECT_EQ(Ask("GET", "/v1/commands/Later").body, "{\"commands\":[],\"waits_for\":\"nothing is compared yet\"}\n");
  EXPECT_EQ(Ask("GET", "/v1/commands/Reading").status, 400);
  EXPECT_EQ(Ask("POST", "/v1/agents/9/adopt").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/agents/8/adopt").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/agents/x/adopt").status, 400);
  EXPECT_THAT(
      Ask("GET", "/v1/losses").body,
      HasSubstr(
          R"({"kind":"item","agent":9,"model":"Config","owner":42,"pk":"config#","sk":"config#a","from_unix_ms":)"));
  EXPECT_THAT(Ask("GET", "/v1/losses").body, HasSubstr(R"({"kind":"feed","agent":9,"lane":"history",)"));
  EXPECT_EQ(Ask("POST", "/v1/losses/confirm").body, "{\"confirmed\":true}\n");
  EXPECT_EQ(Ask("POST", "/v1/losses/confirm").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/backup", R"({"path":"/tmp/x"})").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/backup", R"({"path":"x"})").status, 400);
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("tidegate_fake 1"));
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("\ntidegate_link_up{agent="));
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("\ntidegate_healthy 1\n"));
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("\ntidegate_links_up 1\n"));
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("\ntidegate_pending_changes 1234\n"));
}

TEST_F(Api, LinkVerify_TellsWhatDiffers) {
  EXPECT_EQ(Ask("POST", "/v1/links/8/verify", R"({"repair":true})").body,
            R"({"agent":8,"equal":false,"repair":true,"models":[{"model":"Reading","missing_here":1,"missing_there":2,)"
            R"("differing":3,"mended":6}],"dropped":0,"rows":0,"questions":5,"ranges":0,"bytes_sent":700,)"
            R"("bytes_received":0,"took_ms":0})"
            "\n");
  EXPECT_THAT(Ask("POST", "/v1/links/9/verify").body, HasSubstr(R"("equal":true,"repair":false,"models":[])"));
  EXPECT_EQ(Ask("POST", "/v1/links/all/verify").status, 400);
  EXPECT_EQ(Ask("POST", "/v1/links/9/verify", R"({"repare":true})").status, 400);
}

TEST_F(Api, Level_IsSetReturnedAndRefused) {
  EXPECT_EQ(Ask("POST", "/v1/level", R"({"level":30})").body, "{\"level\":30}\n");
  EXPECT_THAT(Ask("GET", "/v1/status").body, HasSubstr(R"("level":30,"level_configured":2)"));
  EXPECT_EQ(Ask("POST", "/v1/level", R"({"level":null})").body, "{\"level\":2}\n");
  EXPECT_EQ(Ask("POST", "/v1/level", R"({"level":1})").status, 409);
  EXPECT_EQ(Ask("POST", "/v1/level", R"({"level":0})").status, 400);
  EXPECT_EQ(Ask("POST", "/v1/level", R"({"level":70000})").status, 400);
  EXPECT_EQ(Ask("POST", "/v1/level", R"({})").status, 400);
}

TEST_F(Api, SyncThatWaited_SaysWhatDidNotGetThere) {
  EXPECT_EQ(
      Ask("POST", "/v1/sync", R"({"wait":"server","timeout_ms":100})").body,
      R"({"pending_changes":0,"complete":true,"quarantined":[],"quarantined_count":0,"not_listed":0,)"
      R"("dropped":[],"dropped_count":0,"superseded":[],"superseded_count":0,"apart":[],"apart_count":0,"unsettled_scopes":0,"held":[],"unknown_agents":[]})"
      "\n");
  node::SyncAnswer answer;
  answer.quarantined = {{"Fault", 42, "p", "f1", {7, 42, 9}, {}, "severity: \"x\"", 1}};
  answer.quarantined_count = 3;
  answer.superseded = {{"Status", 42, "p", "s", {7, 42, 9}, {8, 42, 9}, "", 42}};
  answer.superseded_count = 1;
  answer.held = {{"Alarm", false, 1, "schema", "add it", false, 17}};
  node_.SetSyncAnswer(answer);
  std::string body = Ask("POST", "/v1/sync", R"({"wait":"server"})").body;
  EXPECT_THAT(body, HasSubstr(R"("complete":false,"quarantined":[{"model":"Fault","owner":42,"pk":"p","sk":"f1",)"));
  EXPECT_THAT(body, HasSubstr(R"("by":1,"reason":"severity: \"x\""}],"quarantined_count":3)"));
  EXPECT_THAT(body, HasSubstr(R"("by":42,"held":")" + Version{8, 42, 9}.ToText() + R"("}],"superseded_count":1)"));
  EXPECT_THAT(body, HasSubstr(R"("held":[{"model":"Alarm","ours":false,"by":1,"reason":"schema","message":"add it",)"));
}

TEST_F(Api, Sync_NotInTime_TellsWhatIsKnownSoFar) {
  node_.SetSyncReaches(false);
  auto late = Ask("POST", "/v1/sync", R"({"wait":"hop","timeout_ms":5})");
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr(R"({"error":{"code":"timeout","message":")"));
  EXPECT_THAT(late.body, HasSubstr(R"("complete":false,"quarantined":[])"));
}

TEST_F(Api, Sync_ForAnAgentWhomNobodyKnows_NamesIt) {
  node::SyncAnswer answer;
  answer.unknown = {{555, 2}};
  node_.SetSyncAnswer(answer);
  std::string body = Ask("POST", "/v1/sync", R"({"wait":"hop"})").body;
  EXPECT_THAT(body, HasSubstr(R"("complete":false)"));
  EXPECT_THAT(body, HasSubstr(R"("unknown_agents":[{"agent":555,"items":2}])"));
}

TEST_F(Api, Links_AreListedSwitchedAndMoved) {
  EXPECT_THAT(Ask("GET", "/v1/links").body, HasSubstr(R"("plain_bytes_sent":4500)"));
  EXPECT_EQ(Ask("POST", "/v1/links/9/off").body, "{\"agents\":[9],\"on\":false}\n");
  EXPECT_THAT(Ask("GET", "/v1/links").body, HasSubstr(R"("state":"off")"));
  EXPECT_EQ(Ask("POST", "/v1/links/9/on").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/links/8/on").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/links/children/off").body, "{\"agents\":[9],\"on\":false}\n");
  EXPECT_EQ(Ask("POST", "/v1/links/all/off").body, "{\"agents\":[1,9],\"on\":false}\n");
  EXPECT_THAT(Ask("GET", "/v1/status").body, HasSubstr(R"("links_off":true)"));
  EXPECT_EQ(Ask("POST", "/v1/links/all/on").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/links/all/off", R"({"wait":true})").status, 400);
  EXPECT_THAT(Ask("POST", "/v1/agents/9/adopt", R"({"force":true})").body, HasSubstr(R"(unknown member \"force\")"));
  EXPECT_EQ(Ask("POST", "/v1/agents/9/adopt", "{}").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/links/0/sync").status, 400);
  EXPECT_EQ(Ask("POST", "/v1/links/all/sync", R"({"push":true,"pull":false,"wait":true})").status, 200);
  EXPECT_FALSE(node_.last_link_sync().pull);
  EXPECT_THAT(Ask("POST", "/v1/links/all/sync", R"({"pul":true})").body, HasSubstr("did you mean"));
  EXPECT_THAT(Ask("POST", "/v1/links/all/sync", R"({"push":false,"pull":false})").body, HasSubstr("nothing to do"));
  node_.SetSyncReaches(false);
  EXPECT_EQ(Ask("POST", "/v1/links/parent/sync", R"({"wait":true,"timeout_ms":5})").status, 504);
}

TEST_F(Api, Metrics_TellTheTrafficOfEachLink) {
  std::string text = Ask("GET", "/metrics").body;
  EXPECT_THAT(text, HasSubstr("# TYPE tidegate_link_sent_plain_bytes_total counter\n"));
  EXPECT_THAT(text, HasSubstr("tidegate_link_sent_plain_bytes_total{agent=\"9\",side=\"child\"} 4500\n"));
  EXPECT_THAT(text, HasSubstr("tidegate_link_stalled{agent=\"9\",side=\"child\"} 0\n"));
}

TEST_F(Api, SyncThatDoesNotArrive_IsATimeout) {
  node_.SetSyncReaches(false);
  EXPECT_EQ(Ask("POST", "/v1/sync", R"({"wait":"server"})").status, 504);
}

TEST_F(Api, UnhealthyNode_Answers503) {
  node_.SetHealthy(false);
  RawAnswer answer = Ask("GET", "/v1/health");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("the disk is full"));
}

}  // namespace
}  // namespace tidegate::api
