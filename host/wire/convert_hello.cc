#include <algorithm>

#include "host/wire/convert.h"
#include "host/wire/utf8.h"

namespace tidegate::wire {
namespace {

constexpr int kHelloEpochsMax = 16;

}  // namespace

void Put(const ModelPolicy& from, pb::ModelPolicy* to) {
  to->set_model(from.model);
  to->set_direction(from.direction);
  to->set_lane(from.lane);
  to->set_schema_digest(from.schema_digest);
  to->set_policy_id(from.policy_id);
  to->set_policy_revision(from.policy_revision);
}

Status Take(const pb::ModelPolicy& from, ModelPolicy* to) {
  if (from.direction() > TG_DIRECTION_BOTH) {
    return Status::Invalid("model '" + from.model() + "': direction " + std::to_string(from.direction()) +
                           " does not exist");
  }
  to->model = from.model();
  to->direction = from.direction();
  to->schema_digest = from.schema_digest();
  to->policy_id = from.policy_id();
  to->policy_revision = from.policy_revision();
  return TakeLane(from.lane(), &to->lane);
}

void Put(const LaneWatermark& from, pb::LaneWatermark* to) {
  to->set_lane(from.lane);
  Put(from.watermark, to->mutable_watermark());
}

Status Take(const pb::LaneWatermark& from, LaneWatermark* to) {
  TG_RETURN_IF_ERROR(TakeLane(from.lane(), &to->lane));
  return Take(from.watermark(), &to->watermark);
}

void Put(const Hold& from, pb::Hold* to) {
  to->set_model(from.model);
  to->set_reason(static_cast<uint32_t>(from.reason));
  to->set_message(Readable(from.message));
  to->set_by(from.by);
  PutAll(from.since, to->mutable_since());
}

// A reason of a later version keeps its number: HoldReasonName says "unknown".
Status Take(const pb::Hold& from, Hold* to) {
  to->model = from.model();
  to->reason = static_cast<HoldReason>(from.reason());
  to->message = from.message();
  TG_RETURN_IF_ERROR(TakeAgent("holder of a model", from.by(), &to->by));
  return TakeAll(from.since(), &to->since);
}

void Put(const Hello& from, pb::Hello* to) {
  to->set_protocol_min(from.protocol_min);
  to->set_protocol_max(from.protocol_max);
  to->set_agent(from.agent);
  to->set_role(from.role);
  to->set_level(from.level);
  PutReplica(from.replica, to->mutable_replica());
  size_t epochs = std::min(from.epochs.size(), size_t{kHelloEpochsMax});
  for (size_t i = 0; i < epochs; ++i) Put(from.epochs[i], to->add_epochs());
  PutAll(from.edges, to->mutable_edges());
  to->set_edges_number(from.edges_number);
  for (const ModelPolicy& model : from.models) Put(model, to->add_models());
  PutAll(from.holds, to->mutable_holds());
  to->set_holds_number(from.holds_number);
  PutAll(from.unsettled, to->mutable_unsettled());
  for (const LaneWatermark& held : from.held) Put(held, to->add_held());
  for (const LaneWatermark& delivered : from.delivered) Put(delivered, to->add_delivered());
  to->set_unix_ms(from.unix_ms);
  to->set_restored(from.restored);
  to->set_doubts(from.doubts);
  to->set_doubt(Readable(from.doubt));
  to->set_attach_epoch(from.attach_epoch);
  to->set_software(Readable(from.software));
  to->set_fall(from.fall);
  to->set_confirmed_fall(from.confirmed_fall);
  to->set_rewind_epoch(from.rewind_epoch);
  to->set_rewound(from.rewound);
  to->set_newest_hlc(from.newest_hlc);
  to->set_known_epoch(from.known_epoch);
  to->set_newest_epoch(from.newest_epoch);
  to->set_purge_horizon(from.purge_horizon);
}

Status Take(const pb::Hello& from, Hello* to) {
  if (from.epochs_size() > kHelloEpochsMax) {
    return Status::Invalid(std::to_string(from.epochs_size()) + " epochs, more than 16");
  }
  to->protocol_min = from.protocol_min();
  to->protocol_max = from.protocol_max();
  to->role = from.role();
  to->level = from.level();
  to->edges_number = from.edges_number();
  to->holds_number = from.holds_number();
  to->unix_ms = from.unix_ms();
  to->doubts = from.doubts();
  to->doubt = from.doubt();
  to->restored = from.restored();
  to->attach_epoch = from.attach_epoch();
  to->software = from.software();
  to->fall = from.fall();
  to->confirmed_fall = from.confirmed_fall();
  to->rewind_epoch = from.rewind_epoch();
  to->rewound = from.rewound();
  to->newest_hlc = from.newest_hlc();
  to->known_epoch = from.known_epoch();
  to->newest_epoch = from.newest_epoch();
  to->purge_horizon = from.purge_horizon();
  TG_RETURN_IF_ERROR(TakeAgent("agent", from.agent(), &to->agent));
  TG_RETURN_IF_ERROR(TakeReplica(from.replica(), &to->replica));
  TG_RETURN_IF_ERROR(TakeAll(from.epochs(), &to->epochs));
  TG_RETURN_IF_ERROR(TakeAll(from.edges(), &to->edges));
  TG_RETURN_IF_ERROR(TakeAll(from.unsettled(), &to->unsettled));
  TG_RETURN_IF_ERROR(TakeAll(from.holds(), &to->holds));
  for (const pb::ModelPolicy& model : from.models()) TG_RETURN_IF_ERROR(Take(model, &to->models.emplace_back()));
  for (const pb::LaneWatermark& held : from.held()) TG_RETURN_IF_ERROR(Take(held, &to->held.emplace_back()));
  for (const pb::LaneWatermark& one : from.delivered()) TG_RETURN_IF_ERROR(Take(one, &to->delivered.emplace_back()));
  return {};
}

void Put(const Refuse& from, pb::Refuse* to) {
  to->set_reason(static_cast<uint32_t>(from.reason));
  to->set_message(Readable(from.message));
  to->set_unknown_type(from.unknown_type);
}

// A reason of a later version keeps its number: RefuseReasonName says "unknown".
Status Take(const pb::Refuse& from, Refuse* to) {
  to->reason = static_cast<RefuseReason>(from.reason());
  to->message = from.message();
  to->unknown_type = from.unknown_type();
  return {};
}

}  // namespace tidegate::wire
