// Doubts: who is told of them, which comparison answers them, and that they do not come again and again.
#include "host/node/doubts.h"

#include <gmock/gmock.h>

#include "host/node/object_fixture.h"

namespace tidegate::node {
namespace {

class DoubtsTest : public ObjectTest {
 protected:
  void SetUp() override {
    parent_ = AddLink(kParent, true);
    child_ = AddLink(kChild, false);
    parent_->verify.known = true;
  }
  bool Due() const { return schedule_.due_us() != INT64_MAX; }
  // The comparison that is due has been made.
  void Compare() {
    (void)schedule_.Begun(clock_.now_us);
    (void)doubts_.Begin(*parent_);
    doubts_.Answered(parent_);
    schedule_.Ended(clock_.now_us, *this);
  }

  sync::Link* parent_ = nullptr;
  sync::Link* child_ = nullptr;
  sync::VerifySchedule schedule_{options_};
  Doubts doubts_{options_, deps_, stage_, links_, record_, schedule_};
};

TEST_F(DoubtsTest, AboutAllLinks_ChildrenAreTold_AndItIsCompared) {
  doubts_.Note("the disk was full");
  EXPECT_EQ(doubts_.About(*child_), 1u);
  EXPECT_EQ(doubts_.About(*parent_), 1u);
  EXPECT_EQ(doubts_.LastAbout(*child_), "the disk was full");
  EXPECT_TRUE(child_->ack_due);
  EXPECT_TRUE(Due());
  ASSERT_TRUE(Commit().ok());
  wire::NodeRecord stored;
  ASSERT_TRUE(wire::DecodeRecord(storage_.metas["node"], &stored).ok());
  EXPECT_EQ(stored.doubts, 1u) << "a restart forgets none";
}

TEST_F(DoubtsTest, AboutAChild_ItIsToldAndNobodyElse_AndNothingIsComparedHere) {
  doubts_.Note("a frame could not be read", child_);
  EXPECT_EQ(doubts_.About(*child_), 1u);
  EXPECT_EQ(doubts_.About(*parent_), 0u);
  EXPECT_TRUE(child_->ack_due);
  EXPECT_FALSE(Due());
}

TEST_F(DoubtsTest, SameReasonAgainAndAgain_CountsOnceInAWhile) {
  for (int i = 0; i < 5; ++i) doubts_.Note("a frame could not be read", child_);
  EXPECT_EQ(doubts_.About(*child_), 1u);
  doubts_.Note("the disk was full");
  EXPECT_EQ(doubts_.About(*child_), 2u) << "one about all links is another one";
  clock_.now_us += options_.verify_delay_ms * 1000;
  doubts_.Note("a frame could not be read", child_);
  EXPECT_EQ(doubts_.About(*child_), 3u);
}

TEST_F(DoubtsTest, SwitchedOff_NothingIsDoubted) {
  options_.verify_on_doubt = false;
  doubts_.Note("the disk was full");
  doubts_.Hear(parent_, 5, "it was restored");
  EXPECT_EQ(doubts_.About(*child_), 0u);
  EXPECT_FALSE(Due());
}

TEST_F(DoubtsTest, FailedCommit_IsDoubtedWhenTheNextOneSucceeds_AFullDiskIsNot) {
  doubts_.NoteCommit(Status::Full("the disk of the test"));
  doubts_.NoteCommit({});
  EXPECT_FALSE(Due());
  doubts_.NoteCommit(Status::Io("the disk of the test"));
  EXPECT_FALSE(Due()) << "nothing can be staged while nothing can be written";
  doubts_.NoteCommit({});
  EXPECT_EQ(doubts_.LastAbout(*parent_), "a commit failed: the disk of the test");
  EXPECT_TRUE(Due());
}

TEST_F(DoubtsTest, ParentAtFirstContact_IsComparedAnyhow) {
  parent_->verify.known = false;
  doubts_.Hear(parent_, 7, "it was restored");
  EXPECT_FALSE(Due());
  doubts_.Hear(parent_, 7, "");
  EXPECT_FALSE(Due());
  doubts_.Hear(parent_, 8, "");
  EXPECT_TRUE(Due());
}

TEST_F(DoubtsTest, ComparisonUnderWay_AnswersWhatWasDoubtedBeforeIt) {
  doubts_.Hear(parent_, 1, "it was restored");
  ASSERT_TRUE(Due());
  (void)schedule_.Begun(clock_.now_us);
  EXPECT_EQ(doubts_.Begin(*parent_), (Doubts::Counts{0, 1}));
  doubts_.Hear(parent_, 1, "");  // every ack says it
  EXPECT_FALSE(Due());
  doubts_.Hear(parent_, 2, "");
  EXPECT_TRUE(Due()) << "this one came after it had begun";
}

TEST_F(DoubtsTest, ComparisonThatEnded_AnsweredThem_OneThatBrokeOffDidNot) {
  doubts_.Hear(parent_, 1, "it was restored");
  (void)schedule_.Begun(clock_.now_us);
  (void)doubts_.Begin(*parent_);
  doubts_.NotAnswered();
  doubts_.Hear(parent_, 1, "");
  ASSERT_TRUE(Due());
  Compare();
  EXPECT_EQ(parent_->verify.their_doubts, 1u);
  const int64_t by_the_clock = schedule_.due_us();
  doubts_.Hear(parent_, 1, "");
  EXPECT_EQ(schedule_.due_us(), by_the_clock);
}

}  // namespace
}  // namespace tidegate::node
