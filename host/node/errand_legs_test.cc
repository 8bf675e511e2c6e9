// Errands of one node: through which neighbours they go, what those are asked, and when they are over. What they move
// is shown by errands_test.cc.
#include <gmock/gmock.h>

#include <optional>

#include "host/node/errands.h"
#include "host/node/object_fixture.h"

namespace tidegate::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ErrandLegsTest : public ObjectTest, private Errands::Around, private ComparePass::Around {
 protected:
  void SetUp() override {
    parent_ = AddLink(kParent, true);
    child_ = AddLink(kChild, false);
    AddEdge(kChild, kChild);
    AddEdge(kChild, 50);
    Up(parent_, 1);
    Up(child_, 2);
  }
  static void Up(sync::Link* link, wire::SessionId session) {
    link->session = session;
    link->session_id = session;
  }
  static LinkSyncRequest Request(AgentId agent) {
    LinkSyncRequest request;
    request.agent = agent;
    request.pull = true;
    request.wait = true;
    request.timeout_ms = 10'000;
    return request;
  }
  std::shared_ptr<std::optional<LinkSyncAnswer>> Add(const LinkSyncRequest& request) {
    auto answer = std::make_shared<std::optional<LinkSyncAnswer>>();
    errands_.Add(request, [answer](LinkSyncAnswer given) { *answer = std::move(given); });
    answers_.Give();
    errands_.Run(clock_.now_us);
    return answer;
  }
  std::string FailureOf(const LinkSyncRequest& request) {
    auto answer = Add(request);
    return answer->has_value() ? (*answer)->status.message() : "it goes on";
  }
  wire::SyncAsk AskOf(uint64_t number, AgentId agent) {
    wire::SyncAsk ask;
    ask.number = number;
    ask.agent = agent;
    ask.pull = true;
    ask.timeout_ms = 10'000;
    return ask;
  }

  bool Send(sync::Link* link, const wire::Body& body) override {
    if (const auto* ask = std::get_if<wire::SyncAsk>(&body)) asked_.emplace_back(link->agent(), *ask);
    if (const auto* done = std::get_if<wire::SyncDone>(&body)) done_.emplace_back(link->agent(), *done);
    return true;
  }
  uint64_t KnownHorizon() const override { return 0; }
  int64_t ExpiredMs() const override { return 0; }
  void NoteReport(sync::Link*, wire::CompareReport) override {}

  std::vector<std::pair<AgentId, wire::SyncAsk>> asked_;
  std::vector<std::pair<AgentId, wire::SyncDone>> done_;
  sync::Link* parent_ = nullptr;
  sync::Link* child_ = nullptr;
  Watermark end_;
  Answers answers_;
  Marks marks_{storage_, stage_, links_, record_};
  ComparePass pass_{storage_, options_};
  AskedVerify verify_{deps_, stage_, links_, marks_, end_, pass_, *this};
  Errands errands_{options_, deps_, stage_, links_, end_, marks_, verify_, answers_, *this};
};

TEST_F(ErrandLegsTest, AgentBelowAChild_TheChildIsAskedAboutIt) {
  auto answer = Add(Request(50));
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].first, kChild);
  EXPECT_EQ(asked_[0].second.agent, 50u);
  EXPECT_FALSE(answer->has_value());
  wire::SyncDone done;
  done.number = asked_[0].second.number;
  errands_.Done(*child_, done);
  errands_.Run(clock_.now_us);
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->status.ok());
}

TEST_F(ErrandLegsTest, PushOnly_AsksNobody) {
  LinkSyncRequest request = Request(kChild);
  request.pull = false;
  auto answer = Add(request);
  EXPECT_THAT(asked_, IsEmpty());
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->status.ok());
}

TEST_F(ErrandLegsTest, WayThatIsNotThere_IsSaidAtOnce) {
  EXPECT_THAT(FailureOf(Request(77)), HasSubstr("knows no way to agent 77"));
  EXPECT_THAT(FailureOf(Request(kSelf)), HasSubstr("is this node itself"));
  child_->record.off = true;
  EXPECT_THAT(FailureOf(Request(50)), HasSubstr("'tidegate link on 42'"));
}

TEST_F(ErrandLegsTest, NeighbourThatDoesNotAnswer_IsAskedAgain_AndNamedWhenTimeIsOver) {
  auto answer = Add(Request(50));
  clock_.now_us = errands_.NextUs();
  errands_.Run(clock_.now_us);
  EXPECT_THAT(asked_, SizeIs(2));
  clock_.now_us += 10'000'000;
  errands_.Run(clock_.now_us);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->status.code(), Code::kTimeout);
  EXPECT_THAT((*answer)->waits_for, ElementsAre(kChild));
}

TEST_F(ErrandLegsTest, NeighbourThatCannot_EndsIt) {
  auto answer = Add(Request(50));
  wire::SyncDone done;
  done.number = asked_[0].second.number;
  done.failure = "the link is switched off";
  errands_.Done(*child_, done);
  ASSERT_TRUE(answer->has_value());
  EXPECT_THAT((*answer)->status.message(), HasSubstr("agent 42: the link is switched off"));
}

TEST_F(ErrandLegsTest, AskedByANeighbour_IsPassedOnOnce_AndItIsToldTheEnd) {
  errands_.Ask(parent_, AskOf(7, 50));
  EXPECT_TRUE(errands_.IsUnderWay(*parent_, AskOf(7, 50)));
  EXPECT_FALSE(errands_.IsUnderWay(*parent_, AskOf(8, 50)));
  errands_.Run(clock_.now_us);
  ASSERT_THAT(asked_, SizeIs(1));
  wire::SyncDone done;
  done.number = asked_[0].second.number;
  errands_.Done(*child_, done);
  errands_.Run(clock_.now_us);
  ASSERT_THAT(done_, SizeIs(1));
  EXPECT_EQ(done_[0].first, kParent);
  EXPECT_EQ(done_[0].second.number, 7u);
}

TEST_F(ErrandLegsTest, AskerThatCameAnew_IsNotTold_ItAsksAgain) {
  errands_.Ask(parent_, AskOf(7, 50));
  Up(parent_, 3);
  EXPECT_FALSE(errands_.IsUnderWay(*parent_, AskOf(7, 50)));
  errands_.Run(clock_.now_us);
  EXPECT_EQ(errands_.NextUs(), INT64_MAX) << "nothing of it is left";
  EXPECT_THAT(done_, IsEmpty());
}

TEST_F(ErrandLegsTest, TooMany_ANeighbourIsToldToAskLater) {
  options_.errands_max = 1;
  errands_.Ask(parent_, AskOf(7, 50));
  errands_.Ask(parent_, AskOf(8, 50));
  ASSERT_THAT(done_, SizeIs(1));
  EXPECT_THAT(done_[0].second.failure, HasSubstr("limits.errands_max"));
}

TEST_F(ErrandLegsTest, Compare_IsOverWhenItsMarkIsSettled) {
  LinkSyncRequest request = Request(kParent);
  request.pull = false;
  request.compare = true;
  auto answer = Add(request);
  EXPECT_FALSE(answer->has_value());
  marks_.Settle(marks_.last_number());
  errands_.Run(clock_.now_us);
  EXPECT_TRUE(answer->has_value());
}

TEST_F(ErrandLegsTest, Period_IsTakenOnceInEach) {
  EXPECT_FALSE(errands_.TakePeriod(clock_.now_us)) << "it is not set";
  options_.sync_period_ms = 1'000;
  EXPECT_FALSE(errands_.TakePeriod(clock_.now_us));
  clock_.now_us = errands_.NextUs();
  EXPECT_TRUE(errands_.TakePeriod(clock_.now_us));
  EXPECT_FALSE(errands_.TakePeriod(clock_.now_us));
}

}  // namespace
}  // namespace tidegate::node
