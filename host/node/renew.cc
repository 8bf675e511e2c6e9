// A new agent id for a node that cannot keep the one it has: mostly the newer of two copies. What is its own it writes
// anew as the new agent's, with new versions; what was addressed to the old agent is that one's and goes. In portions,
// each a commit; the note that asks for it goes with the last.
#include <set>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/schema/item.h"
#include "host/sync/meta_keys.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::node {
namespace {

constexpr size_t kRowsInACommit = 256;

}  // namespace

Status Node::Impl::Renew(AgentId former) {
  if (former == options_.agent) {
    // A note that says what is so: done as it was asked for, the rows written anew would be read anew without end.
    stage_.Begin();
    stage_.MetaDelete(sync::meta::kRenewed);
    stage_.End();
    return CommitStage();
  }
  uint64_t kept = 0, gone = 0;
  for (bool more = true; more;) {
    more = false;
    size_t rows = 0;
    Status read = deps_.storage.RangeScan(sync::RangeOf(former, {}, 0), [&](const tg_change& change) {
      if (rows++ == kRowsInACommit) {
        more = true;
        return false;
      }
      bool own = change.kind == TG_CHANGE_ITEM && change.direction != TG_DIRECTION_DOWN;
      ++(own ? kept : gone);
      tg_change row = stage_.arena().Copy(change);
      stage_.Begin();
      stage_.Purge(row, Version::From(row.version));
      if (own) stage_.Put(RenewedRow(row, former), TG_IF_ALWAYS);
      stage_.End();
      return true;
    });
    TG_RETURN_IF_ERROR(read);
    TG_RETURN_IF_ERROR(CommitStage());
  }
  TG_RETURN_IF_ERROR(ForgetNeighbours(former));
  deps_.log.Write(4, "agent " + std::to_string(former) + " is agent " + std::to_string(options_.agent) +
                         " from now on: " + std::to_string(kept) + " items were written anew as its own, " +
                         std::to_string(gone) + " items and traces of the old id are gone");
  return {};
}

tg_change Node::Impl::RenewedRow(const tg_change& row, AgentId former) {
  tg_change renewed = row;
  renewed.key.owner = options_.agent;
  if (renewed.src == former) renewed.src = options_.agent;
  if (renewed.dst == former) renewed.dst = options_.agent;
  renewed.version = Version{versions_.Tick(deps_.clock.unix_ms()), options_.agent, deps_.storage.epoch()}.To();
  renewed.via = 0;
  renewed.policy_meta = {};
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(View(row.model));
  if (rule != nullptr) {
    std::vector<IndexKey> keys =
        IndexKeys(*rule->model, View(row.body), Envelope{renewed.src, renewed.dst, renewed.key.owner});
    core::ChangeArena& arena = stage_.arena();
    tg_index_key* to = arena.IndexKeys(keys.size());
    for (size_t i = 0; i < keys.size(); ++i)
      to[i] = {arena.Copy(Str(keys[i].index)), arena.Copy(Str(keys[i].hash)), arena.Copy(Str(keys[i].sort))};
    renewed.index_keys = to;
    renewed.index_key_count = static_cast<uint32_t>(keys.size());
  }
  renewed.digest = ChangeDigest(renewed);
  return renewed;
}

// Nobody knows the new agent: no watermark, refusal or route of the old one is its.
Status Node::Impl::ForgetNeighbours(AgentId former) {
  std::vector<std::string> keys;
  for (std::string_view prefix :
       {sync::meta::kLinkPrefix, sync::Routes::kKeyPrefix, sync::meta::kStrayPrefix, sync::meta::kQuarantinePrefix,
        sync::meta::kHeldPrefix, sync::meta::kAckedPrefix, sync::meta::kDeliveredPrefix, sync::meta::kClonePrefix,
        sync::meta::kHoldPrefix, sync::meta::kHeldAbovePrefix, sync::meta::kUntoldPrefix}) {
    TG_RETURN_IF_ERROR(deps_.storage.MetaScan(prefix, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    }));
  }
  // What it has of others was given to it as their router, and is by now not told of what becomes of it.
  std::set<AgentId> others;
  tg_query all{};
  all.struct_size = sizeof all;
  all.flags = TG_QUERY_TOMBSTONES;
  TG_RETURN_IF_ERROR(deps_.storage
                         .Query(all,
                                [&](const tg_change& change) {
                                  if (change.key.owner != options_.agent && change.key.owner != kAgentAll)
                                    others.insert(change.key.owner);
                                  return true;
                                })
                         .status());
  record_.renewed_from = record_.renewed_from != 0 ? record_.renewed_from : former;
  record_.agent = options_.agent;
  record_.attach_epoch = record_.attach_parent = 0;
  stage_.Begin();
  for (const std::string& key : keys) stage_.MetaDelete(key);
  for (AgentId owner : others) strays_.StageLeft(owner);
  stage_.MetaDelete(sync::meta::kRenewed);
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  marks_.Add(true, 0);
  marks_.Stage();
  stage_.End();
  return CommitStage();
}

}  // namespace tidegate::node
