// HTTP as strangers speak it.
#include "host/api/test_api.h"

namespace tidegate::api {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace tidegate::api
