#include "host/wire/codec.h"

#include <gtest/gtest.h>

#include "host/wire/sample_frames.h"

namespace tidegate::wire {
namespace {

using sample::Travelling;

template <typename T>
T RoundTrip(const T& body) {
  Result<DecodedFrame> decoded = Decode(Encode(0x1122334455667788u, body), {});
  EXPECT_TRUE(decoded.ok()) << (decoded.ok() ? "" : decoded.status().message());
  if (!decoded.ok()) return {};
  EXPECT_EQ(decoded->session, 0x1122334455667788u);
  return std::get<T>(decoded->body);
}

void ExpectEqual(const std::vector<LaneWatermark>& a, const std::vector<LaneWatermark>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].lane, b[i].lane);
    EXPECT_EQ(a[i].watermark, b[i].watermark);
  }
}

void ExpectEqual(const std::vector<Hold>& a, const std::vector<Hold>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(std::tie(a[i].model, a[i].reason, a[i].message, a[i].by),
              std::tie(b[i].model, b[i].reason, b[i].message, b[i].by));
    ExpectEqual(a[i].since, b[i].since);
  }
}

void ExpectEqual(const KeyRange& a, const KeyRange& b) {
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.has_to, b.has_to);
  EXPECT_EQ(a.to, b.to);
}

void ExpectEqual(const std::vector<KeyVersion>& a, const std::vector<KeyVersion>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(std::tie(a[i].pk, a[i].sk, a[i].version, a[i].kind, a[i].digest, a[i].model, a[i].missing),
              std::tie(b[i].pk, b[i].sk, b[i].version, b[i].kind, b[i].digest, b[i].model, b[i].missing));
  }
}

TEST(WireCodec, Hello_EveryFieldComesBack) {
  Hello sent = sample::FullHello();
  Hello got = RoundTrip(sent);
  EXPECT_EQ(got.protocol_min, sent.protocol_min);
  EXPECT_EQ(got.protocol_max, sent.protocol_max);
  EXPECT_EQ(got.agent, sent.agent);
  EXPECT_EQ(got.role, sent.role);
  EXPECT_EQ(got.level, sent.level);
  EXPECT_EQ(got.replica, sent.replica);
  ASSERT_EQ(got.epochs.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got.epochs[i].epoch, sent.epochs[i].epoch);
    EXPECT_EQ(got.epochs[i].first, sent.epochs[i].first);
  }
  EXPECT_EQ(got.edges, sent.edges);
  EXPECT_EQ(got.edges_number, sent.edges_number);
  ASSERT_EQ(got.models.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got.models[i].model, sent.models[i].model);
    EXPECT_EQ(got.models[i].direction, sent.models[i].direction);
    EXPECT_EQ(got.models[i].lane, sent.models[i].lane);
    EXPECT_EQ(got.models[i].schema_digest, sent.models[i].schema_digest);
    EXPECT_EQ(got.models[i].policy_id, sent.models[i].policy_id);
    EXPECT_EQ(got.models[i].policy_revision, sent.models[i].policy_revision);
  }
  ExpectEqual(got.holds, sent.holds);
  EXPECT_EQ(got.holds_number, sent.holds_number);
  EXPECT_EQ(got.unsettled, sent.unsettled);
  ExpectEqual(got.held, sent.held);
  ExpectEqual(got.delivered, sent.delivered);
  EXPECT_EQ(got.unix_ms, sent.unix_ms);
  EXPECT_EQ(got.restored, sent.restored);
  EXPECT_EQ(got.purge_horizon, sent.purge_horizon);
  EXPECT_EQ(got.attach_epoch, sent.attach_epoch);
  EXPECT_EQ(got.software, sent.software);
  EXPECT_EQ(
      std::tie(got.fall, got.confirmed_fall, got.rewound, got.newest_hlc, got.known_epoch, got.newest_epoch),
      std::tie(sent.fall, sent.confirmed_fall, sent.rewound, sent.newest_hlc, sent.known_epoch, sent.newest_epoch));
}

TEST(WireCodec, Refuse_EveryFieldComesBack) {
  Refuse got = RoundTrip(Refuse{RefuseReason::kClone, "an epoch returned", 99});
  EXPECT_EQ(got.reason, RefuseReason::kClone);
  EXPECT_EQ(got.message, "an epoch returned");
  EXPECT_EQ(got.unknown_type, 99u);
}

TEST(WireCodec, WordsForPeopleThatAreNotUtf8_ArriveReadable) {
  Refuse refuse = RoundTrip(Refuse{RefuseReason::kMalformed, "gr\xc3\xbcn \xff\xc3", 0});
  EXPECT_EQ(refuse.message, "gr\xc3\xbcn ??");
  Ack ack = sample::FullAck();
  ack.refused[0].reason = "\x80";
  EXPECT_EQ(RoundTrip(ack).refused[0].reason, "?");
  Hello hello;
  hello.software = "\xed\xa0\x80";
  EXPECT_EQ(RoundTrip(hello).software, "???");
}

TEST(WireCodec, HelloOfManyEpochs_CarriesTheNewest) {
  Hello hello;
  for (uint64_t i = 0; i < 20; ++i) hello.epochs.push_back({100 - i, 100 - i});
  Hello got = RoundTrip(hello);
  ASSERT_EQ(got.epochs.size(), 16u);
  EXPECT_EQ(got.epochs.front().epoch, 100u);
  EXPECT_EQ(got.epochs.back().epoch, 85u);
}

TEST(WireCodec, RefuseReasonOfALaterVersion_KeepsItsNumber) {
  Refuse got = RoundTrip(Refuse{static_cast<RefuseReason>(4711), "", 0});
  EXPECT_EQ(static_cast<uint32_t>(got.reason), 4711u);
  EXPECT_STREQ(RefuseReasonName(got.reason), "unknown");
  EXPECT_STREQ(RefuseReasonName(RefuseReason::kAgentInUse), "agent_in_use");
}

TEST(WireCodec, Batch_EveryFieldComesBack) {
  Batch sent = sample::FullBatch();
  Result<DecodedFrame> decoded = Decode(Encode(1, sent), {});
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  const Batch& got = std::get<Batch>(decoded->body);
  EXPECT_EQ(got.lane, sent.lane);
  EXPECT_EQ(got.before, sent.before);
  EXPECT_EQ(got.after, sent.after);
  EXPECT_EQ(got.begin, sent.begin);
  EXPECT_EQ(got.unsettled, sent.unsettled);
  EXPECT_EQ(got.hurry, sent.hurry);
  EXPECT_EQ(got.rewound, sent.rewound);
  EXPECT_EQ(Travelling(got.changes), Travelling(sent.changes));
}

TEST(WireCodec, Ack_EveryFieldComesBack) {
  Ack sent = sample::FullAck();
  Ack got = RoundTrip(sent);
  ASSERT_EQ(got.lanes.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got.lanes[i].lane, sent.lanes[i].lane);
    EXPECT_EQ(got.lanes[i].held, sent.lanes[i].held);
    EXPECT_EQ(got.lanes[i].delivered, sent.lanes[i].delivered);
    EXPECT_EQ(got.lanes[i].window_bytes, sent.lanes[i].window_bytes);
    EXPECT_EQ(got.lanes[i].begin, sent.lanes[i].begin);
  }
  ASSERT_EQ(got.refused.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const RefusedKey& a = got.refused[i];
    const RefusedKey& b = sent.refused[i];
    EXPECT_EQ(
        std::tie(a.model, a.owner, a.pk, a.sk, a.version, a.held, a.reason, a.by, a.held_kind, a.dropped, a.lost),
        std::tie(b.model, b.owner, b.pk, b.sk, b.version, b.held, b.reason, b.by, b.held_kind, b.dropped, b.lost));
  }
  ExpectEqual(got.holds, sent.holds);
  EXPECT_EQ(std::tie(got.holds_number, got.holds_recorded), std::tie(sent.holds_number, sent.holds_recorded));
  EXPECT_EQ(got.edges_number, sent.edges_number);
  EXPECT_EQ(got.answer_wanted, sent.answer_wanted);
  EXPECT_EQ(got.refused_number, sent.refused_number);
  EXPECT_EQ(got.refused_recorded, sent.refused_recorded);
  EXPECT_EQ(got.refused_last, sent.refused_last);
  EXPECT_EQ(std::tie(got.refused_from, got.refused_to), std::tie(sent.refused_from, sent.refused_to));
  EXPECT_EQ(got.unix_ms, sent.unix_ms);
  EXPECT_EQ(got.settled, sent.settled);
  EXPECT_EQ(got.sure_ask, sent.sure_ask);
  EXPECT_EQ(got.sure_answer, sent.sure_answer);
  EXPECT_EQ(got.never_sure, sent.never_sure);
}

TEST(WireCodec, Routes_EveryFieldComesBack) {
  Routes got = RoundTrip(Routes{sample::FullHello().edges, 17});
  EXPECT_EQ(got.edges, sample::FullHello().edges);
  EXPECT_EQ(got.number, 17u);
}

TEST(WireCodec, SyncAskAndDone_EveryFieldComesBack) {
  SyncAsk sent = sample::FullSyncAsk();
  SyncAsk got = RoundTrip(sent);
  EXPECT_EQ(std::tie(got.number, got.agent, got.subtree, got.push, got.pull, got.compare, got.timeout_ms, got.verify),
            std::tie(sent.number, sent.agent, sent.subtree, sent.push, sent.pull, sent.compare, sent.timeout_ms,
                     sent.verify));
  SyncDone done = RoundTrip(SyncDone{19, "why", {}, true});
  EXPECT_TRUE(done.timed_out);
  EXPECT_EQ(done.number, 19u);
  EXPECT_EQ(done.failure, "why");
  EXPECT_FALSE(done.report);
  EXPECT_EQ(RoundTrip(sample::FullSyncDone()).report, sample::FullSyncDone().report);
}

TEST(WireCodec, PlainBytes_AreThoseBeforeCompression) {
  Refuse refuse{RefuseReason::kClone, std::string(4'000, 'a'), 0};
  uint64_t plain = 0;
  std::string bytes = Encode(1, refuse, &plain);
  EXPECT_GT(plain, 4'000u);
  EXPECT_LT(bytes.size(), 200u);
  EXPECT_EQ(Decode(bytes, {})->plain_bytes, plain);
}

TEST(WireCodec, CompareAsk_EveryFieldComesBack) {
  CompareAsk sent = sample::FullAsk();
  CompareAsk got = RoundTrip(sent);
  EXPECT_EQ(std::tie(got.pass, got.ask, got.owner, got.direction_mask, got.model, got.cut, got.up_only, got.look,
                     got.prepare, got.slow, got.expired_ms),
            std::tie(sent.pass, sent.ask, sent.owner, sent.direction_mask, sent.model, sent.cut, sent.up_only,
                     sent.look, sent.prepare, sent.slow, sent.expired_ms));
  ASSERT_EQ(got.ranges.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    ExpectEqual(got.ranges[i].range, sent.ranges[i].range);
    EXPECT_EQ(got.ranges[i].count, sent.ranges[i].count);
    EXPECT_EQ(got.ranges[i].sum, sent.ranges[i].sum);
    EXPECT_EQ(got.ranges[i].listed, sent.ranges[i].listed);
    ExpectEqual(got.ranges[i].keys, sent.ranges[i].keys);
  }
}

TEST(WireCodec, CompareAnswer_EveryFieldComesBack) {
  CompareAnswer sent = sample::FullAnswer();
  Result<DecodedFrame> decoded = Decode(Encode(1, sent), {});
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  const CompareAnswer& got = std::get<CompareAnswer>(decoded->body);
  EXPECT_EQ(std::tie(got.pass, got.ask, got.owner, got.purge_horizon, got.sure, got.own),
            std::tie(sent.pass, sent.ask, sent.owner, sent.purge_horizon, sent.sure, sent.own));
  ASSERT_EQ(got.ranges.size(), sent.ranges.size());
  for (size_t i = 0; i < sent.ranges.size(); ++i) {
    const RangeAnswer& a = got.ranges[i];
    const RangeAnswer& b = sent.ranges[i];
    ExpectEqual(a.range, b.range);
    EXPECT_EQ(a.verdict, b.verdict);
    ASSERT_EQ(a.parts.size(), b.parts.size());
    for (size_t j = 0; j < a.parts.size(); ++j) {
      ExpectEqual(a.parts[j].range, b.parts[j].range);
      EXPECT_EQ(a.parts[j].count, b.parts[j].count);
      EXPECT_EQ(a.parts[j].sum, b.parts[j].sum);
    }
    EXPECT_EQ(Travelling(a.changes), Travelling(b.changes));
    ExpectEqual(a.wants, b.wants);
    ExpectEqual(a.removals, b.removals);
    EXPECT_EQ(a.has_rest, b.has_rest);
    EXPECT_EQ(a.rest, b.rest);
    EXPECT_EQ(a.later, b.later);
    ExpectEqual(a.lacks, b.lacks);
    EXPECT_EQ(a.dropped, b.dropped);
  }
}

TEST(WireCodec, EveryFrame_EncodesToTheSameBytesAgain) {
  for (const Body& body : sample::Bodies()) {
    std::string bytes = Encode(9, body);
    Result<DecodedFrame> decoded = Decode(bytes, {});
    ASSERT_TRUE(decoded.ok()) << body.index() << ": " << decoded.status().message();
    EXPECT_EQ(decoded->body.index(), body.index());
    EXPECT_EQ(Encode(9, decoded->body), bytes) << body.index();
  }
}

TEST(WireCodec, Changes_OutliveTheReceivedBytes) {
  DecodedFrame decoded;
  {
    std::string bytes = Encode(1, sample::FullBatch());
    decoded = std::move(Decode(bytes, {})).value();
    bytes.assign(bytes.size(), 'x');
    (void)Decode(Encode(1, sample::FullAnswer()), {});
  }
  EXPECT_EQ(Travelling(std::get<Batch>(decoded.body).changes), Travelling(sample::Changes()));
}

TEST(WireCodec, LargeBody_IsCompressed) {
  Batch batch;
  batch.changes.assign(500, sample::Change());
  std::string large = Encode(1, batch);
  EXPECT_EQ(large[0], 2);
  EXPECT_LT(large.size(), 1000u);
  EXPECT_EQ(Encode(1, Refuse{})[0], 1);
}

TEST(WireCodec, OneChange_ComesBackWithoutPlaceInABatch) {
  for (const tg_change& change : sample::Changes()) {
    Result<DecodedChange> decoded = DecodeChange(EncodeChange(change));
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(Travelling(decoded->change), Travelling(change));
    EXPECT_EQ(decoded->change.struct_size, sizeof(tg_change));
    EXPECT_EQ(decoded->change.seq, 0u);
    EXPECT_EQ(decoded->change.run_last, 0u);
  }
}

TEST(WireCodec, OneChangeDamaged_IsCorrupt) {
  std::string bytes = EncodeChange(sample::Change());
  EXPECT_EQ(DecodeChange("").status().code(), Code::kCorrupt);
  EXPECT_EQ(DecodeChange(bytes.substr(0, bytes.size() - 1)).status().code(), Code::kCorrupt);
  EXPECT_EQ(DecodeChange(bytes + bytes).status().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace tidegate::wire
