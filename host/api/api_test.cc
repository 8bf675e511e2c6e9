// The API over a real Unix socket, above a fake node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <thread>

#include "host/api/fake_node.h"
#include "host/api/raw_client.h"
#include "host/api/server.h"

namespace tidegate::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class QuietLog : public core::Log {
 public:
  void Write(uint32_t, std::string_view) override {}
};

class Api : public testing::Test {
 protected:
  Api() : path_(testing::TempDir() + "/tg-api-" + std::to_string(getpid()) + ".sock") { options_.socket = path_; }

  void Start() {
    auto server = ApiServer::Start(options_, node_, log_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }
  static std::string Request(const std::string& method, const std::string& target, const std::string& body = "",
                             const std::string& type = "application/json") {
    return method + " " + target + " HTTP/1.1\r\nHost: tidegate\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  RawAnswer Ask(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& type = "application/json") {
    if (!server_) Start();
    RawClient client(path_);
    client.Send(Request(method, target, body, type));
    return client.Read();
  }
  RawAnswer AskRaw(const std::string& bytes) {
    if (!server_) Start();
    RawClient client(path_);
    client.Send(bytes);
    return client.Read();
  }

  std::string path_;
  ApiOptions options_;
  QuietLog log_;
  FakeNode node_;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(Api, PutThenGet_ReturnsTheItem) {
  RawAnswer put = Ask("POST", "/v1/items/Reading?mode=create", R"({"id":"a","value":1.50})");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.body, "{\"id\":\"a\",\"value\":1.50}\n");
  RawAnswer got = Ask("GET", "/v1/items/Reading?id=a&_one=1");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, put.body);
  EXPECT_EQ(Ask("POST", "/v1/get", R"({"model":"Reading","properties":{"id":"a"}})").body, put.body);
}

TEST_F(Api, CreateTwice_IsAConflict) {
  EXPECT_EQ(Ask("POST", "/v1/items/Reading?mode=create", R"({"id":"a"})").status, 201);
  RawAnswer again = Ask("POST", "/v1/items/Reading?mode=create", R"({"id":"a"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr(R"("code":"conflict")"));
}

TEST_F(Api, GetOfNothing_IsNotFound) {
  RawAnswer answer = Ask("GET", "/v1/items/Reading?id=zz&_one=1");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr(R"("code":"not_found")"));
}

TEST_F(Api, Delete_RemovesTheItem) {
  Ask("POST", "/v1/items/Reading", R"({"id":"a"})");
  EXPECT_THAT(Ask("DELETE", "/v1/items/Reading?id=a").body,
              AllOf(HasSubstr(R"("removed":{"id":"a"})"), HasSubstr("seq")));
  EXPECT_EQ(Ask("DELETE", "/v1/items/Reading?id=a").status, 404);
}

TEST_F(Api, FindPages_ThroughTheCursor) {
  for (const char* id : {"a", "b", "c"}) Ask("POST", "/v1/items/Reading", std::string(R"({"id":")") + id + "\"}");
  EXPECT_EQ(Ask("GET", "/v1/items/Reading?_limit=2").body, R"({"items":[{"id":"a"},{"id":"b"}],"cursor":"32ff"})"
                                                           "\n");
  EXPECT_EQ(Ask("POST", "/v1/find", R"({"model":"Reading","limit":2,"cursor":"32ff"})").body,
            R"({"items":[{"id":"c"}],"cursor":""})"
            "\n");
  EXPECT_EQ(Ask("GET", "/v1/items/Reading?_limit=2&_cursor=32ff").body, R"({"items":[{"id":"c"}],"cursor":""})"
                                                                        "\n");
  for (const char* damaged : {"3", "3g", "32f", "-1"}) {
    EXPECT_THAT(Ask("GET", std::string("/v1/items/Reading?_cursor=") + damaged).body,
                HasSubstr("the cursor is damaged"));
  }
}

TEST_F(Api, FieldsWithOddCharacters_ReachTheNodeUnchanged) {
  Ask("POST", "/v1/items/Reading", R"({"id":"a \"b\" & ü"})");
  EXPECT_EQ(Ask("GET", "/v1/items/Reading?id=a+%22b%22%20%26%20%C3%BC&_one=1").status, 200);
}

TEST_F(Api, Lines_AreWrittenEachByItself) {
  RawAnswer answer =
      Ask("POST", "/v1/items/Reading", "{\"id\":\"a\"}\n\n{\"id\":\"b\"}\r\n{\"broken\n{\"no\":1}\n{\"id\":\"c\"}",
          "application/x-ndjson");
  EXPECT_EQ(answer.status, 207);
  EXPECT_THAT(answer.body, StartsWith(R"({"written":3,"failed_count":2,"failed":[{"line":4,"error":)"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"line":5,"error":{"code":"invalid")"));
  EXPECT_EQ(node_.items(), 3u);
}

TEST_F(Api, ManyLines_AllReachTheNode) {
  std::string body;
  for (int i = 0; i < 5'000; i++)
    body += "{\"id\":" + std::to_string(i) + ",\"pad\":\"" + std::string(150, 'x') + "\"}\n";
  RawAnswer answer = Ask("POST", "/v1/items/Reading", body, "application/x-ndjson");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"written\":5000,\"failed_count\":0,\"failed\":[]}\n");
  EXPECT_EQ(node_.items(), 5'000u);
}

TEST_F(Api, LinesWithReturnItems_AnswerThem) {
  EXPECT_THAT(
      Ask("POST", "/v1/items/Reading?return=items", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n", "application/x-ndjson").body,
      HasSubstr(R"("items":[{"id":"a"},{"id":"b"}])"));
}

TEST_F(Api, Transaction_AnswersEveryItem) {
  RawAnswer answer = Ask("POST", "/v1/transactions",
                         R"({"writes":[{"model":"Reading","properties":{"id":"a"}},
                             {"mode":"create","model":"Fault","properties":{"id":"f","n":{"x":[1,2]}},"owner":9}]})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"items":[{"id":"a"},{"id":"f","n":{"x":[1,2]}}],"seqs":[1,2]})"
                         "\n");
}

TEST_F(Api, TransactionThatFails_NamesTheWrite) {
  RawAnswer answer = Ask("POST", "/v1/transactions",
                         R"({"writes":[{"model":"Reading","properties":{"id":"a"}},
                             {"mode":"update","model":"Reading","properties":{"id":"zz"}}]})");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("writes[1]"));
}

TEST_F(Api, MalformedBodies_NameWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"writes\":[{\"modle\":\"x\"}]}", "did you mean \\\"mode\\\""},
      {"{\"writes\":[]}", "at least one"},
      {"{\"writes\":{}}", "must be a JSON array"},
      {"{\"writes\":[{\"model\":\"R\",\"properties\":3}]}", "must be a JSON object"},
      {"{\"writes\":[{\"model\":\"R\",\"properties\":{},\"owner\":-1}]}", "owner must be a whole number"},
      {"{\"writes\":[{\"model\":\"R\",\"model\":\"S\"}]}", "twice"},
      {"[1]", "must be a JSON object"},
      {"{\"writes\":[]} x", "must not be followed"},
      {"{\"writes\":[", "no JSON"},
      {"", "no JSON"},
      {"{\"\xff\":1}", "no JSON"},
  };
  for (const auto& [body, message] : cases) {
    RawAnswer answer = Ask("POST", "/v1/transactions", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr(message)) << body;
  }
}

TEST_F(Api, DeepNesting_IsRefused) {
  std::string body = "{\"writes\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  RawAnswer answer = Ask("POST", "/v1/transactions", body);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("nested deeper than 64"));
}

TEST_F(Api, UnknownThings_NameTheNearest) {
  EXPECT_THAT(Ask("GET", "/").body, HasSubstr("nothing is at /; every path begins with /v1/"));
  EXPECT_THAT(Ask("GET", "/v1/item/Reading").body, HasSubstr("did you mean /v1/items/{model}?"));
  EXPECT_THAT(Ask("GET", "/v1/statsu").body, HasSubstr("did you mean /v1/status?"));
  EXPECT_THAT(Ask("GET", "/v1/items/Reading?_limt=2").body, HasSubstr("did you mean \\\"_limit\\\"?"));
  EXPECT_THAT(Ask("POST", "/v1/items/Reading?mod=create", "{}").body, HasSubstr("did you mean \\\"mode\\\"?"));
  EXPECT_THAT(Ask("POST", "/v1/items/Reading?mode=creat", "{}").body, HasSubstr("mode must be create"));
  RawAnswer method = Ask("PUT", "/v1/items/Reading", "{}");
  EXPECT_EQ(method.status, 405);
  EXPECT_THAT(method.body, HasSubstr("POST, GET, DELETE"));
}

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
  EXPECT_EQ(Ask("POST", "/v1/backup", R"({"path":"/tmp/x"})").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/backup", R"({"path":"x"})").status, 400);
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("tidegate_fake 1"));
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("\ntidegate_link_up{agent="));
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
  EXPECT_EQ(Ask("POST", "/v1/sync", R"({"wait":"server","timeout_ms":100})").body,
            R"({"pending_changes":0,"complete":true,"quarantined":[],"quarantined_count":0,"not_listed":0,)"
            R"("superseded":[],"superseded_count":0,"unsettled_scopes":0,"held":[]})"
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

TEST_F(Api, Links_AreListedSwitchedAndMoved) {
  EXPECT_THAT(Ask("GET", "/v1/links").body, HasSubstr(R"("plain_bytes_sent":4500)"));
  EXPECT_EQ(Ask("POST", "/v1/links/9/off").body, "{\"agents\":[9],\"on\":false}\n");
  EXPECT_THAT(Ask("GET", "/v1/links").body, HasSubstr(R"("state":"off")"));
  EXPECT_EQ(Ask("POST", "/v1/links/9/on").status, 200);
  EXPECT_EQ(Ask("POST", "/v1/links/8/on").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/links/children/off").body, "{\"agents\":[9],\"on\":false}\n");
  EXPECT_EQ(Ask("POST", "/v1/links/all/off").body, "{\"agents\":[0],\"on\":false}\n");
  EXPECT_THAT(Ask("GET", "/v1/status").body, HasSubstr(R"("links_off":true)"));
  EXPECT_EQ(Ask("POST", "/v1/links/all/on").status, 200);
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

TEST_F(Api, Watch_TellsChangesAndWhereTheyCameFrom) {
  Start();
  RawClient client(path_);
  client.Send("GET /v1/watch?model=Reading HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(client.ReadUntil("event: ready"));
  Ask("POST", "/v1/items/Other", R"({"id":"hidden"})");
  Ask("POST", "/v1/items/Reading", R"({"id":"a"})");
  node_.Arrive("Reading", "b", 9, 9);
  Ask("DELETE", "/v1/items/Reading?id=a");
  ASSERT_TRUE(client.ReadUntil(R"("op":"remove")"));
  EXPECT_THAT(client.buffer(), HasSubstr(R"("op":"put","model":"Reading","owner":7)"));
  EXPECT_THAT(client.buffer(), HasSubstr(R"("item":{"id":"a"})"));
  EXPECT_THAT(client.buffer(), HasSubstr(R"("from":"local")"));
  EXPECT_THAT(client.buffer(), HasSubstr(R"("from":9)"));
  EXPECT_THAT(client.buffer(), Not(HasSubstr("hidden")));
}

TEST_F(Api, WatcherThatLeaves_IsForgotten) {
  Start();
  {
    RawClient client(path_);
    client.Send("GET /v1/watch HTTP/1.1\r\nHost: t\r\n\r\n");
    ASSERT_TRUE(client.ReadUntil("event: ready"));
    EXPECT_EQ(node_.watchers(), 1u);
  }
  for (int i = 0; i < 100 && node_.watchers() > 0; i++) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(node_.watchers(), 0u);
}

TEST_F(Api, IdleServer_UsesNoTime) {
  Ask("GET", "/v1/health");  // its connection has ended
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 50);  // a spinning thread gets more even of a busy machine
}

TEST_F(Api, SlowWatcher_IsToldOfTheOverrun) {
  options_.watch_changes_max = 100;
  Start();
  RawClient client(path_);
  client.Send("GET /v1/watch HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(client.ReadUntil("event: ready"));
  for (int i = 0; i < 50'000; i++) node_.Arrive("Reading", std::to_string(i), 9, 9);
  EXPECT_TRUE(client.ReadUntil("event: overrun"));
}

TEST_F(Api, TooManyWatchers_Are503) {
  options_.streams_max = 1;
  Start();
  RawClient first(path_);
  first.Send("GET /v1/watch HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(first.ReadUntil("event: ready"));
  EXPECT_EQ(Ask("GET", "/v1/watch").status, 503);
}

TEST_F(Api, TooManyConnections_Are503) {
  options_.connections_max = 2;
  Start();
  RawClient one(path_);
  RawClient two(path_);
  one.Send(Request("GET", "/v1/health"));
  EXPECT_EQ(one.Read().status, 200);
  two.Send(Request("GET", "/v1/health"));
  EXPECT_EQ(two.Read().status, 200);
  RawAnswer refused = Ask("GET", "/v1/health");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("too many connections"));
}

TEST_F(Api, StopWithWatchersAndSyncs_EndsThem) {
  node_.HoldSyncs();
  Start();
  RawClient watcher(path_);
  watcher.Send("GET /v1/watch HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(watcher.ReadUntil("event: ready"));
  RawClient idle(path_);
  idle.Send(Request("GET", "/v1/health"));
  EXPECT_EQ(idle.Read().status, 200);
  RawClient syncing(path_);
  syncing.Send(Request("POST", "/v1/sync", R"({"wait":"hop"})"));
  server_->Stop();
  EXPECT_TRUE(watcher.ReadUntil("event: stop"));
  EXPECT_TRUE(idle.AtEnd());
  RawAnswer answer = syncing.Read();
  EXPECT_TRUE(answer.status == 503 || answer.status == 0) << answer.status;
  EXPECT_FALSE(RawClient(path_).connected());
}

// ---- hostile HTTP ----

TEST_F(Api, KeepAlive_ServesManyRequests) {
  Start();
  RawClient client(path_);
  for (int i = 0; i < 3; i++) {
    client.Send(Request("GET", "/v1/health"));
    EXPECT_EQ(client.Read().status, 200);
  }
}

TEST_F(Api, PipelinedRequests_AreAnsweredInOrder) {
  Start();
  RawClient client(path_);
  client.Send(Request("POST", "/v1/items/Reading", R"({"id":"a"})") + Request("GET", "/v1/items/Reading?id=a&_one=1") +
              Request("GET", "/v1/items/Reading?id=b&_one=1"));
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_EQ(client.Read().status, 404);
}

TEST_F(Api, UnreadBody_IsNotTakenForARequest) {
  Start();
  RawClient client(path_);
  std::string smuggled = "DELETE /v1/items/Reading?id=a HTTP/1.1\r\nHost: t\r\n\r\n";
  Ask("POST", "/v1/items/Reading", R"({"id":"a"})");
  client.Send("GET /v1/health HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" +
              smuggled);
  RawAnswer first = client.Read();
  EXPECT_EQ(first.status, 200);
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(node_.items(), 1u);
}

TEST_F(Api, BadLengths_AreRefused) {
  const std::string head = "POST /v1/items/Reading HTTP/1.1\r\nHost: t\r\n";
  for (const char* lines : {"Content-Length: -5\r\n", "Content-Length: 5x\r\n",
                            "Content-Length: 99999999999999999999\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
                            "Content-Length: \r\n", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    RawAnswer answer = AskRaw(head + lines + "\r\n0\r\n\r\n");
    EXPECT_EQ(answer.status, 400) << lines;
    EXPECT_THAT(answer.head, HasSubstr("Connection: Close")) << lines;
  }
  EXPECT_EQ(AskRaw(head + "Transfer-Encoding: gzip\r\n\r\n").status, 501);
  EXPECT_EQ(node_.items(), 0u);
}

TEST_F(Api, ChunkedBody_IsRead) {
  RawAnswer answer = AskRaw(
      "POST /v1/items/Reading HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\n{\"id\"\r\n5\r\n:\"a\"}\r\n0\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"id\":\"a\"}\n");
}

TEST_F(Api, TooLargeBody_Is413) {
  options_.request_bytes_max = 1'000;
  RawAnswer answer = Ask("POST", "/v1/items/Reading", std::string(2'000, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("api.request_bytes_max"));
}

TEST_F(Api, TooLargeChunkedBody_Is413) {
  options_.request_bytes_max = 1'000;
  std::string chunk = "400\r\n" + std::string(1'024, 'x') + "\r\n";
  RawAnswer answer = AskRaw("POST /v1/items/Reading HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk +
                            chunk + "0\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("api.request_bytes_max"));
}

TEST_F(Api, BodyCutShort_IsNotWritten) {
  Start();
  RawClient client(path_);
  client.Send("POST /v1/items/Reading HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n{\"id\":\"a\"}");
  client.FinishSending();
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_EQ(node_.items(), 0u);
}

TEST_F(Api, GarbageAndHugeHeads_AreRefused) {
  EXPECT_EQ(AskRaw("GET /v1/health HTTP/1.1\r\nX: " + std::string(200'000, 'y') + "\r\n\r\n").status, 400);
  EXPECT_EQ(AskRaw("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n").status, 400);
  std::string many = "GET /v1/health HTTP/1.1\r\n";
  for (int i = 0; i < 1'000; i++) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(AskRaw(many + "\r\n").status, 400);
  EXPECT_EQ(AskRaw("GET /v1/items/%zz HTTP/1.1\r\nHost: t\r\n\r\n").status, 400);
  RawAnswer garbage = AskRaw(std::string("\x16\x03\x01\x00\xff\r\n\r\n\r\n", 11));
  EXPECT_TRUE(garbage.status == 400 || garbage.status == 0) << garbage.status;
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
}

// ---- the socket ----

TEST_F(Api, StaleSocketFile_IsReplaced) {
  {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    close(fd);
  }
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
  struct stat found {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660u);
}

TEST_F(Api, SocketOfALivingDaemon_IsLeftAlone) {
  Start();
  auto second = ApiServer::Start(options_, node_, log_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("another daemon listens there"));
  EXPECT_EQ(Ask("GET", "/v1/health").status, 200);
}

TEST_F(Api, OtherFileInTheWay_IsLeftAlone) {
  std::ofstream(path_) << "precious";
  auto server = ApiServer::Start(options_, node_, log_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.status().message(), HasSubstr("another file of that name"));
  EXPECT_EQ(unlink(path_.c_str()), 0);
}

TEST_F(Api, PathTooLong_IsRefusedClearly) {
  options_.socket = "/tmp/" + std::string(108, 'x');
  auto server = ApiServer::Start(options_, node_, log_);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.status().code(), Code::kInvalid);
  EXPECT_THAT(server.status().message(), HasSubstr("1 to 107"));
}

}  // namespace
}  // namespace tidegate::api
