#include "host/node/offline.h"

#include "host/base/views.h"
#include "host/node/status.h"
#include "host/sync/meta_keys.h"
#include "host/sync/reconcile_asker.h"
#include "host/wire/records.h"

namespace tidegate::node {
namespace {

Result<wire::NodeRecord> RecordOf(const core::Storage& storage) {
  wire::NodeRecord record;
  Result<std::string> bytes = storage.MetaGet(sync::meta::kNode);
  if (!bytes.ok()) return bytes.status();
  TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record));
  return record;
}

Status PutNote(core::Storage& storage, std::string_view key, std::string_view value) {
  tg_mutation put{};
  put.struct_size = sizeof put;
  put.op = TG_OP_META_PUT;
  put.meta_key = Str(key);
  put.meta_value = Bytes(value);
  const tg_group group{&put, 1};
  return storage.Commit(std::span(&group, 1), {}).status();
}

// A start that renewed the replica and broke off has to be finished first: what it wrote is of the agent noted then.
Status CheckBegun(const core::Storage& storage, AgentId renewed) {
  Result<std::string> note = storage.MetaGet(sync::meta::kRenewed);
  if (note.status().code() == Code::kNotFound) return {};
  if (!note.ok()) return note.status();
  TG_ASSIGN_OR_RETURN(AgentId noted, ParseAgent(note.value()));
  bool begun = false;
  TG_RETURN_IF_ERROR(storage.RangeScan(sync::RangeOf(noted, {}, 0), [&](const tg_change&) {
    begun = true;
    return false;
  }));
  if (!begun || noted == renewed) return {};
  return Status::Conflict("this replica is being renewed to agent " + std::to_string(noted) +
                          ": start the node once, so that this ends, before it is renewed again");
}

bool IsOf(const wire::NodeRecord& record, AgentId configured) {
  return record.agent == configured || record.renewed_from == configured;
}

}  // namespace

Status NoteRestored(core::Storage& storage, AgentId configured, uint32_t role, std::string_view from) {
  Result<wire::NodeRecord> record = RecordOf(storage);
  if (record.status().code() == Code::kNotFound)
    return Status::Invalid(std::string(from) + " is the replica of no node: it was never used");
  if (!record.ok()) return record.status();
  if (!IsOf(*record, configured) || record->role != role) {
    return Status::Invalid(std::string(from) + " is of agent " + std::to_string(record->agent) + ", " +
                           RoleName(record->role) + "; the configuration says agent " + std::to_string(configured) +
                           ", " + RoleName(role) + ": take a backup of this node");
  }
  return PutNote(storage, sync::meta::kRestored, from);
}

Status NoteRenewed(core::Storage& storage, AgentId configured, uint32_t role, AgentId renewed) {
  if (role == TG_ROLE_SERVER) return Status::Invalid("the server is agent 1 and keeps that id");
  if (renewed <= kAgentServer || renewed > kAgentMax || renewed == configured)
    return Status::Invalid(std::to_string(renewed) + " is no new agent id: take a number from 2 to " +
                           std::to_string(kAgentMax) + " that nobody has");
  Result<wire::NodeRecord> record = RecordOf(storage);
  if (record.status().code() == Code::kNotFound)
    return Status::NotFound("this replica is of nobody yet: change node.agent in the configuration");
  if (!record.ok()) return record.status();
  if (!IsOf(*record, configured))
    return Status::Invalid("this replica is of agent " + std::to_string(record->agent) +
                           "; the configuration says agent " + std::to_string(configured) + ": put the old id back");
  if (renewed == record->agent)
    return Status::Invalid("this replica is agent " + std::to_string(renewed) +
                           " already: it was renewed before; take a number from 2 to " + std::to_string(kAgentMax) +
                           " that nobody has");
  if (Status begun = CheckBegun(storage, renewed); !begun.ok()) return begun;
  return PutNote(storage, sync::meta::kRenewed, std::to_string(renewed));
}

Result<AgentId> AgentOfReplica(const core::Storage& storage, AgentId configured) {
  Result<std::string> note = storage.MetaGet(sync::meta::kRenewed);
  if (note.ok()) return ParseAgent(note.value());
  if (note.status().code() != Code::kNotFound) return note.status();
  Result<wire::NodeRecord> record = RecordOf(storage);
  if (record.status().code() == Code::kNotFound) return configured;
  if (!record.ok()) return record.status();
  return record->renewed_from == configured && configured != 0 ? record->agent : configured;
}

}  // namespace tidegate::node
