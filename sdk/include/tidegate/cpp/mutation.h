// The mutations of a commit as a storage takes them: checked before anything is written, so that nothing can fail
// half-way for what the host said.
// Thread safety: functions. Ownership: pointers into the host's arguments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidegate/cpp/error.h"
#include "tidegate/cpp/views.h"
#include "tidegate/storage.h"

namespace tidegate::sdk {

// Whether it is about a row, and so has an outcome.
inline bool HasChange(const tg_mutation& m) {
  return m.op == TG_OP_PUT || m.op == TG_OP_PURGE || m.op == TG_OP_RENUMBER || m.op == TG_OP_REKEY;
}

namespace detail {

inline void CheckPut(const tg_change& change) {
  auto refuse = [&](const char* what) {
    throw Error(TG_INVALID,
                "put of " + std::string(View(change.key.pk)) + "/" + std::string(View(change.key.sk)) + ": " + what);
  };
  if (change.kind < TG_CHANGE_ITEM || change.kind > TG_CHANGE_EVICT) refuse("unknown kind");
  if (change.direction > TG_DIRECTION_BOTH) refuse("unknown direction");
  if (change.lane >= TG_LANE_COUNT) refuse("unknown lane");
  if (change.model.size == 0) refuse("no model");
  if (change.version.hlc == 0 && change.version.agent == 0 && change.version.epoch == 0) refuse("no version");
  for (uint32_t i = 0; i < change.index_key_count; ++i) {
    if (change.index_keys[i].index.size == 0) refuse("an index key without the name of its index");
  }
}

inline void CheckMutation(const tg_mutation& m) {
  if (m.struct_size < sizeof(tg_mutation)) throw Error(TG_INVALID, "a mutation has a wrong struct_size");
  if (m.op < TG_OP_PUT || m.op > TG_OP_REKEY) throw Error(TG_INVALID, "unknown operation");
  if (m.condition > TG_IF_VERSION) throw Error(TG_INVALID, "unknown condition");
  if (HasChange(m)) {
    if (m.change == nullptr) throw Error(TG_INVALID, "a put, purge or renumber without a change");
    if (m.change->struct_size < sizeof(tg_change)) throw Error(TG_INVALID, "a change has a wrong struct_size");
    if (m.change->key.owner > TG_AGENT_MAX) throw Error(TG_INVALID, "the owner of a key is no agent id");
    if (m.op == TG_OP_PUT) CheckPut(*m.change);
    if (m.op == TG_OP_REKEY && (m.change->direction > TG_DIRECTION_BOTH || m.change->lane >= TG_LANE_COUNT))
      throw Error(TG_INVALID, "a rekey with an unknown direction or lane");
  } else if (m.condition != TG_IF_ALWAYS) {
    throw Error(TG_INVALID, "only mutations of a row may have a condition");
  }
  if (m.op != TG_OP_PUT && m.condition == TG_IF_NEWER) throw Error(TG_INVALID, "only puts may be if_newer");
}

}  // namespace detail

// Appends the mutations of a group, each as long as the host says that it is; throws TG_INVALID at a wrong one.
inline void CheckMutations(const tg_group& group, std::vector<const tg_mutation*>& mutations) {
  const auto* at = reinterpret_cast<const char*>(group.mutations);
  for (uint64_t i = 0; i < group.count; ++i) {
    const auto* m = reinterpret_cast<const tg_mutation*>(at);
    detail::CheckMutation(*m);
    mutations.push_back(m);
    at += m->struct_size;
  }
}

}  // namespace tidegate::sdk
