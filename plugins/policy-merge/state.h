// The state of an item as field merge sees it: what stands in each field, and which write put it there.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tidegate/change.h"

namespace policy_merge {

// tg_version as an ordered value.
struct Stamp {
  uint64_t hlc = 0;
  uint64_t agent = 0;
  uint64_t epoch = 0;
  auto operator<=>(const Stamp&) const = default;
};

struct Field {
  Stamp stamp;                       // of the write that put it, or took it away
  std::optional<std::string> value;  // JSON text; empty = removed
  bool operator==(const Field&) const = default;
};

struct State {
  bool item = false;  // else a tombstone
  Stamp version;
  // How often the item was deleted and made again: of a tombstone its own delete, of an item the delete that it
  // was made over (zero = none). A higher generation takes the place of a lower one as a whole.
  Stamp generation;
  std::map<std::string, Field> fields;  // by name; of an item
  bool operator==(const State&) const = default;
};

}  // namespace policy_merge
