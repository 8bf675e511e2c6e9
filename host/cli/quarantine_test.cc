// tidegate quarantine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/cli/test_cli.h"

namespace tidegate::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Cli, QuarantineList_NamesWhoRefusedAndWhy) {
  Ran ran = Run("quarantine list");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("0123456789ab"));
  EXPECT_THAT(ran.out, HasSubstr("severity: must be one of low, high"));
  EXPECT_THAT(ran.out, HasSubstr("agent 1"));
  EXPECT_THAT(Run("quarantine list --json").out, HasSubstr("\"id\":\"ba9876543210\""));
}

TEST_F(Cli, QuarantineShow_ByIdOrKey) {
  EXPECT_THAT(Run("quarantine show 0123456789ab").out, HasSubstr("\"item\":{\"severity\":\"odd\"}"));
  EXPECT_THAT(Run("quarantine show 'fault#1'").out, HasSubstr("\"id\":\"0123456789ab\""));
  EXPECT_THAT(Run("quarantine show 'device#9 setting#2'").out, HasSubstr("\"id\":\"ba9876543210\""));
  Ran none = Run("quarantine show nothing");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, HasSubstr("\"nothing\""));
}

TEST_F(Cli, QuarantineRetry_OneAModelOrAll) {
  EXPECT_EQ(Run("quarantine retry 0123456789ab").out, "1 item retried\n");
  EXPECT_EQ(Run("quarantine retry 'fault#1' --json").out, "{\"retried\":1,\"failed_count\":0,\"failed\":[]}\n");
  EXPECT_EQ(Run("quarantine retry --model Fault").out, "1 item retried\n");
  Ran some = Run("quarantine retry --all");
  EXPECT_EQ(some.exit_code, 1);
  EXPECT_EQ(some.out, "1 item retried\n");
  EXPECT_THAT(some.err, HasSubstr("ba9876543210 stays: only agent 9 writes this item"));
  Ran one = Run("quarantine retry ba9876543210");
  EXPECT_EQ(one.exit_code, 1);
  EXPECT_THAT(one.err, HasSubstr("only agent 9 writes this item"));
}

TEST_F(Cli, QuarantineRetry_NotSaidWhich_SaysHow) {
  Ran ran = Run("quarantine retry");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--all"));
  EXPECT_EQ(Run("quarantine retry 0123456789ab --all").exit_code, 2);
}

TEST_F(Cli, QuarantineDrop_WithoutYesShowsWhatWouldGo) {
  Ran shown = Run("quarantine drop --all");
  EXPECT_EQ(shown.exit_code, 2);
  EXPECT_THAT(shown.out, HasSubstr("fault#1"));
  EXPECT_THAT(shown.out, HasSubstr("setting#2"));
  EXPECT_THAT(shown.err, HasSubstr("--yes 2 items are given up"));
  EXPECT_EQ(Run("quarantine drop 0123456789ab --yes").out, "1 item dropped\n");
  EXPECT_EQ(Run("quarantine drop nothing --yes").exit_code, 4);
}

TEST_F(Cli, Quarantine_NothingListedOrNoSuchModel) {
  Ran none = Run("quarantine drop --model Reading");
  EXPECT_EQ(none.exit_code, 0) << none.err;
  EXPECT_THAT(none.out, HasSubstr("nothing of that is in the quarantine"));
  EXPECT_EQ(Run("quarantine drop --model Reading --json").out, "{\"dropped\":0,\"failed_count\":0,\"failed\":[]}\n");
  EXPECT_EQ(Run("quarantine retry --model Reading").exit_code, 0);
  for (const char* verb : {"retry", "drop", "drop --yes"}) {
    Ran ran = Run(std::string("quarantine ") + verb + " --model Nope");
    EXPECT_EQ(ran.exit_code, 4) << verb;
    EXPECT_THAT(ran.err, HasSubstr("no model 'Nope'"));
  }
}

TEST_F(Cli, Quarantine_HelpHasExamples) {
  for (const char* group : {"quarantine", "link", "level", "losses", "agent", "conflicts", "plugin", "command"}) {
    Ran ran = Run(group);
    EXPECT_EQ(ran.exit_code, 2) << group;
    EXPECT_THAT(ran.err, HasSubstr(std::string("usage: tidegate ") + group + " ")) << group;
    EXPECT_THAT(ran.err, Not(HasSubstr("unknown command")));
    EXPECT_EQ(RunAlone(std::string(group) + " --help").exit_code, 0);
    EXPECT_EQ(RunAlone(std::string(group) + " --api x").exit_code, 2);
  }

  for (const char* verb : {"list", "show", "retry", "drop"}) {
    Ran ran = RunAlone(std::string("quarantine ") + verb + " --help");
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.out, HasSubstr(std::string("tidegate quarantine ") + verb)) << verb;
  }
  EXPECT_THAT(RunAlone("quarantine rety x").err, HasSubstr("quarantine retry"));
  EXPECT_THAT(RunAlone("quarantine --help").out, HasSubstr("quarantine drop"));
}

}  // namespace
}  // namespace tidegate::cli
