// The parts of replication that stand alone: batches in order, pairs of "delivered", routes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/sync/delivered_pairs.h"
#include "host/sync/encoded_once.h"
#include "host/sync/feed_receiver.h"
#include "host/sync/refusals.h"
#include "host/wire/change_list.h"

namespace tidegate::sync {
namespace {

using ::testing::ElementsAre;

Watermark At(uint64_t position) {
  Watermark watermark;
  watermark.replica.bytes.fill(1);
  watermark.epoch = 5;
  watermark.position = position;
  watermark.version.hlc = position;
  return watermark;
}

wire::Batch BatchOf(uint64_t before, uint64_t after, uint32_t begin = 0) {
  wire::Batch batch;
  batch.before = At(before);
  batch.after = At(after);
  batch.begin = begin;
  return batch;
}

void Apply(FeedReceiver* receiver, const wire::Batch& batch) {
  receiver->Staged(batch);
  receiver->Committed(batch);
}

TEST(FeedReceiver, GapOrCopy_IsNotApplied) {
  FeedReceiver receiver;
  receiver.Restore(At(10));
  receiver.Open();
  EXPECT_EQ(receiver.Judge(BatchOf(20, 30)), BatchVerdict::kMismatch);
  Apply(&receiver, BatchOf(10, 20));
  EXPECT_EQ(receiver.Judge(BatchOf(10, 20)), BatchVerdict::kDuplicate);
  EXPECT_EQ(receiver.Judge(BatchOf(20, 30)), BatchVerdict::kApply);
  EXPECT_EQ(receiver.held(), At(20));
}

TEST(FeedReceiver, CommitFails_SameBatchFitsAgain) {
  FeedReceiver receiver;
  receiver.Restore(At(10));
  receiver.Open();
  receiver.Staged(BatchOf(10, 20));
  EXPECT_EQ(receiver.Judge(BatchOf(20, 30)), BatchVerdict::kApply);  // behind the staged one
  receiver.Failed();
  EXPECT_EQ(receiver.Judge(BatchOf(20, 30)), BatchVerdict::kMismatch);
  EXPECT_EQ(receiver.Judge(BatchOf(10, 20)), BatchVerdict::kApply);
  EXPECT_EQ(receiver.held(), At(10));
}

TEST(FeedReceiver, Begin_AdoptsWhateverItNames_LateCopyDoesNot) {
  FeedReceiver receiver;
  receiver.Restore(At(10));
  receiver.Open();
  EXPECT_EQ(receiver.Judge(BatchOf(99, 99, 1)), BatchVerdict::kApply);
  Apply(&receiver, BatchOf(99, 99, 1));
  Apply(&receiver, BatchOf(99, 120));
  EXPECT_EQ(receiver.Judge(BatchOf(99, 99, 1)), BatchVerdict::kDuplicate);
  EXPECT_EQ(receiver.held(), At(120));
  receiver.Open();  // a new session counts anew
  EXPECT_EQ(receiver.Judge(BatchOf(7, 7, 1)), BatchVerdict::kApply);
}

TEST(DeliveredPairs, ParentDelivers_NewestPairAtOrBelowCounts) {
  DeliveredPairs pairs;
  pairs.Add(At(1), 100);
  pairs.Add(At(2), 200);
  pairs.Add(At(3), 300);
  EXPECT_FALSE(pairs.Deliver(99));
  EXPECT_TRUE(pairs.delivered().none());
  EXPECT_TRUE(pairs.Deliver(250));
  EXPECT_EQ(pairs.delivered(), At(2));
  EXPECT_FALSE(pairs.Deliver(299));
  EXPECT_TRUE(pairs.Deliver(300));
  EXPECT_EQ(pairs.delivered(), At(3));
}

TEST(DeliveredPairs, ManyPairs_AreCoarsenedButNeverEarly) {
  DeliveredPairs pairs;
  for (uint64_t i = 1; i <= 10'000; ++i) pairs.Add(At(i), i * 10);
  for (uint64_t own : {55u, 12'345u, 99'999u}) {
    pairs.Deliver(own);
    EXPECT_LE(pairs.delivered().position * 10, own);
  }
  EXPECT_TRUE(pairs.Deliver(100'000));
  EXPECT_EQ(pairs.delivered(), At(10'000));
}

wire::Ack AckOf(Refusals& refusals) {
  wire::Ack ack;
  refusals.Fill(&ack);
  return ack;
}

TEST(Refusals, AreToldUntilConfirmed) {
  Refusals teller, listener;
  teller.Add({"M", 1, "p", "a", {}, {}, "why"});
  EXPECT_EQ(AckOf(teller).refused.size(), 1u);  // and this ack is lost
  teller.Add({"M", 1, "p", "b", {}, {}, "why"});
  wire::Ack ack = AckOf(teller);
  ASSERT_EQ(ack.refused.size(), 2u);
  EXPECT_EQ(listener.Known(ack), 0u);
  listener.Recorded(ack.refused_number);
  EXPECT_EQ(listener.Known(ack), 2u);  // a copy
  EXPECT_FALSE(teller.Confirmed(AckOf(listener).refused_recorded));
  EXPECT_TRUE(AckOf(teller).refused.empty());
}

TEST(Refusals, MoreThanAnAckTells_ComeInOrderInTheNext) {
  Refusals teller, listener;
  for (int i = 0; i < 1'200; ++i) teller.Add({"M", 1, "p", std::to_string(i), {}, {}, "why"});
  size_t told = 0;
  for (int round = 0; round < 9 && told < 1'200; ++round) {
    wire::Ack ack = AckOf(teller);
    for (size_t i = listener.Known(ack); i < ack.refused.size(); ++i)
      EXPECT_EQ(ack.refused[i].sk, std::to_string(told++));
    listener.Recorded(ack.refused_number);
    EXPECT_EQ(teller.Confirmed(AckOf(listener).refused_recorded), told < 1'200);
  }
  EXPECT_EQ(told, 1'200u);
}

TEST(Refusals, NewSession_TellsAgainWhatWasNotConfirmed) {
  Refusals teller, listener;
  teller.Add({"M", 1, "p", "a", {}, {}, "why"});
  teller.Add({"M", 1, "p", "b", {}, {}, "why"});
  listener.Recorded(2);
  teller.Confirmed(1);
  teller.Open(1);
  listener.Open(1);
  wire::Ack ack = AckOf(teller);
  ASSERT_EQ(ack.refused.size(), 1u);
  EXPECT_EQ(ack.refused_number, 1u);
  EXPECT_EQ(listener.Known(ack), 0u);
}

TEST(Refusals, WholeList_IsToldOnceToEachStartOfTheNeighbour) {
  Refusals teller;
  teller.Open(7);
  EXPECT_TRUE(teller.incomplete());
  EXPECT_EQ(AckOf(teller).refused_from, 0u);
  teller.Add({"M", 1, "p", "a", {}, {}, "why"});
  teller.Completed(true);
  EXPECT_EQ(AckOf(teller).refused_from, 1u);
  EXPECT_EQ(AckOf(teller).refused_to, 1u);
  teller.Open(7);
  EXPECT_TRUE(teller.incomplete()) << "nobody has confirmed it";
  teller.Confirmed(1);
  teller.Add({"M", 1, "p", "a", {}, {}, "why"});
  teller.Completed(true);
  EXPECT_EQ(AckOf(teller).refused_from, 2u);
  teller.Confirmed(2);
  teller.Open(7);
  EXPECT_FALSE(teller.incomplete());
  EXPECT_EQ(AckOf(teller).refused_from, 0u);
  teller.Open(8);
  EXPECT_TRUE(teller.incomplete()) << "it may have been restored";
}

// How many are to be known is exact from the first ack on.
TEST(Refusals, NewSessionWhileSomethingWaits_TheWholeListFollowsIt) {
  Refusals teller;
  teller.Completed(true);
  ASSERT_TRUE(teller.Forward({"M", 1, "p", "a", {}, {}, "why"}));
  teller.Open(7);
  ASSERT_TRUE(teller.incomplete());
  ASSERT_TRUE(teller.Forward({"M", 1, "p", "b", {}, {}, ""})) << "an end may be of what is on no list any more";
  ASSERT_TRUE(teller.HasRoomForTheList());
  const size_t waited = teller.waiting();
  teller.Add({"M", 1, "p", "a", {}, {}, "why"});
  teller.Add({"M", 1, "p", "c", {}, {}, "why"});
  teller.Completed(true, waited);
  wire::Ack ack = AckOf(teller);
  EXPECT_EQ(ack.refused.size(), 4u);
  EXPECT_EQ(ack.refused_last, 4u);
  EXPECT_EQ(ack.refused_from, 3u);
  EXPECT_EQ(ack.refused_to, 4u);
}

TEST(Refusals, ListThatIsNotAll_IsNotCalledWhole) {
  Refusals teller;
  teller.Open(7);
  teller.Completed(false);
  EXPECT_EQ(AckOf(teller).refused_from, 0u);
}

TEST(WholeList, OfTwoFrames_NamesWhatHasEnded) {
  WholeList list;
  wire::Ack ack;
  EXPECT_FALSE(list.Due(ack));
  ack.refused_from = 3;
  EXPECT_TRUE(list.Due(ack));
  list.Begin({"a", "b", "c"});
  list.Named("a");
  list.Begin({"a", "b", "c", "d"});  // listed meanwhile: it says nothing of that
  list.Named("c");
  list.Named("e");
  EXPECT_EQ(list.unnamed(), std::set<std::string>{"b"});
  list.Taken(3);
  EXPECT_FALSE(list.Due(ack));
  EXPECT_TRUE(list.unnamed().empty());
}

// ---- refusals of others, and what they except ----

TEST(Refusals, NoRoomToPassOneOn_TheListIsReadAgainAndTheAckSaysThatMoreComes) {
  Refusals teller, listener;
  teller.Completed(true);
  for (size_t i = 0; i < Refusals::kWaitingMax; ++i) ASSERT_TRUE(teller.Forward({"M", 1, "p", "a", {}, {}, "why"}));
  EXPECT_FALSE(teller.Forward({"M", 1, "p", "b", {}, {}, "why"}));
  EXPECT_TRUE(teller.incomplete());
  EXPECT_FALSE(teller.Forward({"M", 1, "p", "c", {}, {}, "why"}));
  listener.Heard(AckOf(teller));
  EXPECT_EQ(listener.heard(), Refusals::kWaitingMax + 1);
  teller.Confirmed(Refusals::kWaitingMax);
  listener.Recorded(Refusals::kWaitingMax);
  ASSERT_TRUE(teller.empty());
  EXPECT_LT(listener.recorded(), listener.heard());
  AckOf(teller);
  // Nothing is on the list any more: the number that was promised comes all the same.
  teller.Completed(true);
  wire::Ack ack = AckOf(teller);
  EXPECT_EQ(ack.refused_number, listener.heard());
  EXPECT_EQ(ack.refused_last, listener.heard());
}

TEST(PassedPosition, CountsOnlyWithWhatIsRefusedBelowIt) {
  Refusals teller, listener;
  teller.Completed(true);
  PassedPosition passed;
  EXPECT_EQ(passed.Move(5, listener), 0u);  // no ack of this session yet
  listener.Heard(AckOf(teller));
  EXPECT_EQ(passed.Move(5, listener), 5u);
  for (int i = 0; i < 700; ++i) teller.Add({"M", 1, "p", std::to_string(i), {}, {}, "why"});
  wire::Ack first = AckOf(teller);
  listener.Heard(first);
  EXPECT_EQ(passed.Move(9, listener), 5u);
  listener.Recorded(first.refused_number);
  EXPECT_EQ(passed.Move(12, listener), 5u);
  teller.Add({"M", 1, "p", "later", {}, {}, "why"});
  listener.Heard(AckOf(teller));
  listener.Recorded(700);
  EXPECT_EQ(passed.Move(12, listener), 9u);  // and 12 waits for the later one
  listener.Recorded(701);
  EXPECT_EQ(passed.Move(12, listener), 12u);
}

TEST(EncodedOnce, SameStatesForManyNeighbours_OneEncoding) {
  std::vector<tg_change> changes(3);
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i].struct_size = sizeof(tg_change);
    changes[i].kind = TG_CHANGE_ITEM;
    changes[i].seq = 10 + i;
  }
  EncodedOnce once;
  auto first = once.Of(changes);
  EXPECT_EQ(*first, wire::EncodeChangeList(changes));
  for (int neighbour = 0; neighbour < 100; ++neighbour) EXPECT_EQ(once.Of(changes), first);
  EXPECT_EQ(once.encoded(), 1u);
  changes.pop_back();
  EXPECT_EQ(*once.Of(changes), wire::EncodeChangeList(changes));
  changes[0].seq = 99;
  changes[0].key.owner = 7;
  EXPECT_EQ(*once.Of(changes), wire::EncodeChangeList(changes));
  EXPECT_EQ(once.encoded(), 3u);
}

TEST(EncodedOnce, ManyLists_OldestAreEncodedAgain) {
  std::vector<tg_change> one(1);
  one[0].struct_size = sizeof(tg_change);
  EncodedOnce once;
  for (uint64_t round = 0; round < 2; ++round) {
    for (uint64_t seq = 1; seq <= 20; ++seq) {
      one[0].seq = one[0].key.owner = seq;
      EXPECT_EQ(*once.Of(one), wire::EncodeChangeList(one));
    }
  }
  EXPECT_EQ(once.encoded(), 40u);
}

}  // namespace
}  // namespace tidegate::sync
