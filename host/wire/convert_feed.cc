#include "host/wire/change_list.h"
#include "host/wire/convert.h"
#include "host/wire/utf8.h"

namespace tidegate::wire {
namespace {

void Put(const RefusedKey& from, pb::RefusedKey* to) {
  to->set_model(from.model);
  to->set_owner(from.owner);
  to->set_pk(from.pk);
  to->set_sk(from.sk);
  wire::Put(from.version, to->mutable_version());
  if (!from.held.none()) wire::Put(from.held, to->mutable_held());
  to->set_reason(Readable(from.reason));
  to->set_by(from.by);
  to->set_held_kind(from.held_kind);
  to->set_dropped(from.dropped);
  to->set_lost(Readable(from.lost));
}

Status Take(const pb::RefusedKey& from, RefusedKey* to) {
  to->model = from.model();
  to->pk = from.pk();
  to->sk = from.sk();
  to->reason = from.reason();
  to->dropped = from.dropped();
  to->lost = from.lost();
  TG_RETURN_IF_ERROR(TakeKind(from.held_kind(), &to->held_kind));
  TG_RETURN_IF_ERROR(TakeAgent("owner of a refused key", from.owner(), &to->owner));
  TG_RETURN_IF_ERROR(TakeAgent("refuser of a key", from.by(), &to->by));
  TG_RETURN_IF_ERROR(wire::Take(from.version(), &to->version));
  return wire::Take(from.held(), &to->held);
}

void Put(const LaneAck& from, pb::LaneAck* to) {
  to->set_lane(from.lane);
  wire::Put(from.held, to->mutable_held());
  wire::Put(from.delivered, to->mutable_delivered());
  to->set_window_bytes(from.window_bytes);
  to->set_begin(from.begin);
  to->set_rejected(from.rejected);
}

Status Take(const pb::LaneAck& from, LaneAck* to) {
  to->window_bytes = from.window_bytes();
  to->begin = from.begin();
  to->rejected = from.rejected();
  TG_RETURN_IF_ERROR(TakeLane(from.lane(), &to->lane));
  TG_RETURN_IF_ERROR(wire::Take(from.held(), &to->held));
  return wire::Take(from.delivered(), &to->delivered);
}

}  // namespace

void Put(const Batch& from, pb::Batch* to) {
  to->set_lane(from.lane);
  Put(from.before, to->mutable_before());
  Put(from.after, to->mutable_after());
  if (from.encoded != nullptr) {
    to->set_changes(*from.encoded);
  } else if (!from.changes.empty()) {
    to->set_changes(EncodeChangeList(from.changes));
  }
  to->set_begin(from.begin);
  to->set_unsettled(from.unsettled);
  to->set_hurry(from.hurry);
  to->set_rewound(from.rewound);
}

Status Take(const pb::Batch& from, ChangeSink* sink, Batch* to) {
  to->begin = from.begin();
  to->unsettled = from.unsettled();
  to->hurry = from.hurry();
  to->rewound = from.rewound();
  TG_RETURN_IF_ERROR(TakeLane(from.lane(), &to->lane));
  TG_RETURN_IF_ERROR(Take(from.before(), &to->before));
  TG_RETURN_IF_ERROR(Take(from.after(), &to->after));
  return sink->Take(from.changes(), &to->changes);
}

void Put(const Ack& from, pb::Ack* to) {
  for (const LaneAck& lane : from.lanes) Put(lane, to->add_lanes());
  for (const RefusedKey& refused : from.refused) Put(refused, to->add_refused());
  PutAll(from.holds, to->mutable_holds());
  to->set_holds_number(from.holds_number);
  to->set_holds_recorded(from.holds_recorded);
  to->set_edges_number(from.edges_number);
  to->set_answer_wanted(from.answer_wanted);
  to->set_refused_number(from.refused_number);
  to->set_refused_recorded(from.refused_recorded);
  to->set_refused_last(from.refused_last);
  to->set_refused_from(from.refused_from);
  to->set_refused_to(from.refused_to);
  to->set_unix_ms(from.unix_ms);
  to->set_settled(from.settled);
  to->set_sure_ask(from.sure_ask);
  to->set_sure_answer(from.sure_answer);
  to->set_never_sure(from.never_sure);
  to->set_doubts(from.doubts);
}

Status Take(const pb::Ack& from, Ack* to) {
  for (const pb::LaneAck& lane : from.lanes()) TG_RETURN_IF_ERROR(Take(lane, &to->lanes.emplace_back()));
  for (const pb::RefusedKey& key : from.refused()) TG_RETURN_IF_ERROR(Take(key, &to->refused.emplace_back()));
  to->holds_number = from.holds_number();
  to->holds_recorded = from.holds_recorded();
  to->edges_number = from.edges_number();
  to->answer_wanted = from.answer_wanted();
  to->refused_number = from.refused_number();
  to->refused_recorded = from.refused_recorded();
  to->refused_last = from.refused_last();
  to->refused_from = from.refused_from();
  to->refused_to = from.refused_to();
  to->unix_ms = from.unix_ms();
  to->settled = from.settled();
  to->sure_ask = from.sure_ask();
  to->sure_answer = from.sure_answer();
  to->never_sure = from.never_sure();
  to->doubts = from.doubts();
  return TakeAll(from.holds(), &to->holds);
}

void Put(const Routes& from, pb::Routes* to) {
  PutAll(from.edges, to->mutable_edges());
  to->set_number(from.number);
}

Status Take(const pb::Routes& from, Routes* to) {
  to->number = from.number();
  return TakeAll(from.edges(), &to->edges);
}

}  // namespace tidegate::wire
