// What a node keeps in lists: refused, held, lost, in conflict, gone.
#include "host/wire/convert.h"
#include "host/wire/records.h"
#include "host/wire/seal.h"
#include "host/wire/utf8.h"
#include "state.pb.h"

namespace tidegate::wire {

using seal::Corrupt;
using seal::Kind;
using seal::Open;
using seal::Seal;

std::string EncodeRecord(const QuarantineRecord& record) {
  pb::QuarantineState message;
  message.set_link(record.link);
  message.set_reason(Readable(record.reason));
  message.set_since_unix_ms(record.since_unix_ms);
  message.set_change(record.change);
  message.set_ours(record.ours);
  message.set_run(record.run);
  message.set_by(record.by);
  message.set_held(record.held);
  return Seal(Kind::kQuarantine, message);
}

Status DecodeRecord(std::string_view bytes, QuarantineRecord* record) {
  pb::QuarantineState message;
  TG_RETURN_IF_ERROR(Open(Kind::kQuarantine, "quarantine", bytes, &message));
  QuarantineRecord out;
  out.reason = message.reason();
  out.since_unix_ms = message.since_unix_ms();
  out.change = message.change();
  out.ours = message.ours();
  out.run = message.run();
  out.held = message.held();
  TG_RETURN_IF_ERROR(Corrupt("quarantine", TakeAgent("link", message.link(), &out.link)));
  TG_RETURN_IF_ERROR(Corrupt("quarantine", TakeAgent("by", message.by(), &out.by)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const HoldRecord& record) {
  pb::HoldState message;
  Put(record.hold, message.mutable_hold());
  message.set_since_unix_ms(record.since_unix_ms);
  return Seal(Kind::kHold, message);
}

Status DecodeRecord(std::string_view bytes, HoldRecord* record) {
  pb::HoldState message;
  TG_RETURN_IF_ERROR(Open(Kind::kHold, "hold", bytes, &message));
  HoldRecord out;
  out.since_unix_ms = message.since_unix_ms();
  TG_RETURN_IF_ERROR(Corrupt("hold", Take(message.hold(), &out.hold)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const HeldRecord& record) {
  pb::HeldState message;
  Put(record.hold, message.mutable_hold());
  message.set_since_unix_ms(record.since_unix_ms);
  message.set_released(record.released);
  for (const SeqRange& range : record.ranges) {
    pb::SeqRange* to = message.add_ranges();
    to->set_lane(range.lane);
    to->set_from(range.from);
    to->set_to(range.to);
  }
  message.set_last(record.last);
  return Seal(Kind::kHeld, message);
}

Status DecodeRecord(std::string_view bytes, HeldRecord* record) {
  pb::HeldState message;
  TG_RETURN_IF_ERROR(Open(Kind::kHeld, "held", bytes, &message));
  HeldRecord out;
  out.since_unix_ms = message.since_unix_ms();
  out.released = message.released();
  out.last = message.last();
  for (const pb::SeqRange& range : message.ranges()) {
    SeqRange& to = out.ranges.emplace_back();
    to.from = range.from();
    to.to = range.to();
    TG_RETURN_IF_ERROR(Corrupt("held", TakeLane(range.lane(), &to.lane)));
  }
  TG_RETURN_IF_ERROR(Corrupt("held", Take(message.hold(), &out.hold)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const LostRecord& record) {
  pb::LostState message;
  message.set_model(record.model);
  message.set_owner(record.owner);
  message.set_reason(Readable(record.reason));
  message.set_items(record.items);
  message.set_bytes(record.bytes);
  Put(record.first, message.mutable_first());
  Put(record.last, message.mutable_last());
  message.set_since_unix_ms(record.since_unix_ms);
  message.set_told(record.told);
  message.set_lane(record.lane);
  message.set_position(record.position);
  return Seal(Kind::kLost, message);
}

Status DecodeRecord(std::string_view bytes, LostRecord* record) {
  pb::LostState message;
  TG_RETURN_IF_ERROR(Open(Kind::kLost, "lost", bytes, &message));
  LostRecord out;
  out.model = message.model();
  out.reason = message.reason();
  out.items = message.items();
  out.bytes = message.bytes();
  out.since_unix_ms = message.since_unix_ms();
  out.told = message.told();
  out.position = message.position();
  TG_RETURN_IF_ERROR(Corrupt("lost", TakeLane(message.lane(), &out.lane)));
  TG_RETURN_IF_ERROR(Corrupt("lost", TakeAgent("owner", message.owner(), &out.owner)));
  TG_RETURN_IF_ERROR(Corrupt("lost", Take(message.first(), &out.first)));
  TG_RETURN_IF_ERROR(Corrupt("lost", Take(message.last(), &out.last)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const ConflictRecord& record) {
  pb::ConflictState message;
  message.set_link(record.link);
  message.set_reason(Readable(record.reason));
  message.set_since_unix_ms(record.since_unix_ms);
  Put(record.winner, message.mutable_winner());
  message.set_change(record.change);
  return Seal(Kind::kConflict, message);
}

Status DecodeRecord(std::string_view bytes, ConflictRecord* record) {
  pb::ConflictState message;
  TG_RETURN_IF_ERROR(Open(Kind::kConflict, "conflict", bytes, &message));
  ConflictRecord out;
  out.reason = message.reason();
  out.since_unix_ms = message.since_unix_ms();
  out.change = message.change();
  TG_RETURN_IF_ERROR(Corrupt("conflict", TakeAgent("link", message.link(), &out.link)));
  TG_RETURN_IF_ERROR(Corrupt("conflict", Take(message.winner(), &out.winner)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const GoneRecord& record) {
  pb::GoneState message;
  message.set_agent(record.agent);
  message.set_lane(record.lane);
  message.set_owner(record.owner);
  message.set_pk(record.pk);
  message.set_sk(record.sk);
  Put(record.from, message.mutable_from());
  Put(record.to, message.mutable_to());
  message.set_since_unix_ms(record.since_unix_ms);
  message.set_model(record.model);
  message.set_below(static_cast<uint32_t>(record.below));
  return Seal(Kind::kGone, message);
}

Status DecodeRecord(std::string_view bytes, GoneRecord* record) {
  pb::GoneState message;
  TG_RETURN_IF_ERROR(Open(Kind::kGone, "loss", bytes, &message));
  GoneRecord out;
  out.model = message.model();
  out.pk = message.pk();
  out.sk = message.sk();
  out.since_unix_ms = message.since_unix_ms();
  TG_RETURN_IF_ERROR(Corrupt("loss", TakeAgent("agent", message.agent(), &out.agent)));
  TG_RETURN_IF_ERROR(Corrupt("loss", TakeAgent("owner", message.owner(), &out.owner)));
  TG_RETURN_IF_ERROR(Corrupt("loss", TakeLane(message.lane(), &out.lane)));
  TG_RETURN_IF_ERROR(Corrupt("loss", Take(message.from(), &out.from)));
  TG_RETURN_IF_ERROR(Corrupt("loss", Take(message.to(), &out.to)));
  if (message.below() <= static_cast<uint32_t>(GoneBelow::kDeleted))
    out.below = static_cast<GoneBelow>(message.below());  // of a later version: it is told as one that is only below
  *record = std::move(out);
  return {};
}

}  // namespace tidegate::wire
