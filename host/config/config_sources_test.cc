// References to the environment and to files, and conf.d.
#include "host/config/test_folder.h"

namespace tidegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// ---- ${env:} and ${file:} ----

TEST_F(ConfigTest, References_AreExpanded) {
  setenv("TIDEGATE_TEST_NAME", "edge: [1, 2] # \"x\"", 1);
  setenv("TIDEGATE_TEST_AGENT", "42", 1);
  Write("secret", "top secret\n\n");
  Config config = Good(
      "node: {role: device, agent: '${env:TIDEGATE_TEST_AGENT}'}\n"
      "storage: {plugin: storage-memory}\n"
      "context: {a: 'x-${env:TIDEGATE_TEST_NAME}', b: '${file:secret}', c: '$${env:X} $5'}\n");
  EXPECT_EQ(config.node.agent, 42u);
  EXPECT_THAT(config.context, ElementsAre(std::pair(std::string("a"), std::string(R"("x-edge: [1, 2] # \"x\"")")),
                                          std::pair(std::string("b"), std::string("\"top secret\\n\"")),
                                          std::pair(std::string("c"), std::string("\"${env:X} $5\""))));
}

TEST_F(ConfigTest, ExpandedNumber_IsOneWhereTheSchemaWantsOne) {
  setenv("TIDEGATE_TEST_FRAMES", "5", 1);
  Config config = Good(std::string(kLeast) + "sync: {window_frames: '${env:TIDEGATE_TEST_FRAMES}'}\n");
  EXPECT_EQ(config.sync.window_frames, 5u);
}

TEST_F(ConfigTest, ExpandedTextWhereANumberBelongs_IsRefusedWithoutShowingIt) {
  setenv("TIDEGATE_TEST_FRAMES", "hunter2", 1);
  std::string error = Error(std::string(kLeast) + "sync: {window_frames: '${env:TIDEGATE_TEST_FRAMES}'}\n");
  EXPECT_EQ(error, "main.yaml:3:23: sync.window_frames: must be a whole number, the expanded text is not");
}

TEST_F(ConfigTest, ExpandedTextWithReference_IsNotExpandedAgain) {
  setenv("TIDEGATE_TEST_NAME", "${env:HOME}", 1);
  Config config = Good(std::string(kLeast) + "context: {a: '${env:TIDEGATE_TEST_NAME}'}\n");
  EXPECT_EQ(config.context.at(0).second, "\"${env:HOME}\"");
}

TEST_F(ConfigTest, ReferenceToNothing_IsRefusedWithItsPlace) {
  unsetenv("TIDEGATE_TEST_NONE");
  EXPECT_EQ(Error(std::string(kLeast) + "context:\n  a: ${env:TIDEGATE_TEST_NONE}\n"),
            "main.yaml:4:6: environment variable TIDEGATE_TEST_NONE is not set; set it for the daemon, or write the "
            "value");
  EXPECT_THAT(Error(std::string(kLeast) + "context:\n  a: ${file:none}\n"),
              StartsWith("main.yaml:4:6: none: cannot be opened"));
}

TEST_F(ConfigTest, ReferenceOfWrongForm_IsRefused) {
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${evn:X}'}\n"),
              StartsWith("main.yaml:3:14: ${evn:...} is unknown, did you mean ${env:...}?"));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${HOME}'}\n"), HasSubstr("write ${env:HOME}"));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${env:X'}\n"), HasSubstr("'${' without '}'"));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${env:A B}'}\n"), HasSubstr("cannot be the name"));
}

TEST_F(ConfigTest, ReferencedFileOfOtherBytes_IsRefused) {
  Write("bytes", "a\xff");
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${file:bytes}'}\n"), HasSubstr("is not UTF-8"));
  Write("long", std::string(70'000, 'x'));
  EXPECT_THAT(Error(std::string(kLeast) + "context: {a: '${file:long}'}\n"), HasSubstr("larger than the limit"));
}

// ---- conf.d ----

TEST_F(ConfigTest, ConfD_MergesInNameOrder) {
  Write("conf.d/20-b.yaml", "sync: {sync_delay: 2s}\nlog: {level: error}\n");
  Write("conf.d/10-a.yaml", "sync: {sync_delay: 1s, batch_items: 7}\npolicies: [{plugin: policy-x}]\n");
  Write("conf.d/30-empty.yaml", "# nothing yet\n");
  Write("conf.d/notes.txt", "not: [yaml");
  Write("conf.d/.hidden.yaml", "not: [yaml");
  Config config =
      Good(std::string(kLeast) + "sync: {sync_limit: 1KB}\npolicies: [{plugin: policy-a}, {plugin: policy-b}]\n");
  EXPECT_EQ(config.sync.sync_delay_ms, 2000);
  EXPECT_EQ(config.sync.batch_items, 7u);
  EXPECT_EQ(config.sync.sync_limit_bytes, 1000u);
  ASSERT_EQ(config.policies.size(), 1u) << "a list replaces";
  EXPECT_EQ(config.policies[0].plugin, "policy-x");
  EXPECT_EQ(config.log_level, LogLevel::kError);
}

TEST_F(ConfigTest, ErrorInConfD_NamesThatFile) {
  Write("conf.d/10-a.yaml", "sync:\n  sync_dealy: 1s\n");
  EXPECT_EQ(Error(std::string(kLeast) + "sync: {sync_limit: x}\n"),
            "main.yaml:3:20: sync.sync_limit: must be written like 10KB or 4MiB; is the text 'x'\n"
            "conf.d/10-a.yaml:2:3: unknown key 'sync_dealy' in sync; did you mean 'sync_delay'?");
  Write("conf.d/10-a.yaml", "[1]\n");
  EXPECT_THAT(Error(kLeast), StartsWith("conf.d/10-a.yaml:1:1: the file must hold a map"));
  Write("conf.d/10-a.yaml", "a: [\n");
  EXPECT_THAT(Error(kLeast), StartsWith("conf.d/10-a.yaml:2:1: not YAML"));
}

TEST_F(ConfigTest, PathsInConfD_StartAtItsFolder) {
  Write("conf.d/a.yaml", "schemas: [x.json]\ncontext: {s: '${file:secret}'}\n");
  Write("conf.d/secret", "s1");
  Config config = Good(kLeast);
  EXPECT_THAT(config.schemas, ElementsAre(folder_ + "/conf.d/x.json"));
  EXPECT_EQ(config.context.at(0).second, "\"s1\"");
}

TEST_F(ConfigTest, ReplacedReference_NeedNotResolve) {
  Write("conf.d/a.yaml", "context: {s: plain}\n");
  EXPECT_EQ(Good(std::string(kLeast) + "context: {s: '${file:none}'}\n").context.at(0).second, "\"plain\"");
}

TEST_F(ConfigTest, LongTextBeforeAPattern_IsRefused) {
  setenv("TIDEGATE_TEST_LONG", std::string(5000, 'x').c_str(), 1);
  EXPECT_EQ(Error(std::string(kLeast) + "context: {a: '${env:TIDEGATE_TEST_LONG}'}\n"),
            "main.yaml:3:14: context.a: the text is longer than 4096 bytes; put it in a file and name that");
}

}  // namespace
}  // namespace tidegate
