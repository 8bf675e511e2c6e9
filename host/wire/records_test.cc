#include "host/wire/records.h"

#include <gtest/gtest.h>

#include "host/wire/codec.h"
#include "host/wire/sample_frames.h"
#include "state.pb.h"

namespace tidegate::wire {
namespace {

NodeRecord Node() {
  return {kAgentMax,     TG_ROLE_ROUTER, 12, 99,  100, 7,   1,         12, true, UINT64_MAX, true, UINT64_MAX - 1,
          1262307600000, UINT64_MAX - 2, 77, 101, 102, 103, "a doubt", 9};
}
LinkRecord Link() {
  return {9,
          true,
          TG_ROLE_SERVER,
          1,
          sample::Replica(3),
          {{UINT64_MAX, 4}, {5, 0}},
          6,
          1262307600000,
          -1,
          true,
          1262307600001,
          {UINT64_MAX, 3},
          {4, UINT64_MAX},
          103,
          UINT64_MAX - 5};
}
ScopeRecord Scopes() { return {sample::FullHello().unsettled}; }
QuarantineRecord Quarantine() {
  return {9, "maybe_deleted", 1262307600000, EncodeChange(sample::Change()), true, 23, 12};
}
ConflictRecord Conflict() { return {9, "newer", -5, {1, 2, 3}, EncodeChange(sample::Change())}; }
Edge SomeEdge() { return sample::FullHello().edges[1]; }

TEST(WireRecords, Node_ComesBack) {
  NodeRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(Node()), &got).ok());
  EXPECT_EQ(std::tie(got.agent, got.role, got.level, got.mark_number, got.edges_number, got.attach_epoch,
                     got.attach_parent, got.level_set, got.links_off),
            std::make_tuple(kAgentMax, TG_ROLE_ROUTER, 12u, 99u, 100u, uint64_t{7}, AgentId{1}, 12u, true));
  NodeRecord sent = Node();
  EXPECT_EQ(std::tie(got.fall, got.rewound, got.rewind_epoch, got.restored_unix_ms, got.confirmed_fall,
                     got.renewed_from, got.purge_horizon, got.taken_horizon, got.doubts, got.doubt),
            std::tie(sent.fall, sent.rewound, sent.rewind_epoch, sent.restored_unix_ms, sent.confirmed_fall,
                     sent.renewed_from, sent.purge_horizon, sent.taken_horizon, sent.doubts, sent.doubt));
}

TEST(WireRecords, Link_ComesBack) {
  LinkRecord got;
  LinkRecord sent = Link();
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_EQ(
      std::tie(got.agent, got.is_parent, got.role, got.level, got.replica, got.attach_epoch, got.last_hello_unix_ms,
               got.lease_until_unix_ms, got.off, got.heard_unix_ms, got.rewound_hlc, got.doubted_position),
      std::tie(sent.agent, sent.is_parent, sent.role, sent.level, sent.replica, sent.attach_epoch,
               sent.last_hello_unix_ms, sent.lease_until_unix_ms, sent.off, sent.heard_unix_ms, sent.rewound_hlc,
               sent.doubted_position));
  ASSERT_EQ(got.epochs.size(), 2u);
  EXPECT_EQ(got.epochs[0].epoch, UINT64_MAX);
  EXPECT_EQ(got.epochs[0].first, 4u);
  EXPECT_EQ(got.lineage, sent.lineage);
}

TEST(WireRecords, Verify_ComesBack) {
  const VerifyRecord sent{true, 1, 2, 3, "one", sample::FullSyncDone().report, true, true, 42, 2, "two", 4, 5};
  VerifyRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_EQ(
      std::tie(got.known, got.our_doubts, got.their_doubts, got.doubts, got.doubt, got.last, got.under_way,
               got.has_after, got.after, got.cause, got.reason, got.our_doubts_begun, got.their_doubts_begun),
      std::tie(sent.known, sent.our_doubts, sent.their_doubts, sent.doubts, sent.doubt, sent.last, sent.under_way,
               sent.has_after, sent.after, sent.cause, sent.reason, sent.our_doubts_begun, sent.their_doubts_begun));
  ASSERT_TRUE(DecodeRecord(EncodeRecord(VerifyRecord{}), &got).ok());
  EXPECT_FALSE(got.last.has_value());
}

TEST(WireRecords, Gone_ComesBack) {
  const GoneRecord sent{9, 2, 42, "p", "s", {1, 2, 3}, {UINT64_MAX, 2, 4}, -5, "Config", GoneBelow::kDeleted};
  GoneRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_EQ(std::tie(got.agent, got.lane, got.owner, got.pk, got.sk, got.from, got.to, got.since_unix_ms, got.model,
                     got.below),
            std::tie(sent.agent, sent.lane, sent.owner, sent.pk, sent.sk, sent.from, sent.to, sent.since_unix_ms,
                     sent.model, sent.below));
}

TEST(WireRecords, Link_KeepsAThousandEpochs) {
  LinkRecord sent = Link();
  sent.epochs.assign(1024, {1, 2});
  LinkRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_EQ(got.epochs.size(), 1024u);
}

TEST(WireRecords, Ages_ComeBack) {
  AgeRecord sent{{{-5, 0}, {1262307600000, UINT64_MAX}}};
  AgeRecord got{{{1, 1}}};
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_EQ(got.marks, sent.marks);
  EXPECT_FALSE(DecodeRecord(EncodeRecord(Scopes()), &got).ok());
}

TEST(WireRecords, Scopes_ComeBack) {
  ScopeRecord got{{Scope{}}};
  ASSERT_TRUE(DecodeRecord(EncodeRecord(Scopes()), &got).ok());
  EXPECT_EQ(got.scopes, Scopes().scopes);
}

TEST(WireRecords, Policies_ComeBack) {
  PolicyRecord sent{
      {{"Reading", TG_DIRECTION_UP, 0, false, 0}, {"Note", TG_DIRECTION_BOTH, 17, true, 1ull << 60, 1ull << 59}}};
  PolicyRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_EQ(got.policies, sent.policies);
  sent.policies[0].direction = 4;
  EXPECT_FALSE(DecodeRecord(EncodeRecord(sent), &got).ok());
  EXPECT_FALSE(DecodeRecord(EncodeRecord(Scopes()), &got).ok());
}

TEST(WireRecords, Conflict_ComesBackWithItsChange) {
  ConflictRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(Conflict()), &got).ok());
  EXPECT_EQ(got.link, 9u);
  EXPECT_EQ(got.reason, "newer");
  EXPECT_EQ(got.since_unix_ms, -5);
  EXPECT_EQ(got.winner, (Version{1, 2, 3}));
  Result<DecodedChange> change = DecodeChange(got.change);
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(sample::Travelling(change->change), sample::Travelling(sample::Change()));
}

TEST(WireRecords, Quarantine_ComesBackWithItsChange) {
  QuarantineRecord got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(Quarantine()), &got).ok());
  EXPECT_EQ(got.link, 9u);
  EXPECT_EQ(got.reason, "maybe_deleted");
  EXPECT_EQ(got.since_unix_ms, 1262307600000);
  EXPECT_TRUE(got.ours);
  EXPECT_EQ(got.run, 23u);
  EXPECT_EQ(got.by, 12u);
  ASSERT_TRUE(DecodeRecord(EncodeRecord(QuarantineRecord{9, "\xff", 0, {}, false, 0}), &got).ok());
  EXPECT_EQ(got.reason, "?");
  got = Quarantine();
  Result<DecodedChange> change = DecodeChange(got.change);
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(sample::Travelling(change->change), sample::Travelling(sample::Change()));
}

TEST(WireRecords, Holds_ComeBack) {
  HoldRecord hold{sample::FullHello().holds[0], 17}, got;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(hold), &got).ok());
  EXPECT_EQ(got.since_unix_ms, 17);
  EXPECT_EQ(std::tie(got.hold.model, got.hold.reason, got.hold.message, got.hold.by),
            std::tie(hold.hold.model, hold.hold.reason, hold.hold.message, hold.hold.by));
  ASSERT_EQ(got.hold.since.size(), 1u);
  EXPECT_EQ(got.hold.since[0].watermark, hold.hold.since[0].watermark);

  HeldRecord held{sample::FullHello().holds[1], 18, true, {{2, 5, SeqRange::kOpen}, {1, 0, 7}}, 99}, there;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(held), &there).ok());
  EXPECT_EQ(std::tie(there.released, there.ranges, there.last), std::tie(held.released, held.ranges, held.last));
  EXPECT_EQ(there.hold.by, 10u);

  TableRecord table{sample::FullHello().models}, declared;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(table), &declared).ok());
  ASSERT_EQ(declared.models.size(), 2u);
  EXPECT_EQ(declared.models[0].direction, TG_DIRECTION_UP);
}

TEST(WireRecords, EdgeAndWatermark_ComeBack) {
  Edge edge;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(SomeEdge()), &edge).ok());
  EXPECT_EQ(edge, SomeEdge());
  Watermark watermark;
  ASSERT_TRUE(DecodeRecord(EncodeRecord(sample::At(17)), &watermark).ok());
  EXPECT_EQ(watermark, sample::At(17));
  ASSERT_TRUE(DecodeRecord(EncodeRecord(Watermark{}), &watermark).ok());
  EXPECT_EQ(watermark, Watermark{});
}

// Every bit of the record flipped, every cut, and a record of another kind.
template <typename Record>
void ExpectCorruptWhenDamaged(const Record& record, const std::string& other_kind) {
  const std::string good = EncodeRecord(record);
  Record out;
  ASSERT_TRUE(DecodeRecord(good, &out).ok());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(DecodeRecord(bad, &out).code(), Code::kCorrupt) << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeRecord(good.substr(0, size), &out).code(), Code::kCorrupt) << size;
  }
  EXPECT_EQ(DecodeRecord(other_kind, &out).code(), Code::kCorrupt);
}

TEST(WireRecords, Damaged_IsCorrupt) {
  ExpectCorruptWhenDamaged(Node(), EncodeRecord(Link()));
  ExpectCorruptWhenDamaged(Link(), EncodeRecord(Node()));
  ExpectCorruptWhenDamaged(Scopes(), EncodeRecord(Node()));
  ExpectCorruptWhenDamaged(Quarantine(), EncodeRecord(Node()));
  ExpectCorruptWhenDamaged(Conflict(), EncodeRecord(Quarantine()));
  ExpectCorruptWhenDamaged(GoneRecord{9, 2, 42, "p", "s", {1, 2, 3}, {4, 2, 4}, 5}, EncodeRecord(Node()));
  ExpectCorruptWhenDamaged(SomeEdge(), EncodeRecord(sample::At(3)));
  ExpectCorruptWhenDamaged(sample::At(3), EncodeRecord(SomeEdge()));
}

// A record as written by a later version or a broken program: sealed well, around any message.
std::string Sealed(char kind, const std::string& message) {
  uint32_t hash = 2166136261u;
  for (char byte : message) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619u;
  std::string bytes(1, kind);
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(hash >> (8 * i));
  return bytes + message;
}

TEST(WireRecords, FieldsOfALaterVersion_AreIgnored) {
  v1::NodeState message;
  message.set_agent(7);
  NodeRecord got;
  ASSERT_TRUE(DecodeRecord(Sealed(1, message.SerializeAsString() + "\xa2\x06\x02hi"), &got).ok());
  EXPECT_EQ(got.agent, 7u);
}

TEST(WireRecords, ValueOutOfRange_IsCorruptAndLeavesTheRecordAlone) {
  v1::NodeState message;
  message.set_agent(kAgentMax + 1);
  NodeRecord got = Node();
  EXPECT_EQ(DecodeRecord(Sealed(1, message.SerializeAsString()), &got).code(), Code::kCorrupt);
  EXPECT_EQ(got.agent, kAgentMax);
  v1::LinkState link;
  link.set_replica("short");
  LinkRecord link_record;
  EXPECT_EQ(DecodeRecord(Sealed(2, link.SerializeAsString()), &link_record).code(), Code::kCorrupt);
}

}  // namespace
}  // namespace tidegate::wire
