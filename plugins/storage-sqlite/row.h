// Between the columns of table item and tg_change.
// Thread safety: functions; a RowReader belongs to one thread. Ownership: changes are views of a statement.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql.h"
#include "tidegate/change.h"

namespace tidegate::sqlite {

#define TIDEGATE_ITEM_COLUMNS                                                                                   \
  "seq, kind, direction, lane, model, owner, pk, sk, src, dst, version_hlc, version_agent, version_epoch, via," \
  " expires_ms, digest, run_first, run_last, policy_meta, extra, index_keys, body"
inline constexpr const char* kItemColumns = TIDEGATE_ITEM_COLUMNS;
// The same for a query over index_entry, which has columns of the same names.
inline constexpr const char* kItemColumnsOfI =
    "i.seq, i.kind, i.direction, i.lane, i.model, i.owner, i.pk, i.sk, i.src, i.dst, i.version_hlc, i.version_agent,"
    " i.version_epoch, i.via, i.expires_ms, i.digest, i.run_first, i.run_last, i.policy_meta, i.extra, i.index_keys,"
    " i.body";

// Binds a change, with its seq and run, to the 22 parameters of an insert. keys is its EncodeIndexKeys.
void BindChange(Statement& statement, const tg_change& change, std::string_view keys);

// Columns index_keys: for each entry the index, hash and sort, each a 32-bit little-endian size and the text.
std::string EncodeIndexKeys(const tg_change& change);
std::vector<tg_index_key> DecodeIndexKeys(std::string_view encoded);

// Reads rows of kItemColumns. A change is valid until the statement moves on.
class RowReader {
 public:
  const tg_change& Read(Statement& statement);

 private:
  std::vector<tg_index_key> keys_;
  tg_change change_{};
};

inline bool Same(const tg_version& a, const tg_version& b) {
  return a.hlc == b.hlc && a.agent == b.agent && a.epoch == b.epoch;
}

inline bool Older(const tg_version& a, const tg_version& b) {
  if (a.hlc != b.hlc) return a.hlc < b.hlc;
  if (a.agent != b.agent) return a.agent < b.agent;
  return a.epoch < b.epoch;
}

// What a change counts in limits and backlogs: body and keys.
inline uint64_t SizeOf(const tg_change& change) { return change.body.size + change.key.pk.size + change.key.sk.size; }

}  // namespace tidegate::sqlite
