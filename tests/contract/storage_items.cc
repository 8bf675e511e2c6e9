// The items, operations and answers that the driver speaks in.
#include <algorithm>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "tests/contract/storage_driver.h"

namespace tidegate::contract {

Item Item::From(const tg_change& c) {
  Item item;
  item.owner = c.key.owner;
  item.pk = View(c.key.pk);
  item.sk = View(c.key.sk);
  item.model = View(c.model);
  item.body = View(c.body);
  item.kind = c.kind;
  item.direction = c.direction;
  item.lane = c.lane;
  item.version = c.version;
  item.src = c.src;
  item.dst = c.dst;
  item.via = c.via;
  item.expires_ms = c.expires_ms;
  item.policy_meta = View(c.policy_meta);
  item.extra = View(c.extra);
  for (uint32_t i = 0; i < c.index_key_count; ++i) {
    const tg_index_key& key = c.index_keys[i];
    item.index_keys.push_back({std::string(View(key.index)), std::string(View(key.hash)), std::string(View(key.sort))});
  }
  item.digest = c.digest;
  item.seq = c.seq;
  item.run_first = c.run_first;
  item.run_last = c.run_last;
  return item;
}

Item Item::At(uint64_t ms) const {
  Item item = *this;
  item.version.hlc = ms << 16;
  return item;
}

Item Item::With(std::string new_body) const {
  Item item = *this;
  item.body = std::move(new_body);
  return item;
}

Item Item::Deleted(uint64_t ms) const {
  Item item = At(ms);
  item.kind = TG_CHANGE_TOMBSTONE;
  item.body.clear();
  return item;
}

Item MakeItem(std::string sk, uint64_t ms) {
  Item item;
  item.sk = std::move(sk);
  return item.At(ms);
}

Item DownItem(uint64_t owner, std::string sk, uint64_t ms) {
  Item item = MakeItem(std::move(sk), ms);
  item.owner = item.dst = owner;
  item.src = 1;
  item.direction = TG_DIRECTION_DOWN;
  item.lane = TG_LANE_STATE;
  return item;
}

Op Put(Item item) {
  Op op;
  op.item = std::move(item);
  return op;
}

Op PutNewer(Item item) {
  Op op = Put(std::move(item));
  op.condition = TG_IF_NEWER;
  return op;
}

Op PutIf(Item item, tg_version expected) {
  Op op = Put(std::move(item));
  op.condition = TG_IF_VERSION;
  op.expected = expected;
  return op;
}

Op Purge(Item item) {
  Op op = Put(std::move(item));
  op.op = TG_OP_PURGE;
  return op;
}

Op Renumber(Item item) {
  Op op = Put(std::move(item));
  op.op = TG_OP_RENUMBER;
  return op;
}

Op Rekey(Item item, bool again) {
  Op op = Put(std::move(item));
  op.op = TG_OP_REKEY;
  op.position = again ? 1 : 0;
  return op;
}

Op MetaPut(std::string key, std::string value) {
  Op op;
  op.op = TG_OP_META_PUT;
  op.meta_key = std::move(key);
  op.meta_value = std::move(value);
  return op;
}

Op MetaDelete(std::string key) {
  Op op = MetaPut(std::move(key), {});
  op.op = TG_OP_META_DELETE;
  return op;
}

Op OwnerAdd(std::string set, uint64_t owner) {
  Op op = MetaPut(std::move(set), {});
  op.op = TG_OP_OWNER_ADD;
  op.owner = owner;
  return op;
}

Op OwnerRemove(std::string set, uint64_t owner) {
  Op op = OwnerAdd(std::move(set), owner);
  op.op = TG_OP_OWNER_REMOVE;
  return op;
}

Op EndsTrim(uint64_t position) {
  Op op;
  op.op = TG_OP_ENDS_TRIM;
  op.position = position;
  return op;
}

Op BeginEpoch(uint64_t epoch) {
  Op op;
  op.op = TG_OP_EPOCH;
  op.position = epoch;
  return op;
}

std::vector<int> Committed::Results() const {
  std::vector<int> results;
  for (const tg_outcome& outcome : outcomes) results.push_back(outcome.result);
  return results;
}

std::vector<std::string> Page::Sks() const {
  std::vector<std::string> sks;
  for (const Item& item : items) sks.push_back(item.sk);
  return sks;
}

}  // namespace tidegate::contract
