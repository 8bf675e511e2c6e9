/* tg.policy/1-draft: decides, by model and item, where data lives and how it moves. Pure: no I/O, no
 * clock, no state but its configuration and the schemas. In a chain the first policy that does not
 * pass decides; accept composes (all must pass). A null function passes always.
 *
 * Thread safety: every function but the lifecycle and reload is [any] and reentrant; reload is
 * [control] with no other call under way. Ownership: see plugin.h. */
#pragma once

#include "tidegate/change.h"
#include "tidegate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TG_POLICY_ID "tg.policy/1-draft"
#define TG_POLICY_KIND "policy"

#define TG_PASS 0u /* no opinion: ask the next */
#define TG_DECIDED 1u
#define TG_DENIED 2u /* accept only: message says why */

/* Where items of a model live. */
#define TG_PLACE_CLOUD 1u
#define TG_PLACE_DEVICE 2u
#define TG_PLACE_BOTH 3u

#define TG_ROUTE_SEND 1u
#define TG_ROUTE_SKIP 2u

typedef struct tg_policy_item {
  uint32_t struct_size;
  uint32_t role;  /* of this node */
  uint64_t agent; /* this node */
  const tg_change* change;
} tg_policy_item;

/* When items_max or bytes_max is reached. */
#define TG_WHEN_FULL_REFUSE 0u      /* writers are refused, neighbours are held, down to the device */
#define TG_WHEN_FULL_DROP_OLDEST 1u /* the oldest go, undelivered ones too: these are counted and listed */
#define TG_WHEN_FULL_KEEP_LATEST 2u /* the same, but never the last item of an owner and pk; then refuse */

/* How long items that go up are kept at a node. */
typedef struct tg_retain {
  uint32_t struct_size;
  uint32_t drop_when_delivered; /* 0 keep, 1 hop, 2 server */
  int64_t age_ms_max;           /* 0 = no limit */
  uint64_t items_max;           /* 0 = no limit */
  uint64_t bytes_max;           /* bodies and keys; 0 = no limit */
  uint32_t when_full;           /* TG_WHEN_FULL_* */
  uint32_t reserved;
} tg_retain;

typedef struct tg_bytes_sink {
  void* ctx;
  void (*bytes)(void* ctx, tg_bytes bytes);
} tg_bytes_sink;

typedef struct tg_policy_v1 {
  tg_lifecycle base;

  /* [control] Every schema as one JSON array of schema objects, `process` and unknown keys kept.
   * Called once after create and again at each reload; on error the policy keeps what it had.
   * warnings gets a text for each doubtful thing.
   *
   * What speaks of a place in schemas_json names it, and the host tells the user file, line and column:
   * an error by a JSON pointer (RFC 6901) such as "/1/process/Fault/sync" in tg_error.where, a warning
   * by the pointer and a line feed before its text. The first step is the schema's place in the array.
   * Of a pointer that is cut short or leads nowhere the nearest place around it is told. */
  tg_code (*reload)(void* self, tg_str schemas_json, const tg_text_sink* warnings, tg_error* error);

  /* Each returns TG_PASS or TG_DECIDED (accept: TG_PASS or TG_DENIED). */
  uint32_t (*placement)(void* self, tg_str model, uint32_t* place);
  uint32_t (*direction)(void* self, tg_str model, uint32_t* direction);
  uint32_t (*lane)(void* self, tg_str model, uint32_t* lane);
  uint32_t (*accept)(void* self, const tg_policy_item* item, const tg_text_sink* reason);
  uint32_t (*route)(void* self, const tg_policy_item* item, uint64_t neighbour, uint32_t* route);
  /* Joins two states of one item: writes body, then policy_meta; an empty body is a tombstone. Commutative,
   * associative and idempotent over body, policy_meta and kind; the version of the result is the higher one.
   * Asked only for models that `merges` names. */
  uint32_t (*merge)(void* self, const tg_policy_item* held, const tg_policy_item* incoming, const tg_bytes_sink* body,
                    const tg_bytes_sink* policy_meta);
  uint32_t (*retain)(void* self, tg_str model, tg_retain* retain);

  /* TG_DECIDED: states of the model's items are joined by this policy. revision names the join and the form of its
   * policy_meta: nodes replicate such a model only if policy id and revision are the same at both. */
  uint32_t (*merges)(void* self, tg_str model, uint32_t* revision);
  /* The policy_meta of a state written at this node. held: the state before, null if there was none. */
  uint32_t (*stamp)(void* self, const tg_policy_item* held, const tg_policy_item* written,
                    const tg_bytes_sink* policy_meta);

  /* TG_DECIDED: items of the model are commands, which make a program run, once by key, until there is an item of the
   * model that is written to `answer_model`. A command goes down, its answer up. */
  uint32_t (*answer)(void* self, tg_str model, const tg_text_sink* answer_model);
} tg_policy_v1;

#ifdef __cplusplus
}
#endif
