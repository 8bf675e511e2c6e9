// Routes: the highest edge wins, and what lies below an agent goes where the agent goes.
#include "host/sync/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/sync/clone_list.h"

namespace tidegate::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

wire::Edge EdgeOf(AgentId agent, AgentId parent, uint64_t attach_epoch, Epoch replica_epoch = 0) {
  wire::Edge edge;
  edge.agent = agent;
  edge.parent = parent;
  edge.attach_epoch = attach_epoch;
  edge.replica_epoch = replica_epoch;
  return edge;
}

TEST(Routes, DeviceMoves_HigherAttachEpochWins) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0), EdgeOf(101, 10, 1)}));
  routes.Apply(routes.Compare(11, {EdgeOf(11, 1, 0), EdgeOf(101, 11, 2)}));
  EXPECT_EQ(routes.LinkOf(101), 11u);
  // The old parent still names it: a lower edge, so nothing changes.
  Routes::Difference stale = routes.Compare(10, {EdgeOf(10, 1, 0), EdgeOf(101, 10, 1)});
  EXPECT_TRUE(stale.put.empty() && stale.removed.empty() && !stale.news);
  ASSERT_EQ(stale.higher.size(), 1u);  // to be told
  EXPECT_EQ(stale.higher[0].parent, 11u);
  EXPECT_THAT(routes.Below(11), ElementsAre(11, 101));
}

TEST(Routes, ChildNamesOneLess_ItIsGone) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0), EdgeOf(101, 10, 0), EdgeOf(102, 10, 0)}));
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0), EdgeOf(102, 10, 0)}));
  EXPECT_FALSE(routes.IsBelow(101));
  EXPECT_TRUE(routes.IsBelow(102));
}

TEST(Routes, RouterMoves_WhatIsBelowGoesAlong) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(12, 10, 1), EdgeOf(101, 12, 5), EdgeOf(102, 12, 6)}));
  Routes::Difference moved = routes.Compare(11, {EdgeOf(11, 1, 1), EdgeOf(12, 11, 2), EdgeOf(101, 12, 5)});
  routes.Apply(moved);
  EXPECT_EQ(routes.LinkOf(12), 11u);
  EXPECT_EQ(routes.LinkOf(101), 11u);
  EXPECT_THAT(moved.renewed, ElementsAre(11, 12, 101));
  // Its old parent is told of the router alone; the rest follows from that.
  ASSERT_EQ(moved.outdated.size(), 1u);
  EXPECT_EQ(moved.outdated[0].first, 10u);
  EXPECT_EQ(moved.outdated[0].second, EdgeOf(12, 11, 2));
}

TEST(Routes, ChildMovesBelowAnother_ItIsReleased) {
  Routes routes(1);
  routes.Apply(routes.Compare(101, {EdgeOf(101, 1, 1)}));
  Routes::Difference moved = routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 10, 2)});
  EXPECT_THAT(moved.released, ElementsAre(101));
  EXPECT_THAT(moved.left, IsEmpty()) << "it is still below";
  EXPECT_THAT(moved.removed, ElementsAre(Pair(101, 101)));
}

TEST(Routes, ParentKnowsAHigherEdge_AgentAndAllBelowItLeave) {
  Routes routes(10);
  routes.Apply(routes.Compare(12, {EdgeOf(12, 10, 1), EdgeOf(101, 12, 5), EdgeOf(102, 12, 6)}));
  routes.Apply(routes.Compare(103, {EdgeOf(103, 10, 1)}));
  EXPECT_TRUE(routes.Elsewhere({EdgeOf(12, 11, 0), EdgeOf(55, 11, 9)}).empty()) << "lower, and a stranger";
  Routes::Difference gone = routes.Elsewhere({EdgeOf(12, 11, 2)});
  EXPECT_THAT(gone.released, ElementsAre(12));
  EXPECT_THAT(gone.left, UnorderedElementsAre(12, 101, 102));
  EXPECT_TRUE(gone.news);
  routes.Apply(gone);
  EXPECT_FALSE(routes.IsBelow(101));
  EXPECT_TRUE(routes.HasLeft(101));
  EXPECT_TRUE(routes.IsBelow(103));
  // It does not come back by its old edge, but above the one it is told.
  ASSERT_EQ(routes.Compare(12, {EdgeOf(12, 10, 1)}).higher.size(), 1u);
  EXPECT_EQ(routes.Compare(12, {EdgeOf(12, 10, 1)}).higher[0], EdgeOf(12, 11, 2));
  EXPECT_TRUE(routes.Compare(12, {EdgeOf(12, 10, 3)}).higher.empty());
}

TEST(Routes, NodeStartsAnew_NothingIsNews) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1, 70), EdgeOf(101, 10, 1, 80)}));
  Routes::Difference restarted = routes.Compare(10, {EdgeOf(10, 1, 1, 70), EdgeOf(101, 10, 1, 81)});
  EXPECT_EQ(restarted.put.size(), 1u);
  EXPECT_FALSE(restarted.news);
  EXPECT_THAT(restarted.renewed, IsEmpty());
}

TEST(Routes, TwoEpochsReturnUnderTwoParents_TheNewerIsAClone) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 10, 5, 70)}));
  routes.Apply(routes.Compare(11, {EdgeOf(11, 1, 1), EdgeOf(101, 11, 6, 80)}));
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 10, 7, 70)}));
  EXPECT_EQ(routes.LinkOf(101), 10u) << "once may be a node that was rolled back";
  Routes::Difference returned = routes.Compare(11, {EdgeOf(11, 1, 1), EdgeOf(101, 11, 8, 80)});
  ASSERT_EQ(returned.higher.size(), 1u);
  EXPECT_EQ(returned.higher[0].clone, 80u);
  routes.Apply(returned);
  EXPECT_EQ(routes.LinkOf(101), 10u);
  EXPECT_EQ(routes.Compare(11, {EdgeOf(11, 1, 1), EdgeOf(101, 11, 9, 80)}).higher.size(), 1u) << "and again";
  EXPECT_TRUE(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 10, 10, 70)}).higher.empty());
  // The parent of the refused one is told, and lets it go.
  Routes below(11);
  below.Apply(below.Compare(101, {EdgeOf(101, 11, 8, 80)}));
  below.Apply(below.Elsewhere(returned.higher));
  EXPECT_FALSE(below.IsBelow(101));
  // What was meant for another attach of the agent changes nothing.
  Routes other(11);
  other.Apply(other.Compare(101, {EdgeOf(101, 11, 9, 70)}));
  EXPECT_TRUE(other.Elsewhere(returned.higher).empty());
}

TEST(Routes, CopyUnderAnotherParentOfANodeThatWasStartedMeanwhile_IsTheOneRefused) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 10, 5, 60)}));  // it runs in 70 by now, untold
  routes.Apply(routes.Compare(11, {EdgeOf(11, 1, 1), EdgeOf(101, 11, 6, 80)}));
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 10, 7, 70)}));
  Routes::Difference returned = routes.Compare(11, {EdgeOf(11, 1, 1), EdgeOf(101, 11, 8, 80)});
  ASSERT_EQ(returned.higher.size(), 1u);
  EXPECT_EQ(returned.higher[0].clone, 80u);
}

TEST(Routes, NodeThatMovesToAndFroAndIsStartedAtEach_IsNoClone) {
  Routes routes(1);
  for (uint64_t n = 0; n < 12; ++n) {
    AgentId parent = 10 + n % 3;
    Routes::Difference moved = routes.Compare(parent, {EdgeOf(parent, 1, 1), EdgeOf(101, parent, n + 1, 100 + n / 2)});
    EXPECT_TRUE(moved.higher.empty()) << n;
    routes.Apply(moved);
  }
}

TEST(Routes, TableThatIsNoTree_CountsAsFarAsItIsOne) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 1), EdgeOf(101, 102, 1), EdgeOf(102, 101, 1), EdgeOf(103, 10, 1),
                                   EdgeOf(104, 10, Routes::kAttachMax + 1)}));
  EXPECT_THAT(routes.Below(10), ElementsAre(10, 103));
}

TEST(Routes, MoreHaveLeftThanAreRemembered_TheyAreForgottenAndCounted) {
  Routes routes(1);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0)}));
  std::vector<wire::Edge> edges = {EdgeOf(10, 1, 0)};
  for (AgentId agent = 1'000; edges.size() <= Routes::kElsewhereMax; ++agent) edges.push_back(EdgeOf(agent, 10, 0));
  routes.Apply(routes.Compare(10, edges));
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0)}));
  EXPECT_TRUE(routes.HasLeft(1'000));
  EXPECT_EQ(routes.forgotten(), 0u);
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0), EdgeOf(900, 10, 0)}));
  routes.Apply(routes.Compare(10, {EdgeOf(10, 1, 0)}));
  EXPECT_FALSE(routes.HasLeft(1'000)) << "what comes late for it is a stranger's";
  EXPECT_EQ(routes.forgotten(), Routes::kElsewhereMax + 1);
  EXPECT_TRUE(routes.IsBelow(10));
}

TEST(CloneList, MoreEpochsThanAreKept_TheOldestIsForgottenAndSaidSo) {
  CloneList list;
  for (Epoch epoch = 1; epoch <= CloneList::kEpochsMax; ++epoch) EXPECT_TRUE(list.Add(42, epoch));
  EXPECT_TRUE(list.Add(42, 1)) << "it is known";
  EXPECT_FALSE(list.Add(42, 1'000));
  EXPECT_FALSE(list.Knows(42, {{1, 0}}));
  EXPECT_TRUE(list.Knows(42, {{2, 0}}));
  EXPECT_TRUE(list.Knows(42, {{1'000, 0}}));
}

}  // namespace
}  // namespace tidegate::sync
