/* A change: the newest state of an item, its tombstone, or an evict, with the envelope that
 * replication needs. Keys, index keys and feed keys arrive computed by the host; body, policy_meta
 * and extra are opaque to a storage.
 * Thread safety: plain value. Ownership: views, valid during the call that carries them. */
#pragma once

#include "tidegate/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TG_CHANGE_ITEM 1u      /* a live item */
#define TG_CHANGE_TOMBSTONE 2u /* a durable delete */
#define TG_CHANGE_EVICT 3u     /* "no longer yours": not a delete */

/* One secondary index entry: sort may be empty. */
typedef struct tg_index_key {
  tg_str index;
  tg_str hash;
  tg_str sort;
} tg_index_key;

typedef struct tg_change {
  uint32_t struct_size;
  uint8_t kind;      /* TG_CHANGE_* */
  uint8_t direction; /* TG_DIRECTION_*, as the writer believed; feeds are keyed by it */
  uint8_t lane;      /* TG_LANE_* */
  uint8_t reserved;
  tg_str model;
  tg_key key;
  uint64_t src;       /* creator */
  uint64_t dst;       /* addressee: 1 for up items, 0 for all */
  tg_version version; /* made once at the writer */
  uint64_t via;       /* neighbour it came from; 0 = written at this node */
  int64_t expires_ms; /* Unix milliseconds after which the item is hidden and may be removed; 0 = never */
  uint64_t digest;    /* hash of model, key, kind, version, policy_meta: docs/format/digest.md */
  tg_bytes body;      /* canonical JSON text; empty for tombstones and evicts */
  tg_bytes policy_meta;
  tg_bytes extra;     /* unknown envelope fields, forwarded as they came */
  const tg_index_key* index_keys;
  uint32_t index_key_count;
  uint32_t reserved2;
  /* Given by the storage inside the commit; ignored on input. A transaction takes a consecutive
   * run, and each of its changes carries the run's first and last. */
  uint64_t seq;
  uint64_t run_first;
  uint64_t run_last;
} tg_change;

#ifdef __cplusplus
}
#endif
