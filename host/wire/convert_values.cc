#include <algorithm>

#include "host/wire/change_list.h"
#include "host/wire/convert.h"

namespace tidegate::wire {

Status ChangeSink::Take(const std::string& list, std::vector<tg_change>* changes) {
  size_t before = changes->size();
  TG_RETURN_IF_ERROR(DecodeChangeList(list, changes_left, changes, extras));
  changes_left -= changes->size() - before;
  return {};
}

Status TakeAgent(const char* what, uint64_t from, AgentId* to) {
  if (from > kAgentMax) return Status::Invalid(std::string(what) + ": " + std::to_string(from) + " is not an agent id");
  *to = from;
  return {};
}

Status TakeLane(uint32_t from, uint32_t* to) {
  if (from >= TG_LANE_COUNT) return Status::Invalid("lane " + std::to_string(from) + " does not exist");
  *to = from;
  return {};
}

Status TakeKind(uint32_t from, uint32_t* to) {
  if (from > TG_CHANGE_EVICT) return Status::Invalid("kind " + std::to_string(from) + " does not exist");
  *to = from;
  return {};
}

Status TakeReplica(const std::string& from, ReplicaId* to) {
  if (from.empty()) return {};
  if (from.size() != to->bytes.size()) {
    return Status::Invalid("a replica id of " + std::to_string(from.size()) + " bytes, not 16");
  }
  std::copy(from.begin(), from.end(), reinterpret_cast<char*>(to->bytes.data()));
  return {};
}

void PutReplica(const ReplicaId& from, std::string* to) {
  if (!from.empty()) to->assign(reinterpret_cast<const char*>(from.bytes.data()), from.bytes.size());
}

void Put(const Version& from, pb::Version* to) {
  to->set_hlc(from.hlc);
  to->set_agent(from.agent);
  to->set_epoch(from.epoch);
}

Status Take(const pb::Version& from, Version* to) {
  to->hlc = from.hlc();
  to->epoch = from.epoch();
  return TakeAgent("version", from.agent(), &to->agent);
}

void Put(const Watermark& from, pb::Watermark* to) {
  PutReplica(from.replica, to->mutable_replica());
  to->set_epoch(from.epoch);
  to->set_position(from.position);
  if (!from.version.none()) Put(from.version, to->mutable_version());
}

Status Take(const pb::Watermark& from, Watermark* to) {
  TG_RETURN_IF_ERROR(TakeReplica(from.replica(), &to->replica));
  to->epoch = from.epoch();
  to->position = from.position();
  return Take(from.version(), &to->version);
}

void Put(const EpochStart& from, pb::EpochStart* to) {
  to->set_epoch(from.epoch);
  to->set_first(from.first);
}

Status Take(const pb::EpochStart& from, EpochStart* to) {
  *to = {from.epoch(), from.first()};
  return {};
}

void Put(const Edge& from, pb::Edge* to) {
  to->set_agent(from.agent);
  to->set_parent(from.parent);
  to->set_attach_epoch(from.attach_epoch);
  to->set_replica_epoch(from.replica_epoch);
  to->set_role(from.role);
  to->set_gone(from.gone);
  to->set_clone(from.clone);
}

Status Take(const pb::Edge& from, Edge* to) {
  to->attach_epoch = from.attach_epoch();
  to->replica_epoch = from.replica_epoch();
  to->role = from.role();
  to->gone = from.gone();
  to->clone = from.clone();
  TG_RETURN_IF_ERROR(TakeAgent("edge", from.agent(), &to->agent));
  return TakeAgent("parent of an edge", from.parent(), &to->parent);
}

void Put(const Scope& from, pb::Scope* to) {
  to->set_model(from.model);
  to->set_all_owners(from.all_owners);
  to->set_owner(from.owner);
  to->set_number(from.number);
  to->set_up_only(from.up_only);
}

Status Take(const pb::Scope& from, Scope* to) {
  to->model = from.model();
  to->all_owners = from.all_owners();
  to->number = from.number();
  to->up_only = from.up_only();
  return TakeAgent("owner of a scope", from.owner(), &to->owner);
}

}  // namespace tidegate::wire
