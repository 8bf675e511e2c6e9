// DifferenceCount: each key once, by model and side; what is on its way, or listed as refused, is no difference.
#include "host/node/difference_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/sync/test_rows.h"

namespace tidegate::node {
namespace {

using sync::TestRows;
using ::testing::IsEmpty;

class DifferenceCountTest : public ::testing::Test {
 protected:
  DifferenceCountTest() : parent_(ours_, options_, Record()) {
    answer_.owner = TestRows::kOwner;
    answer_.ranges.resize(1);
    held_there_.fill(1'000);
  }
  static wire::LinkRecord Record() {
    wire::LinkRecord record;
    record.agent = 1;
    record.is_parent = true;
    return record;
  }
  wire::RangeAnswer& range() { return answer_.ranges[0]; }
  static wire::KeyVersion Name(const std::string& sk, bool missing = false) {
    wire::KeyVersion name;
    name.pk = "p";
    name.sk = sk;
    name.model = "Reading";
    name.missing = missing;
    return name;
  }
  wire::ModelDifference Counted(bool mends = false) {
    DifferenceCount count(ours_, mends);
    count.Note(parent_, answer_, held_there_);
    auto found = count.models().find("Reading");
    return found == count.models().end() ? wire::ModelDifference() : found->second;
  }

  TestRows ours_;
  sync::SyncOptions options_;
  sync::Link parent_;
  wire::CompareAnswer answer_;
  sync::ReconcileAsker::Positions held_there_{};
};

TEST_F(DifferenceCountTest, WhatWeLack_AndWhatDiffers_AreTold) {
  ours_.Put("there", TG_DIRECTION_UP, 1);
  range().lacks = {Name("here not"), Name("there")};
  EXPECT_EQ(Counted(), (wire::ModelDifference{"Reading", 1, 0, 1, 0}));
}

TEST_F(DifferenceCountTest, WhatTheParentLacks_IsMissingThere) {
  ours_.Put("a", TG_DIRECTION_UP, 1);
  ours_.Put("b", TG_DIRECTION_DOWN, 2);
  range().wants = {Name("a", true), Name("b", true)};
  EXPECT_EQ(Counted(), (wire::ModelDifference{"Reading", 0, 2, 0, 0}));
  EXPECT_EQ(Counted(true), (wire::ModelDifference{"Reading", 0, 2, 0, 1})) << "what goes down is not given upwards";
}

TEST_F(DifferenceCountTest, KeyInTwoAnswers_IsCountedOnce) {
  range().lacks = {Name("a")};
  DifferenceCount count(ours_, true);
  count.Note(parent_, answer_, held_there_);
  count.Note(parent_, answer_, held_there_);
  EXPECT_EQ(DifferenceCount::Found(count.models()), 1u);
  EXPECT_EQ(count.models().at("Reading").mended, 1u);
}

TEST_F(DifferenceCountTest, WhatTheParentHadNotTakenYet_IsOnItsWay) {
  ours_.Put("a", TG_DIRECTION_UP, 1);
  range().wants = {Name("a", true)};
  held_there_.fill(0);
  EXPECT_EQ(Counted(), wire::ModelDifference());
}

TEST_F(DifferenceCountTest, WhatTheParentRefused_IsListedAndNoDifference) {
  ours_.Put("a", TG_DIRECTION_UP, 1);
  range().wants = {Name("a", true)};
  parent_.refused_ours.insert(sync::meta::Quarantine(1, true, TestRows::kOwner, "p", "a"));
  EXPECT_EQ(Counted(), wire::ModelDifference());
}

TEST_F(DifferenceCountTest, BytesAndWhatWasDropped_AreAddedUp) {
  DifferenceCount count(ours_, false);
  count.NoteSent(10);
  count.NoteSent(5);
  count.NoteReceived(7);
  range().dropped = 3;
  count.Note(parent_, answer_, held_there_);
  EXPECT_EQ(count.report().bytes_sent, 15u);
  EXPECT_EQ(count.report().bytes_received, 7u);
  EXPECT_EQ(count.report().dropped, 3u);
  EXPECT_THAT(count.models(), IsEmpty());
}

}  // namespace
}  // namespace tidegate::node
