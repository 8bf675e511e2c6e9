// The quarantine over HTTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/api/test_api.h"

namespace tidegate::api {
namespace {

using testing::HasSubstr;

TEST_F(Api, Quarantine_ListsAndShowsOne) {
  std::string list = Ask("GET", "/v1/quarantine").body;
  EXPECT_THAT(list, HasSubstr(R"("id":"0123456789ab","link":9,"ours":false)"));
  EXPECT_THAT(list, HasSubstr(R"("reason":"severity: must be one of low, high")"));
  EXPECT_THAT(list, testing::Not(HasSubstr("\"item\"")));
  EXPECT_THAT(Ask("GET", "/v1/quarantine/0123456789ab").body, HasSubstr(R"("item":{"severity":"odd"})"));
  EXPECT_EQ(Ask("GET", "/v1/quarantine/77").status, 404);
}

TEST_F(Api, Quarantine_RetriesAndDrops) {
  EXPECT_EQ(Ask("POST", "/v1/quarantine/retry", R"({"id":"0123456789ab"})").body,
            R"({"retried":1,"failed_count":0,"failed":[]})"
            "\n");
  EXPECT_EQ(Ask("POST", "/v1/quarantine/drop", R"({"model":"Fault"})").body,
            R"({"dropped":1,"failed_count":0,"failed":[]})"
            "\n");
  EXPECT_EQ(
      Ask("POST", "/v1/quarantine/drop", R"({"all":true})").body,
      R"({"dropped":1,"failed_count":1,"failed":[{"id":"ba9876543210","reason":"only agent 9 writes this item"}]})"
      "\n");
}

TEST_F(Api, Quarantine_OneThatCannotBe_IsAConflictAndAnUnknownOneNotFound) {
  RawAnswer one = Ask("POST", "/v1/quarantine/drop", R"({"id":"ba9876543210"})");
  EXPECT_EQ(one.status, 409);
  EXPECT_THAT(one.body, HasSubstr("only agent 9 writes this item"));
  EXPECT_EQ(Ask("POST", "/v1/quarantine/retry", R"({"id":"77"})").status, 404);
}

TEST_F(Api, Quarantine_BodyThatDoesNotSayWhich_IsRefused) {
  for (const char* body : {"{}", R"({"all":false})", R"({"id":"a","all":true})", R"({"modle":"Fault"})", "[]", ""})
    EXPECT_EQ(Ask("POST", "/v1/quarantine/drop", body).status, 400) << body;
  EXPECT_THAT(Ask("POST", "/v1/quarantine/drop", R"({"modle":"Fault"})").body, HasSubstr("model"));
}

}  // namespace
}  // namespace tidegate::api
