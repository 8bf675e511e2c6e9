// Frames with every field set, and comparison of changes, for the tests of this room.
// Thread safety: pure functions. Ownership: the changes point to literals.
#pragma once

#include <string>
#include <tuple>

#include "host/base/views.h"
#include "host/wire/frames.h"

namespace tidegate::wire::sample {

inline ReplicaId Replica(uint8_t first) {
  ReplicaId id;
  for (size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
  return id;
}

inline Watermark At(uint64_t position) {
  return {Replica(0x10), 0xfedcba9876543210u, position, {1262307600000u << 16, 7, 0xfedcba9876543210u}};
}

inline tg_change Change() {
  tg_change c{};
  c.struct_size = sizeof(tg_change);
  c.kind = TG_CHANGE_ITEM;
  c.direction = TG_DIRECTION_UP;
  c.lane = TG_LANE_HISTORY;
  c.model = Str("Reading");
  c.key = {7, Str("station#KSEA"), Str("reading#01")};
  c.src = 7;
  c.dst = 1;
  c.version = {1262307600000u << 16, 7, 0xfedcba9876543210u};
  c.body = Bytes("{\"wind\":3.8}");
  return c;
}

// Changes that differ in every field which travels; the second to the fourth are one transaction.
inline std::vector<tg_change> Changes() {
  std::vector<tg_change> changes(5, Change());
  changes[0].seq = changes[0].run_first = changes[0].run_last = 40;
  for (size_t i = 1; i < 4; ++i) {
    changes[i].seq = 40 + i;
    changes[i].run_first = 41;
    changes[i].run_last = 43;
    changes[i].version.hlc += i;
  }
  changes[1].kind = TG_CHANGE_TOMBSTONE;
  changes[1].body = {};
  changes[1].key.sk = Str("reading#02");
  changes[2].model = Str("Status");
  changes[2].direction = TG_DIRECTION_BOTH;
  changes[2].lane = TG_LANE_URGENT;
  changes[2].key = {9, Str("status#"), {}};
  changes[2].src = 1;
  changes[2].dst = 9;
  changes[2].expires_ms = 1262307600123;
  changes[2].policy_meta = Bytes("{\"stamps\":{}}");
  changes[3].version = {5, kAgentMax, UINT64_MAX};  // the clock goes back
  changes[3].kind = TG_CHANGE_EVICT;
  changes[3].body = {};
  changes[4].key = {0, {}, Str("gr\xc3\xbc\xc3\x9f#\xf0\x9f\x8c\x8a")};
  changes[4].src = 1;
  changes[4].dst = 0;
  changes[4].lane = TG_LANE_BULK;
  changes[4].direction = TG_DIRECTION_NONE;
  changes[4].version = {UINT64_MAX, 1, 0};
  changes[4].extra = Bytes("\x82\x06\x03xyz\x88\x06\x2a");  // fields 96 and 97
  changes[4].seq = changes[4].run_first = changes[4].run_last = 44;
  return changes;
}

inline Hello FullHello() {
  Hello h;
  h.protocol_max = 3;
  h.agent = kAgentMax;
  h.role = TG_ROLE_ROUTER;
  h.level = 12;
  h.replica = Replica(0xa0);
  h.epochs = {{UINT64_MAX, 900}, {3, 0}};
  h.edges = {{7, 12, 4, 5, TG_ROLE_DEVICE, false}, {9, 12, 6, UINT64_MAX, TG_ROLE_DEVICE, true, 8}};
  h.edges_number = 17;
  h.models = {{"Reading", TG_DIRECTION_UP, TG_LANE_HISTORY, 0x1234567890abcdefu, "field-merge", 2}, ModelPolicy()};
  h.holds = {{"Alarm", HoldReason::kSchema, "not known", 0, {{TG_LANE_URGENT, At(7)}}},
             {"Config", HoldReason::kQuota, "full", 10, {}}};
  h.holds_number = 3;
  h.unsettled = {{"", true, 0, 3}, {"Status", false, 9, 4}};
  h.held = {{TG_LANE_URGENT, At(1)}, {TG_LANE_BULK, At(UINT64_MAX)}};
  h.delivered = {{TG_LANE_STATE, At(2)}, {TG_LANE_HISTORY, {}}};
  h.unix_ms = -5;
  h.restored = true;
  h.attach_epoch = 77;
  h.software = "tidegate 0.1.0";
  h.fall = UINT64_MAX - 2;
  h.confirmed_fall = UINT64_MAX - 6;
  h.rewind_epoch = UINT64_MAX - 11;
  h.rewound = true;
  h.newest_hlc = UINT64_MAX - 3;
  h.known_epoch = UINT64_MAX - 4;
  h.newest_epoch = UINT64_MAX - 5;
  h.purge_horizon = UINT64_MAX - 1;
  return h;
}

inline Batch FullBatch() { return {TG_LANE_HISTORY, At(39), At(44), Changes(), 2, true, true, false, nullptr}; }

inline Ack FullAck() {
  Ack a;
  a.lanes = {{TG_LANE_STATE, At(4), At(3), 1 << 20, 2}, {TG_LANE_BULK, {}, {}, 0, 0}};
  a.refused = {{"Status", 9, "status#", "", {8, 9, 10}, {11, 12, 13}, "", 0, TG_CHANGE_TOMBSTONE, true},
               {"Reading", 7, "p", "s", {1, 2, 3}, {}, "why", 11}};
  a.holds = {{"Alarm", HoldReason::kQuota, "full", 0, {{TG_LANE_URGENT, At(7)}}}};
  a.holds_number = 4;
  a.holds_recorded = 2;
  a.edges_number = 17;
  a.answer_wanted = true;
  a.refused_number = 19;
  a.refused_recorded = 21;
  a.refused_last = 22;
  a.refused_from = 23;
  a.refused_to = 24;
  a.unix_ms = -7;
  a.settled = true;
  a.sure_ask = 22;
  a.sure_answer = 23;
  a.never_sure = true;
  return a;
}

inline SyncAsk FullSyncAsk() { return {19, kAgentMax, true, true, true, true, 60'000, 2}; }

inline SyncDone FullSyncDone() {
  CompareReport report{{{"Reading", 1, 2, 3, 4}, {"Status", 5, 6, 7, 8}},
                       9,
                       10,
                       11,
                       12,
                       13,
                       14,
                       UINT64_MAX,
                       2,
                       "it was not stopped in order",
                       -15};
  return {19, "no way to agent 9", report};
}

inline CompareAsk FullAsk() {
  KeyRange all{{"a", "b"}, true, {"c", ""}};
  KeyVersion key{"p", "s", {1, 2, 3}, TG_CHANGE_TOMBSTONE, UINT64_MAX, "Reading", true};
  CompareAsk ask{5,        6,
                 9,        TG_DIRECTION_DOWN,
                 "Status", {{all, 3, UINT64_MAX, false, {}}, {{}, 1, 2, true, {key, key}}},
                 99,       1'700'000'000'000,
                 true,     true,
                 true,     true,
                 true};
  return ask;
}

inline CompareAnswer FullAnswer() {
  KeyRange range{{"a", "b"}, true, {"", ""}};
  KeyVersion key{"p", "s", {1, 2, 3}, TG_CHANGE_ITEM, 0, "", false};
  CompareAnswer a{5, 6, 9, {}, 98, true, true};
  a.ranges.resize(4);
  a.ranges[1] = {range, RangeVerdict::kSplit, {{range, 2, 3}, {{}, 4, UINT64_MAX}}, {}, {}, {}, false, {}, false, {},
                 0};
  a.ranges[2] = {range, RangeVerdict::kResolved, {}, Changes(), {key}, {key, key}, true, {"m", "n"}, true, {key}, 77};
  a.ranges[3] = {{}, RangeVerdict::kLater, {}, {Change()}, {}, {}, false, {}, false, {}, 0};
  return a;
}

inline std::vector<Body> Bodies() {
  return {Hello{},         FullHello(),
          Refuse{},        Refuse{RefuseReason::kUnknownType, "frame type 99 is unknown: update this node", 99},
          Batch{},         FullBatch(),
          Ack{},           FullAck(),
          Routes{},        Routes{FullHello().edges, 17},
          SyncAsk{},       FullSyncAsk(),
          SyncDone{},      FullSyncDone(),
          CompareAsk{},    FullAsk(),
          CompareAnswer{}, FullAnswer()};
}

// What travels of a change, comparable; seq and run are compared by the tests of runs.
inline auto Travelling(const tg_change& c) {
  return std::make_tuple(c.kind, c.direction, c.lane, std::string(View(c.model)), c.key.owner,
                         std::string(View(c.key.pk)), std::string(View(c.key.sk)), c.src, c.dst, c.version.hlc,
                         c.version.agent, c.version.epoch, c.expires_ms, std::string(View(c.body)),
                         std::string(View(c.policy_meta)), std::string(View(c.extra)));
}

inline auto Travelling(const std::vector<tg_change>& changes) {
  std::vector<decltype(Travelling(tg_change{}))> all;
  for (const tg_change& change : changes) all.push_back(Travelling(change));
  return all;
}

}  // namespace tidegate::wire::sample
