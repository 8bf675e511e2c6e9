// Commands that write, read and watch items.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/cli/test_cli.h"

namespace tidegate::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST_F(Cli, Put_PrintsTheStoredItem) {
  Ran ran = Run(R"(put Reading id=a "name=x \"y\"" value:=1.5 'tags:=["b"]')");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "{\"id\":\"a\",\"name\":\"x \\\"y\\\"\",\"value\":1.5,\"tags\":[\"b\"]}\n");
  EXPECT_EQ(Run("put Reading '{\"id\":\"b\"}'").exit_code, 0);
  EXPECT_EQ(Run("put Reading '{\"id\":\"b\"}' --mode create").exit_code, 1);
  EXPECT_EQ(Run("put Reading '{\"id\":\"zz\"}' --mode=update").exit_code, 4);
}

TEST_F(Cli, PutOfLines_CountsAndNamesTheFailedOnes) {
  std::string lines;
  for (int i = 1; i <= 2'500; i++) {
    lines += i == 7 || i == 1'234 ? "{\"bad\":1}\n" : "{\"id\":" + std::to_string(i) + "}\n";
  }
  lines += "{\"id\":\"last\"}";  // no newline
  Ran ran = Run("put Reading - <" + File(lines));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, MatchesRegex("written 2,499, failed 2, [0-9.]+ s, [0-9,]+ items/s\n"));
  EXPECT_THAT(ran.err, HasSubstr("line 7: "));
  EXPECT_THAT(ran.err, HasSubstr("line 1234: "));
  EXPECT_EQ(node_.items(), 2'499u);

  Ran json = Run("put Reading - --json <" + File("{\"id\":1}\n"));
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_THAT(json.out, testing::StartsWith("{\"written\":1,\"failed\":0,"));
}

TEST_F(Cli, PutOfNoLines_WritesNothing) {
  Ran ran = Run("put Reading - </dev/null");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("written 0, failed 0"));
}

TEST_F(Cli, Get_ShowsFieldsOrJson) {
  Run("put Reading id=a value:=1.5");
  EXPECT_EQ(Run("get Reading id=a").out, "id     a\nvalue  1.5\n");
  EXPECT_EQ(Run("get Reading id=a --json").out, "{\"id\":\"a\",\"value\":1.5}\n");
  Ran none = Run("get Reading id=b");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("there is no Reading"));
}

TEST_F(Cli, Find_PrintsATable) {
  Run("put Reading id=a value:=1.5 _owner:=7 _type=Reading");
  Run("put Reading id=bcd value:=20");
  EXPECT_EQ(Run("find Reading").out, "id   value  _owner\na      1.5       7\nbcd     20\n");
  EXPECT_EQ(Run("find Reading id=a --json").out, "{\"id\":\"a\",\"value\":1.5,\"_owner\":7,\"_type\":\"Reading\"}\n");
  EXPECT_EQ(Run("find Reading --limit 1 --json").out,
            "{\"id\":\"a\",\"value\":1.5,\"_owner\":7,\"_type\":\"Reading\"}\n");
  Ran none = Run("find Other");
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "");
}

TEST_F(Cli, FindOfMany_FollowsTheCursor) {
  std::string lines;
  for (int i = 0; i < 1'300; i++) lines += "{\"id\":" + std::to_string(100'000 + i) + "}\n";
  Run("put Reading - <" + File(lines));
  Ran ran = Run("find Reading --json | sort | uniq | wc -l");
  EXPECT_EQ(ran.out, "1300\n");
  EXPECT_EQ(Run("find Reading --json --limit 700 | wc -l").out, "700\n");
}

TEST_F(Cli, Table_ShowsNoControlCharacters) {
  Run(R"(put Reading 'id:="a\u001b[2Jb"')");
  EXPECT_EQ(Run("find Reading").out, "id\na?[2Jb\n");
}

TEST_F(Cli, Remove_TellsWhatItRemoved) {
  Run("put Reading id=a");
  Ran ran = Run("remove Reading id=a");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "removed Reading {\"id\":\"a\"}\n");
  EXPECT_EQ(Run("remove Reading id=a").exit_code, 4);
}

TEST_F(Cli, Transaction_TakesAListOrAnObject) {
  std::string list =
      R"([{"model":"Reading","properties":{"id":"a","v":1.50}},{"model":"Fault","properties":{"id":"f"}}])";
  EXPECT_EQ(Run("tx " + File(list)).out, "{\"id\":\"a\",\"v\":1.5}\n{\"id\":\"f\"}\n");
  EXPECT_EQ(Run("tx - <" + File("{\"writes\":" + list + "}")).exit_code, 0);
  EXPECT_EQ(node_.items(), 2u);
  Ran bad =
      Run("tx " +
          File("[{\"model\":\"Reading\",\"properties\":{\"id\":\"c\"}},{\"model\":\"Nothing\",\"properties\":{}}]"));
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("writes[1]"));
}

TEST_F(Cli, Watch_PrintsWhatHappensAndWhereItCameFrom) {
  Start();
  std::string command = std::string(TIDEGATE_COMMAND) + " watch Reading --count 2 --ready --timeout 20s --api " +
                        socket_ + " 2>" + base_ + ".err";
  FILE* watch = popen(command.c_str(), "r");
  for (int i = 0; i < 200 && node_.watchers() == 0; i++) usleep(50'000);
  node_.Arrive("Reading", "b", 9, 9);
  Run("remove Other id=1");
  Run("put Reading id=a");
  std::string out;
  char part[4096];
  while (size_t got = fread(part, 1, sizeof(part), watch)) out.append(part, got);
  EXPECT_EQ(WEXITSTATUS(pclose(watch)), 0);
  EXPECT_THAT(out, HasSubstr("put     Reading       owner 9  seq 1  from agent 9    {\"id\":\"b\"}\n"));
  EXPECT_THAT(out, HasSubstr("put     Reading       owner 7  seq 2  from local      {\"id\":\"a\"}\n"));
}

TEST_F(Cli, WatchThatSeesTooLittle_IsTooLate) {
  EXPECT_EQ(Run("watch --count 1 --timeout 300ms").exit_code, 5);
  EXPECT_EQ(Run("watch --timeout 300ms").exit_code, 0);
}

}  // namespace
}  // namespace tidegate::cli
