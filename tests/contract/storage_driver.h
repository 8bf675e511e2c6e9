// Drives one storage plugin through its C table alone, as a host would: loads the built .so, keeps the
// texts that views point into, collects what sinks are given.
// Thread safety: reads may run beside Commit, as the table allows. Ownership: owns its instance.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tidegate/storage.h"

namespace tidegate::contract {

// A change together with its texts.
struct Item {
  uint64_t owner = 7;
  std::string pk = "device#7", sk;
  std::string model = "Reading";
  std::string body = "{}";
  uint8_t kind = TG_CHANGE_ITEM, direction = TG_DIRECTION_UP, lane = TG_LANE_HISTORY;
  tg_version version{1 << 16, 7, 70};
  uint64_t src = 7, dst = 1, via = 0;
  int64_t expires_ms = 0;
  std::string policy_meta, extra;
  std::vector<std::array<std::string, 3>> index_keys;  // index, hash, sort
  uint64_t digest = 0;                                 // computed when it is put
  uint64_t seq = 0, run_first = 0, run_last = 0;       // as read

  static Item From(const tg_change& change);
  Item At(uint64_t ms) const;  // the same with a version of that time
  Item With(std::string new_body) const;
  Item Deleted(uint64_t ms) const;  // its tombstone
};

Item MakeItem(std::string sk, uint64_t ms = 1);
Item DownItem(uint64_t owner, std::string sk, uint64_t ms = 1);

struct Op {
  uint8_t op = TG_OP_PUT, condition = TG_IF_ALWAYS;
  Item item;
  tg_version expected{};
  std::string meta_key, meta_value;
  uint64_t owner = 0, position = 0;
};

Op Put(Item item);
Op PutNewer(Item item);
Op PutIf(Item item, tg_version expected);
Op Purge(Item item);
Op Renumber(Item item);
Op Rekey(Item item, bool again = false);
Op MetaPut(std::string key, std::string value);
Op MetaDelete(std::string key);
Op OwnerAdd(std::string set, uint64_t owner);
Op OwnerRemove(std::string set, uint64_t owner);
Op EndsTrim(uint64_t position);
Op BeginEpoch(uint64_t epoch);

using Group = std::vector<Op>;

struct Committed {
  tg_code code = TG_OK;
  tg_error error{};
  std::vector<tg_outcome> outcomes;
  tg_watermark end{};
  std::vector<int> Results() const;  // TG_OUTCOME_* of each
};

struct Page {
  tg_code code = TG_OK;
  std::vector<Item> items;
  std::string cursor;      // of a query
  tg_watermark reached{};  // of changes
  uint32_t more = 2;
  std::vector<std::string> Sks() const;
};

struct Feed {
  uint8_t direction = TG_DIRECTION_UP, lane = TG_LANE_HISTORY;
  uint64_t exclude_via = 0;
  std::string owner_set{};
};

struct Query {
  uint32_t flags = 0;
  uint64_t owner = 0;
  std::string index{}, model{}, hash{}, sort_from{}, sort_to{};
  uint64_t limit = 0;
  std::string cursor{};
};

struct Range {
  uint64_t owner = 7;
  std::string model{}, from_pk{}, from_sk{}, to_pk{}, to_sk{};
  bool has_to = false;
  uint64_t cut_hlc = 0, chunk_items = 0;
  uint32_t direction_mask = 0;
  int64_t expired_ms = 0;
};

struct Chunk {
  uint64_t count = 0, sum = 0;
  bool has_end = false;
  std::string end_pk, end_sk;
  std::array<uint64_t, 4> direction_count{}, direction_sum{};
  bool operator==(const Chunk&) const = default;
};

struct Scope {
  std::string model;
  uint64_t owner = 0, items = 0, tombstones = 0;
  bool operator==(const Scope&) const = default;
};

// The table of a built plugin; fails the process if it cannot be loaded.
const tg_storage_v1* LoadStorage(const std::string& plugin);

class Driver {
 public:
  Driver(const tg_storage_v1* table, std::string config);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  tg_code create_code() const { return create_code_; }
  tg_error& error() { return error_; }  // of the last failing call of the driving thread
  const tg_storage_info& info() const { return info_; }
  void* self() const { return self_; }

  tg_code Start(uint64_t epoch);
  tg_code Stop();

  Committed Commit(const std::vector<Group>& groups);
  Committed Commit(Op op) { return Commit({{std::move(op)}}); }
  tg_code Get(const Item& key, Item* item) const;
  Page RunQuery(const Query& query) const;
  Page Changes(const Feed& feed, uint64_t after, uint64_t limit_items = 0, uint64_t limit_bytes = 0,
               uint64_t stop_after = 0) const;
  tg_code FeedStat(const Feed& feed, uint64_t after, tg_feed_stat* stat) const;
  tg_watermark Head() const;
  uint32_t Check(const tg_watermark& watermark) const;
  tg_code Compare(const tg_watermark& a, const tg_watermark& b, int32_t* order) const;
  std::vector<tg_epoch> Epochs(uint64_t limit = 0) const;
  std::vector<Chunk> Digests(const Range& range) const;
  std::vector<Item> Scan(const Range& range) const;
  std::vector<Item> Traces(uint64_t after = 0, uint64_t limit = 0) const;
  std::vector<Item> Expiring(int64_t after_ms = 0, uint64_t after_seq = 0, uint64_t limit = 0) const;
  std::vector<Scope> Scopes() const;
  tg_code MetaGet(const std::string& key, std::string* value) const;
  std::vector<std::string> MetaScan(const std::string& prefix) const;  // "key=value"
  tg_storage_stats Stats() const;
  tg_code Backup(const std::string& path) const;
  tg_code Restore(const std::string& path, const std::string& suffix) const;

 private:
  const tg_storage_v1* table_;
  std::string config_;
  void* self_ = nullptr;
  tg_code create_code_ = TG_OK;
  tg_storage_info info_{};
  mutable tg_error error_{};
};

}  // namespace tidegate::contract
