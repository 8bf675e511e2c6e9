// Watchers, and how many of them and of other connections there may be.
#include <ctime>
#include <thread>

#include "host/api/test_api.h"

namespace tidegate::api {
namespace {

using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace tidegate::api
