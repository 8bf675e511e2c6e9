// kSeqReused: a disk whose positions begin again.
#include <map>

#include "host/base/views.h"
#include "tests/sim/defects.h"

namespace tidegate::sim {
namespace {

tg_mutation Mutation(uint8_t op) {
  tg_mutation mutation{};
  mutation.struct_size = sizeof mutation;
  mutation.op = op;
  return mutation;
}

void Copy(core::Storage& from, core::Storage& to, const OwnerSets& sets) {
  // Rows in the order of their positions.
  tg_query query{};
  query.struct_size = sizeof query;
  query.flags = TG_QUERY_TOMBSTONES;
  std::map<uint64_t, std::pair<AgentId, std::pair<std::string, std::string>>> order;
  (void)from.Query(query, [&](const tg_change& change) {
    order[change.seq] = {change.key.owner, {std::string(View(change.key.pk)), std::string(View(change.key.sk))}};
    return true;
  });
  for (const auto& [seq, place] : order) {
    const tg_key key{place.first, Str(place.second.first), Str(place.second.second)};
    (void)from.Get(key, [&](const tg_change& change) {
      tg_mutation put = Mutation(TG_OP_PUT);
      put.change = &change;
      const tg_group group{&put, 1};
      (void)to.Commit(std::span(&group, 1), {});
      return false;
    });
  }
  (void)from.MetaScan("", [&](std::string_view name, std::string_view value) {
    tg_mutation put = Mutation(TG_OP_META_PUT);
    put.meta_key = Str(name);
    put.meta_value = Bytes(value);
    const tg_group group{&put, 1};
    (void)to.Commit(std::span(&group, 1), {});
    return true;
  });
  for (const auto& [name, owner] : sets) {
    tg_mutation add = Mutation(TG_OP_OWNER_ADD);
    add.meta_key = Str(name);
    add.owner = owner;
    const tg_group group{&add, 1};
    (void)to.Commit(std::span(&group, 1), {});
  }
}

}  // namespace

void GivePositionsAgain(ReplicaBox& disk, const ReplicaId& replica, Epoch last, const OwnerSets& sets) {
  ReplicaBox fresh;
  {
    // Any epoch that was never used opens the old disk once more.
    auto from = disk.Open(replica, last + 1);
    auto to = fresh.Open(replica, last);
    if (!from.ok() || !to.ok()) return;
    Copy(**from, **to, sets);
  }
  disk.Take(fresh);
}

}  // namespace tidegate::sim
