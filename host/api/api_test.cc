// Items over the API: written, read, found, removed; what is wrong with a request.
#include "host/api/test_api.h"

namespace tidegate::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

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

}  // namespace
}  // namespace tidegate::api
