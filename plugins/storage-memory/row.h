// A change at rest: one row of the replica, with the text its views point into.
// Thread safety: constant once its commit is published; shared by readers. Ownership: owns its bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidegate/change.h"
#include "tidegate/cpp/views.h"

namespace tidegate::memory {

struct Key {
  uint64_t owner = 0;
  std::string_view pk, sk;
  auto operator<=>(const Key&) const = default;

  static Key From(const tg_key& key) { return {key.owner, sdk::View(key.pk), sdk::View(key.sk)}; }
};

// Where a row stands in an index. The primary index is the one without a name, hash and sort: so one
// ordered map holds all indexes, and every query is a range of it.
struct Place {
  std::string_view index, hash, sort;
  Key key;
  auto operator<=>(const Place&) const = default;
};

class Row {
 public:
  explicit Row(const tg_change& change);
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  const tg_change& change() const { return change_; }
  tg_change& change() { return change_; }
  Key key() const { return Key::From(change_.key); }
  bool live() const { return change_.kind == TG_CHANGE_ITEM; }
  bool expires() const { return live() && change_.expires_ms != 0; }
  std::pair<int64_t, uint64_t> expiry() const { return {change_.expires_ms, change_.seq}; }
  // What it counts in limits and backlogs: body and keys.
  uint64_t bytes() const { return change_.body.size + change_.key.pk.size + change_.key.sk.size; }
  // Its places: the primary one, and the secondary ones of a live item.
  std::vector<Place> Places() const;

 private:
  std::string text_;
  std::vector<tg_index_key> index_keys_;
  tg_change change_;
};

using RowPtr = std::shared_ptr<Row>;

inline bool Same(const tg_version& a, const tg_version& b) {
  return a.hlc == b.hlc && a.agent == b.agent && a.epoch == b.epoch;
}

inline bool Older(const tg_version& a, const tg_version& b) {
  if (a.hlc != b.hlc) return a.hlc < b.hlc;
  if (a.agent != b.agent) return a.agent < b.agent;
  return a.epoch < b.epoch;
}

}  // namespace tidegate::memory
