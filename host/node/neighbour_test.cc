// What a neighbour may not do (laws 8, 9).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;

// A router whose child the test plays.
class PlayedChild : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    session_ = tree_.router->OpenSession(core::Side::kChild, 50);
    tree_.router->Receive(session_, 5, HelloOf(50, TG_ROLE_DEVICE, 65535));
    tree_.Run(1'000);
    tree_.router->TakeSent();
  }

  tg_change Change(std::string_view model, AgentId owner, uint32_t direction, std::string_view pk, std::string_view sk,
                   std::string_view body) {
    tg_change change{};
    change.struct_size = sizeof change;
    change.kind = TG_CHANGE_ITEM;
    change.direction = static_cast<uint8_t>(direction);
    change.lane = TG_LANE_STATE;
    change.model = Str(model);
    change.key = {owner, Str(pk), Str(sk)};
    change.src = 50;
    change.dst = 1;
    change.version = {static_cast<uint64_t>(tree_.clock.unix_ms()) << 16 | ++number_, 50, 5000};
    change.body = Bytes(body);
    return change;
  }

  // One batch that begins, so that it fits whatever is held.
  void Batch(std::vector<tg_change> changes) {
    wire::Batch batch;
    batch.lane = TG_LANE_STATE;
    batch.begin = ++begin_;
    batch.after.replica.bytes.fill(50);
    batch.after.epoch = 5000;
    batch.after.position = begin_;
    batch.changes = std::move(changes);
    tree_.router->Receive(session_, 5, batch);
    tree_.Run(100);
  }

  std::string Why(const char* sk) {
    for (const QuarantineEntry& entry : tree_.router->Quarantine()) {
      if (entry.sk == sk) return entry.reason;
    }
    return "";
  }

  core::TransportSession session_ = 0;
  uint64_t number_ = 0;
  uint32_t begin_ = 0;
};

TEST_F(PlayedChild, AgainstDirectionOrOwner_IsQuarantined) {
  Batch({Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#fine", R"({"name":"fine"})"),
         Change("Config", 50, TG_DIRECTION_DOWN, "c#", "c#down", R"({"name":"down"})"),
         Change("Setting", 42, TG_DIRECTION_BOTH, "s#", "s#others", R"({"name":"others"})"),
         Change("Config", 50, TG_DIRECTION_UP, "c#", "c#masked", R"({"name":"masked"})")});
  EXPECT_EQ(tree_.router->Get("Config", R"({"name":"masked"})", 50), "not_found");
  ASSERT_EQ(tree_.router->LinkTo(50).holds.size(), 1u) << "another direction of the model is a hold";
  EXPECT_EQ(tree_.router->LinkTo(50).holds[0].reason, "direction");
  EXPECT_NE(tree_.router->Get("Setting", R"({"name":"fine"})", 50), "not_found");
  EXPECT_THAT(Why("c#down"), HasSubstr("direction"));
  EXPECT_THAT(Why("s#others"), HasSubstr("owner"));
}

TEST_F(PlayedChild, UpModelClaimedAsBothForAll_IsQuarantined) {
  Batch({Change("Reading", 0, TG_DIRECTION_BOTH, "r#", "r#x", R"({"id":"x"})")});
  EXPECT_EQ(tree_.router->Get("Reading", R"({"id":"x"})", 0), "not_found");
  EXPECT_EQ(tree_.device->Get("Reading", R"({"id":"x"})", 0), "not_found");
  EXPECT_NE(Why("r#x"), "");
}

TEST_F(PlayedChild, ChangeNoStorageTakes_IsQuarantinedAndHoldsNobodyUp) {
  tg_change nameless = Change("", 50, TG_DIRECTION_BOTH, "s#", "s#nameless", "{}");
  tg_change timeless = Change("Unknown", 50, TG_DIRECTION_BOTH, "s#", "s#timeless", "{}");
  timeless.version = {};
  Batch({nameless, timeless, Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#fine", R"({"name":"fine"})")});
  EXPECT_NE(tree_.router->Get("Setting", R"({"name":"fine"})", 50), "not_found");
  EXPECT_EQ(tree_.router->Quarantine().size(), 2u);
  EXPECT_TRUE(tree_.router->Put("Setting", R"({"name":"own"})").status.ok());
}

TEST_F(PlayedChild, TooLargeChange_IsQuarantined) {
  std::string body = "{\"name\":\"" + std::string(tree_.router->options().item_bytes_max, 'x') + "\"}";
  Batch({Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#large", body)});
  EXPECT_THAT(Why("s#large"), HasSubstr("limits.item_bytes_max"));
}

TEST_F(PlayedChild, AskForAnOwnerThatIsNotIts_IsAnsweredWithNothing) {
  ASSERT_TRUE(tree_.router->Put("Setting", R"({"name":"x"})").status.ok());
  wire::CompareAsk ask;
  ask.pass = 3;
  ask.ask = 1;
  ask.owner = 10;
  ask.direction_mask = 0;
  ask.ranges.emplace_back();
  ask.ranges[0].listed = true;
  tree_.router->Receive(session_, 5, ask);
  std::vector<wire::CompareAnswer> answers = SentBodies<wire::CompareAnswer>(*tree_.router);
  ASSERT_EQ(answers.size(), 1u);  // else the pass of the asker would never end
  ASSERT_EQ(answers[0].ranges.size(), 1u);
  EXPECT_EQ(answers[0].ranges[0].verdict, wire::RangeVerdict::kSame);
}

TEST_F(PlayedChild, AskForEveryDirection_IsAnsweredWithWhatGoesDown) {
  Batch({Change("Reading", 50, TG_DIRECTION_UP, "r#", "r#x", R"({"id":"x"})"),
         Change("Setting", 50, TG_DIRECTION_BOTH, "s#", "s#x", R"({"name":"x"})")});
  tree_.router->TakeSent();
  wire::CompareAsk ask;
  ask.pass = 3;
  ask.ask = 1;
  ask.owner = 50;
  ask.direction_mask = 0;
  ask.ranges.emplace_back();
  ask.ranges[0].listed = true;
  tree_.router->Receive(session_, 5, ask);
  std::vector<wire::CompareAnswer> answers = SentBodies<wire::CompareAnswer>(*tree_.router);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].ranges[0].changes.size(), 1u);
}

TEST_F(NodeTest, ModelNoPolicyRoutes_ComesByNoMechanism) {
  tree_.router->policy.not_routed = "Config";
  ASSERT_TRUE(tree_.server->Put("Config", R"({"name":"x"})").status.ok());
  TestNode& other = tree_.Add(43, TG_ROLE_DEVICE, 65535);
  other.Start();
  tree_.Connect(other, *tree_.router);
  tree_.Run(3'000);
  EXPECT_NE(tree_.router->Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(tree_.device->Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(other.Get("Config", R"({"name":"x"})"), "not_found");
  EXPECT_EQ(other.LinkTo(10).unsettled_scopes, 0u);
}

TEST_F(NodeTest, ModelThatStaysNow_IsNotSentAnyMore) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  ASSERT_TRUE(tree_.device->Put("Setting", R"({"name":"x"})").status.ok());
  tree_.device->policy.directions["Setting"] = TG_DIRECTION_NONE;
  tree_.device->UseSchema("");
  Count(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  EXPECT_EQ(changes_, 0u);
}

TEST_F(NodeTest, AdoptAndAskInOneCommit_NothingOfTheFormerLinkIsUsed) {
  TestNode& router = *tree_.router;
  core::TransportSession session = router.OpenSession(core::Side::kChild, 50);
  router.Receive(session, 5, HelloOf(50, TG_ROLE_DEVICE, 65535));
  wire::CompareAsk ask;
  ask.pass = 3;
  ask.ask = 1;
  ask.owner = 50;
  ask.ranges.emplace_back();
  // Another replica of it is refused, and adopted.
  wire::Hello other = HelloOf(50, TG_ROLE_DEVICE, 65535);
  other.replica.bytes.fill(99);
  EXPECT_EQ(ReasonOf(router, 50, other), wire::RefuseReason::kReplica);
  Status adopted = Status::Internal("not answered");
  router->Adopt(50, [&](Status status) { adopted = std::move(status); });
  router.Receive(session, 5, ask);
  EXPECT_TRUE(adopted.ok()) << adopted.message();
  EXPECT_EQ(router.LinkTo(50).state, "down");
}

}  // namespace
}  // namespace tidegate::node
