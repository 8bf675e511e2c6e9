// When an item is there no more, though its row may still be: a function of the item and an instant alone.
// Thread safety: plain function. Ownership: none.
#pragma once

#include "tidegate/change.h"

namespace tidegate::core {

inline bool IsExpired(const tg_change& change, int64_t at_ms) {
  return change.kind == TG_CHANGE_ITEM && change.expires_ms != 0 && change.expires_ms <= at_ms;
}

}  // namespace tidegate::core
