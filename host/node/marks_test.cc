// Marks: what a newer one covers, what a pass settles, and that they outlive a restart.
#include "host/node/marks.h"

#include <gmock/gmock.h>

#include "host/node/object_fixture.h"

namespace tidegate::node {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class MarksTest : public ObjectTest {
 protected:
  void Store() {
    stage_.Begin();
    marks_.Stage();
    stage_.End();
    ASSERT_TRUE(Commit().ok());
  }
  Marks marks_{storage_, stage_, links_, record_};
};

TEST_F(MarksTest, MarkOfAnOwner_CoversHimAlone) {
  EXPECT_TRUE(marks_.empty());
  marks_.Add(false, 42);
  EXPECT_TRUE(marks_.Covers(42));
  EXPECT_FALSE(marks_.Covers(43));
  marks_.Add(true, 0);
  EXPECT_TRUE(marks_.Covers(43));
}

TEST_F(MarksTest, NewerMark_TakesThePlaceOfWhatItCovers_AndComparesAsMuch) {
  marks_.Add(false, 42, true);
  marks_.Add(false, 43);
  marks_.Add(false, 42);
  ASSERT_THAT(marks_.scopes(), SizeIs(2));
  EXPECT_TRUE(marks_.up_only()) << "the newer one of 42 compares what only goes up, as the older one did";
  marks_.Add(true, 0);
  ASSERT_THAT(marks_.scopes(), SizeIs(1));
  EXPECT_EQ(marks_.scopes()[0].number, 4u);
  EXPECT_EQ(marks_.last_number(), 4u);
  EXPECT_TRUE(marks_.up_only());
}

TEST_F(MarksTest, MarkOfAnOwner_DoesNotTakeThePlaceOfOneOfAll) {
  marks_.Add(true, 0);
  marks_.Add(false, 42);
  EXPECT_THAT(marks_.scopes(), SizeIs(2));
}

TEST_F(MarksTest, PassSettlesWhatWasMarkedBeforeItBegan) {
  marks_.Add(false, 42);
  const uint64_t begun = marks_.last_number();
  marks_.Add(false, 43);
  EXPECT_TRUE(marks_.Waits(begun));
  marks_.Settle(begun);
  EXPECT_FALSE(marks_.Covers(42));
  EXPECT_TRUE(marks_.Covers(43));
  EXPECT_FALSE(marks_.Waits(begun)) << "the later one is of another owner";
  marks_.Add(true, 0);
  EXPECT_TRUE(marks_.Waits(begun)) << "one of everything may have taken its place";
}

TEST_F(MarksTest, Owners_AreThoseNamed_OrEverybodyBelowAndAllAndThisNode) {
  AddEdge(kChild, kChild);
  AddEdge(kChild, 50);
  marks_.Add(false, 50);
  EXPECT_THAT(marks_.Owners(), ElementsAre(50));
  marks_.Add(true, 0);
  EXPECT_THAT(marks_.Owners(), ElementsAre(kAgentAll, kSelf, kChild, 50));
}

TEST_F(MarksTest, Restart_KnowsThemAndTheLastNumber) {
  marks_.Add(false, 42, true);
  marks_.Add(false, 43);
  Store();
  wire::NodeRecord record;
  ASSERT_TRUE(wire::DecodeRecord(storage_.metas["node"], &record).ok());
  Marks again(storage_, stage_, links_, record);
  ASSERT_TRUE(again.Restore().ok());
  EXPECT_EQ(again.scopes(), marks_.scopes());
  again.Add(false, 44);
  EXPECT_EQ(again.last_number(), 3u);
}

}  // namespace
}  // namespace tidegate::node
