#include "mutation.h"

#include <string>

#include "tidegate/cpp/error.h"
#include "tidegate/cpp/views.h"

namespace tidegate::sqlite {
namespace {

constexpr uint64_t kTextMax = 512ull << 20;  // well below what SQLite takes in one row

void CheckPut(const tg_change& change) {
  auto refuse = [&](const char* what) {
    throw sdk::Error(TG_INVALID, "put of " + std::string(sdk::View(change.key.pk)) + "/" +
                                     std::string(sdk::View(change.key.sk)) + ": " + what);
  };
  if (change.kind < TG_CHANGE_ITEM || change.kind > TG_CHANGE_EVICT) refuse("unknown kind");
  if (change.direction > TG_DIRECTION_BOTH) refuse("unknown direction");
  if (change.lane >= TG_LANE_COUNT) refuse("unknown lane");
  if (change.model.size == 0) refuse("no model");
  if (change.version.hlc == 0 && change.version.agent == 0 && change.version.epoch == 0) refuse("no version");
  uint64_t size = change.model.size + change.body.size + change.policy_meta.size + change.extra.size;
  for (uint32_t i = 0; i < change.index_key_count; ++i) {
    const tg_index_key& key = change.index_keys[i];
    if (key.index.size == 0) refuse("an index key without the name of its index");
    size += key.index.size + key.hash.size + key.sort.size;
  }
  if (size > kTextMax) refuse("larger than 512 MiB");
}

void Check(const tg_mutation& m) {
  if (m.op < TG_OP_PUT || m.op > TG_OP_REKEY) throw sdk::Error(TG_INVALID, "unknown operation");
  if (m.condition > TG_IF_VERSION) throw sdk::Error(TG_INVALID, "unknown condition");
  if (HasChange(m)) {
    if (m.change == nullptr) throw sdk::Error(TG_INVALID, "a put, purge or renumber without a change");
    if (m.change->struct_size < sizeof(tg_change)) throw sdk::Error(TG_INVALID, "a change has a wrong struct_size");
    if (m.change->key.owner > TG_AGENT_MAX) throw sdk::Error(TG_INVALID, "the owner of a key is no agent id");
    if (m.op == TG_OP_PUT) CheckPut(*m.change);
    if (m.op == TG_OP_REKEY && (m.change->direction > TG_DIRECTION_BOTH || m.change->lane >= TG_LANE_COUNT))
      throw sdk::Error(TG_INVALID, "a rekey with an unknown direction or lane");
  } else if (m.condition != TG_IF_ALWAYS) {
    throw sdk::Error(TG_INVALID, "only mutations of a row may have a condition");
  }
  if (m.op != TG_OP_PUT && m.condition == TG_IF_NEWER) throw sdk::Error(TG_INVALID, "only puts may be if_newer");
}

}  // namespace

void CheckMutations(const tg_group& group, std::vector<const tg_mutation*>& mutations) {
  const auto* at = reinterpret_cast<const char*>(group.mutations);
  for (uint64_t i = 0; i < group.count; ++i) {
    const auto* m = reinterpret_cast<const tg_mutation*>(at);
    if (m->struct_size < sizeof(tg_mutation)) throw sdk::Error(TG_INVALID, "a mutation has a wrong struct_size");
    Check(*m);
    mutations.push_back(m);
    at += m->struct_size;
  }
}

}  // namespace tidegate::sqlite
