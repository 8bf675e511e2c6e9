#include "host/plugin/plugin_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "host/plugin/test_files.h"
#include "host/plugin/test_log.h"

namespace tidegate::plugin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Loading : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<TrustedFile> at_first = OpenTrusted(FixturePath("good"), geteuid());
    if (!at_first.ok()) GTEST_SKIP() << "the build tree itself is not acceptable: " << at_first.status().message();
  }
  // Why no policy came of a fixture.
  std::string Refusal(const std::string& variant, const std::string& config_json = "{}") {
    Result<PluginFile*> file = host_.Open(FixturePath(variant), TG_POLICY_KIND);
    if (!file.ok()) return file.status().message();
    Result<std::unique_ptr<PluginPolicy>> policy = host_.CreatePolicy(**file, "p", config_json);
    EXPECT_FALSE(policy.ok());
    return policy.ok() ? "" : policy.status().message();
  }

  Lines log_;
  Environment environment_{&log_, nullptr, nullptr, nullptr};
  PluginHost host_{environment_};
};

TEST_F(Loading, Good_LivesInOrderAndSpeaksByItsName) {
  Result<PluginFile*> file = host_.Open(FixturePath("good"), TG_POLICY_KIND);
  ASSERT_TRUE(file.ok()) << file.status().message();
  {
    auto policy = host_.CreatePolicy(**file, "rules", "{}");
    ASSERT_TRUE(policy.ok()) << policy.status().message();
    EXPECT_EQ((*policy)->Lane("Alarm"), TG_LANE_URGENT);
    EXPECT_EQ((*policy)->Lane("Other"), std::nullopt);
    EXPECT_EQ((*policy)->Direction("Alarm"), std::nullopt);
  }
  // Never started, so not stopped.
  EXPECT_THAT(log_.lines, ElementsAre("rules: create", "rules: destroy"));
}

TEST_F(Loading, SameFileTwice_TwoInstances) {
  Result<PluginFile*> file = host_.Open(FixturePath("good"), TG_POLICY_KIND);
  Result<PluginFile*> again = host_.Open(FixturePath("good"), TG_POLICY_KIND);
  ASSERT_TRUE(file.ok() && again.ok());
  EXPECT_EQ(*file, *again);
  auto one = host_.CreatePolicy(**file, "one", "{}");
  auto two = host_.CreatePolicy(**again, "two", "{}");
  ASSERT_TRUE(one.ok() && two.ok());
  one->reset();
  EXPECT_EQ((*two)->Lane("Alarm"), TG_LANE_URGENT);
}

TEST_F(Loading, SeveralFilesInTurn_EachGetsItsOwnCode) {
  // Descriptor numbers must not make the dynamic linker take one plugin for another.
  for (int i = 0; i < 3; ++i) {
    PluginHost host(environment_);
    auto good = host.Open(FixturePath("good"), TG_POLICY_KIND);
    ASSERT_TRUE(good.ok());
    EXPECT_TRUE(host.CreatePolicy(**good, "good", "{}").ok());
    auto null_entry = host.Open(FixturePath("null-entry"), TG_POLICY_KIND);
    ASSERT_TRUE(null_entry.ok());
    EXPECT_FALSE(host.CreatePolicy(**null_entry, "null", "{}").ok());
  }
}

TEST_F(Loading, WrongKindForItsPlace_SaysBoth) {
  Result<PluginFile*> file = host_.Open(FixturePath("good"), TG_STORAGE_KIND);
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), AllOf(HasSubstr(FixturePath("good")), HasSubstr("a policy plugin (policy-good)"),
                                             HasSubstr("needs a storage plugin")));
}

TEST_F(Loading, DuplicateId_NamesBothFiles) {
  TestDirectory directory;
  std::string copy = directory.Copy(FixturePath("good"), "policy-good.so");
  ASSERT_TRUE(host_.Open(FixturePath("good"), TG_POLICY_KIND).ok());
  Result<PluginFile*> twin = host_.Open(copy, TG_POLICY_KIND);
  ASSERT_FALSE(twin.ok());
  EXPECT_EQ(twin.status().code(), Code::kConflict);
  EXPECT_THAT(twin.status().message(), AllOf(HasSubstr(copy), HasSubstr("duplicate id"), HasSubstr(FixturePath("good")),
                                             HasSubstr("policy-good")));
}

TEST_F(Loading, TextFile_RefusedByNote) {
  TestDirectory directory;
  std::string path = directory.Write("policy-text.so", "not a shared object");
  EXPECT_THAT(host_.Open(path, TG_POLICY_KIND).status().message(), HasSubstr(path + ": not an ELF file"));
}

TEST_F(Loading, WritableByGroup_RefusedBeforeItIsRead) {
  TestDirectory directory;
  std::string path = directory.Write("policy-text.so", "not a shared object");
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  EXPECT_THAT(host_.Open(path, TG_POLICY_KIND).status().message(), HasSubstr("chmod go-w"));
}

TEST_F(Loading, BrokenPlugins_EachSaysWhatIsWrong) {
  EXPECT_THAT(Refusal("no-note"), HasSubstr("no Tidegate note"));
  EXPECT_THAT(Refusal("no-entry"),
              AllOf(HasSubstr(FixturePath("no-entry")), HasSubstr("exports no tg_plugin_entry_v1")));
  EXPECT_THAT(Refusal("no-entry"), HasSubstr("exports no tg_plugin_entry_v1")) << "the same at a second try";
  EXPECT_THAT(Refusal("null-entry"), AllOf(HasSubstr(FixturePath("null-entry")), HasSubstr("returned null")));
  EXPECT_THAT(Refusal("no-interface"), HasSubstr("offers no interface " TG_POLICY_ID));
  EXPECT_THAT(Refusal("short-table"), HasSubstr("build the plugin against this version"));
  EXPECT_THAT(Refusal("unresolved"), AllOf(HasSubstr("cannot be loaded"), HasSubstr("nobody_defines_this")));
}

TEST_F(Loading, CreateFails_ItsErrorAndNoInstance) {
  EXPECT_EQ(Refusal("good", R"({"mood":"bad"})"), "p: create: mood: must not be bad");
  EXPECT_THAT(Refusal("good", R"({"mood":"absent"})"), HasSubstr("create succeeded without an instance"));
  EXPECT_TRUE(log_.lines.empty()) << "nothing was created, nothing is destroyed";
}

TEST_F(Loading, AskedForAnotherInterface_Refused) {
  Result<PluginFile*> file = host_.Open(FixturePath("good"), TG_POLICY_KIND);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(host_.CreateStorage(**file, "s", "{}").status().message(), HasSubstr("offers no interface tg.storage/"));
}

TEST_F(Loading, PolicyAnswers_AreJudged) {
  Result<PluginFile*> file = host_.Open(FixturePath("good"), TG_POLICY_KIND);
  ASSERT_TRUE(file.ok());
  auto made = host_.CreatePolicy(**file, "rules", "{}");
  ASSERT_TRUE(made.ok());
  PluginPolicy& policy = **made;
  EXPECT_EQ(policy.Placement("Odd"), std::nullopt);
  EXPECT_EQ(policy.Placement("Odd"), std::nullopt);
  ASSERT_EQ(log_.lines.size(), 2u) << "create, and one complaint";
  EXPECT_THAT(log_.lines[1], HasSubstr("placement answered 1 with 77"));

  tg_change change{};
  change.model = {"No", 2};
  EXPECT_TRUE(policy.Accept({TG_ROLE_DEVICE, 5}, change).ok());
  Status denied = policy.Accept({TG_ROLE_ROUTER, 5}, change);
  EXPECT_EQ(denied.code(), Code::kRefused);
  EXPECT_EQ(denied.message(), "No is refused at routers");
  change.model = {"Silent", 6};
  EXPECT_THAT(policy.Accept({TG_ROLE_DEVICE, 5}, change).message(), HasSubstr("rules refuses"));
  EXPECT_EQ(policy.Route({TG_ROLE_DEVICE, 5}, change, 1), std::nullopt);

  std::vector<std::string> warnings;
  EXPECT_TRUE(policy.Reload("[]", &warnings).ok());
  EXPECT_THAT(warnings, ElementsAre("rules: no schemas"));
  EXPECT_EQ(policy.Reload("[{}]", &warnings).message(), "rules: one model too many");
}

}  // namespace
}  // namespace tidegate::plugin
