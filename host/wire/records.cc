// What a node keeps of itself, its neighbours and its models.
#include "host/wire/records.h"

#include "host/wire/convert.h"
#include "host/wire/seal.h"
#include "host/wire/utf8.h"
#include "state.pb.h"

namespace tidegate::wire {

using seal::Corrupt;
using seal::Kind;
using seal::Open;
using seal::Seal;

std::string EncodeRecord(const NodeRecord& record) {
  pb::NodeState message;
  message.set_agent(record.agent);
  message.set_role(record.role);
  message.set_level(record.level);
  message.set_mark_number(record.mark_number);
  message.set_edges_number(record.edges_number);
  message.set_attach_epoch(record.attach_epoch);
  message.set_attach_parent(record.attach_parent);
  message.set_level_set(record.level_set);
  message.set_links_off(record.links_off);
  message.set_purge_horizon(record.purge_horizon);
  message.set_taken_horizon(record.taken_horizon);
  message.set_fall(record.fall);
  message.set_rewound(record.rewound);
  message.set_reread_lanes(record.reread_lanes);
  message.set_rewind_epoch(record.rewind_epoch);
  message.set_restored_unix_ms(record.restored_unix_ms);
  message.set_confirmed_fall(record.confirmed_fall);
  message.set_renewed_from(record.renewed_from);
  message.set_doubts(record.doubts);
  message.set_doubt(Readable(record.doubt));
  return Seal(Kind::kNode, message);
}

Status DecodeRecord(std::string_view bytes, NodeRecord* record) {
  pb::NodeState message;
  TG_RETURN_IF_ERROR(Open(Kind::kNode, "node", bytes, &message));
  NodeRecord out;
  out.role = message.role();
  out.level = message.level();
  out.level_set = message.level_set();
  out.links_off = message.links_off();
  out.mark_number = message.mark_number();
  out.edges_number = message.edges_number();
  out.attach_epoch = message.attach_epoch();
  out.fall = message.fall();
  out.rewound = message.rewound();
  out.reread_lanes = message.reread_lanes();
  out.rewind_epoch = message.rewind_epoch();
  out.restored_unix_ms = message.restored_unix_ms();
  out.confirmed_fall = message.confirmed_fall();
  out.doubts = message.doubts();
  out.doubt = message.doubt();
  TG_RETURN_IF_ERROR(Corrupt("node", TakeAgent("renewed_from", message.renewed_from(), &out.renewed_from)));
  TG_RETURN_IF_ERROR(Corrupt("node", TakeAgent("attach_parent", message.attach_parent(), &out.attach_parent)));
  out.purge_horizon = message.purge_horizon();
  out.taken_horizon = message.taken_horizon();
  TG_RETURN_IF_ERROR(Corrupt("node", TakeAgent("agent", message.agent(), &out.agent)));
  *record = out;
  return {};
}

std::string EncodeRecord(const LinkRecord& record) {
  pb::LinkState message;
  message.set_agent(record.agent);
  message.set_is_parent(record.is_parent);
  message.set_role(record.role);
  message.set_level(record.level);
  PutReplica(record.replica, message.mutable_replica());
  PutAll(record.epochs, message.mutable_epochs());
  message.set_attach_epoch(record.attach_epoch);
  message.set_last_hello_unix_ms(record.last_hello_unix_ms);
  message.set_lease_until_unix_ms(record.lease_until_unix_ms);
  message.set_off(record.off);
  message.set_heard_unix_ms(record.heard_unix_ms);
  message.set_rewound_hlc(record.rewound_hlc);
  message.set_doubted_position(record.doubted_position);
  message.set_rewind_epoch(record.rewind_epoch);
  message.mutable_lineage()->Add(record.lineage.begin(), record.lineage.end());
  message.mutable_outlived()->Add(record.outlived.begin(), record.outlived.end());
  return Seal(Kind::kLink, message);
}

Status DecodeRecord(std::string_view bytes, LinkRecord* record) {
  pb::LinkState message;
  TG_RETURN_IF_ERROR(Open(Kind::kLink, "link", bytes, &message));
  LinkRecord out;
  out.is_parent = message.is_parent();
  out.role = message.role();
  out.level = message.level();
  out.attach_epoch = message.attach_epoch();
  out.last_hello_unix_ms = message.last_hello_unix_ms();
  out.lease_until_unix_ms = message.lease_until_unix_ms();
  out.off = message.off();
  out.heard_unix_ms = message.heard_unix_ms();
  out.rewound_hlc = message.rewound_hlc();
  out.doubted_position = message.doubted_position();
  out.rewind_epoch = message.rewind_epoch();
  out.lineage.assign(message.lineage().begin(), message.lineage().end());
  out.outlived.assign(message.outlived().begin(), message.outlived().end());
  TG_RETURN_IF_ERROR(Corrupt("link", TakeAgent("agent", message.agent(), &out.agent)));
  TG_RETURN_IF_ERROR(Corrupt("link", TakeReplica(message.replica(), &out.replica)));
  TG_RETURN_IF_ERROR(Corrupt("link", TakeAll(message.epochs(), &out.epochs)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const AgeRecord& record) {
  pb::AgeState message;
  for (const AgeMark& mark : record.marks) {
    pb::AgeMark* to = message.add_marks();
    to->set_unix_ms(mark.unix_ms);
    to->set_position(mark.position);
  }
  message.set_noted_unix_ms(record.noted_unix_ms);
  return Seal(Kind::kAge, message);
}

Status DecodeRecord(std::string_view bytes, AgeRecord* record) {
  pb::AgeState message;
  TG_RETURN_IF_ERROR(Open(Kind::kAge, "age", bytes, &message));
  record->marks.clear();
  for (const pb::AgeMark& mark : message.marks()) record->marks.push_back({mark.unix_ms(), mark.position()});
  record->noted_unix_ms = message.noted_unix_ms();
  return {};
}

std::string EncodeRecord(const ScopeRecord& record) {
  pb::ScopeState message;
  PutAll(record.scopes, message.mutable_scopes());
  return Seal(Kind::kScope, message);
}

Status DecodeRecord(std::string_view bytes, ScopeRecord* record) {
  pb::ScopeState message;
  TG_RETURN_IF_ERROR(Open(Kind::kScope, "scope", bytes, &message));
  ScopeRecord out;
  TG_RETURN_IF_ERROR(Corrupt("scope", TakeAll(message.scopes(), &out.scopes)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const VerifyRecord& record) {
  pb::VerifyState message;
  message.set_known(record.known);
  message.set_our_doubts(record.our_doubts);
  message.set_their_doubts(record.their_doubts);
  message.set_doubts(record.doubts);
  message.set_doubt(Readable(record.doubt));
  if (record.last) Put(*record.last, message.mutable_last());
  message.set_under_way(record.under_way);
  message.set_has_after(record.has_after);
  message.set_after(record.after);
  message.set_cause(record.cause);
  message.set_reason(Readable(record.reason));
  message.set_our_doubts_begun(record.our_doubts_begun);
  message.set_their_doubts_begun(record.their_doubts_begun);
  return Seal(Kind::kVerify, message);
}

Status DecodeRecord(std::string_view bytes, VerifyRecord* record) {
  pb::VerifyState message;
  TG_RETURN_IF_ERROR(Open(Kind::kVerify, "verify", bytes, &message));
  VerifyRecord out;
  out.known = message.known();
  out.our_doubts = message.our_doubts();
  out.their_doubts = message.their_doubts();
  out.doubts = message.doubts();
  out.doubt = message.doubt();
  if (message.has_last()) Take(message.last(), &out.last.emplace());
  out.under_way = message.under_way();
  out.has_after = message.has_after();
  TG_RETURN_IF_ERROR(Corrupt("verify", TakeAgent("after", message.after(), &out.after)));
  out.cause = message.cause();
  out.reason = message.reason();
  out.our_doubts_begun = message.our_doubts_begun();
  out.their_doubts_begun = message.their_doubts_begun();
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const TableRecord& record) {
  pb::TableState message;
  PutAll(record.models, message.mutable_models());
  return Seal(Kind::kTable, message);
}

Status DecodeRecord(std::string_view bytes, TableRecord* record) {
  pb::TableState message;
  TG_RETURN_IF_ERROR(Open(Kind::kTable, "table", bytes, &message));
  TableRecord out;
  TG_RETURN_IF_ERROR(Corrupt("table", TakeAll(message.models(), &out.models)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const PolicyRecord& record) {
  pb::PolicyState message;
  for (const KeyedPolicy& policy : record.policies) {
    pb::KeyedPolicy* out = message.add_policies();
    out->set_model(policy.model);
    out->set_direction(policy.direction);
    out->set_bound(policy.bound);
    out->set_again(policy.again);
    out->set_changed_hlc(policy.changed_hlc);
    out->set_shared_hlc(policy.shared_hlc);
    out->set_up_hlc(policy.up_hlc);
  }
  return Seal(Kind::kPolicy, message);
}

Status DecodeRecord(std::string_view bytes, PolicyRecord* record) {
  pb::PolicyState message;
  TG_RETURN_IF_ERROR(Open(Kind::kPolicy, "policy", bytes, &message));
  PolicyRecord out;
  for (const pb::KeyedPolicy& policy : message.policies()) {
    if (policy.direction() > TG_DIRECTION_BOTH) return Status::Corrupt("policy record: the direction does not exist");
    out.policies.push_back({policy.model(), policy.direction(), policy.bound(), policy.again(), policy.changed_hlc(),
                            policy.shared_hlc(), policy.up_hlc()});
  }
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const Edge& record) {
  pb::Edge message;
  Put(record, &message);
  return Seal(Kind::kEdge, message);
}

Status DecodeRecord(std::string_view bytes, Edge* record) {
  pb::Edge message;
  TG_RETURN_IF_ERROR(Open(Kind::kEdge, "edge", bytes, &message));
  Edge out;
  TG_RETURN_IF_ERROR(Corrupt("edge", Take(message, &out)));
  *record = out;
  return {};
}

std::string EncodeRecord(const Watermark& record) {
  pb::Watermark message;
  Put(record, &message);
  return Seal(Kind::kWatermark, message);
}

Status DecodeRecord(std::string_view bytes, Watermark* record) {
  pb::Watermark message;
  TG_RETURN_IF_ERROR(Open(Kind::kWatermark, "watermark", bytes, &message));
  Watermark out;
  TG_RETURN_IF_ERROR(Corrupt("watermark", Take(message, &out)));
  *record = out;
  return {};
}

}  // namespace tidegate::wire
