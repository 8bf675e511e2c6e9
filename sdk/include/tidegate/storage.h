/* tg.storage/1-draft: what the host asks of a storage plugin. One instance is one replica.
 *
 * Laws a storage carries: commit is durable when it returns (design law 1); seq is given inside the
 * commit by the single writer and never reused; state is indexed by seq, so that what a neighbour
 * lacks is a scan (law 3). Feeding a neighbour costs in proportion to what it lacks.
 *
 * Thread safety: commit, start and the [control] calls come from one thread; [reader] calls come
 * from any thread beside it and see a state that was committed. Ownership: see plugin.h. */
#pragma once

#include "tidegate/change.h"
#include "tidegate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TG_STORAGE_ID "tg.storage/1-draft"
#define TG_STORAGE_KIND "storage"

/* ---- opening ---- */

typedef struct tg_storage_open {
  uint32_t struct_size;
  uint32_t reserved;
  uint8_t new_replica[16]; /* the replica id to take if the storage is created now */
  uint64_t epoch;          /* random, of this start; appended to the epoch list */
} tg_storage_open;

typedef struct tg_storage_info {
  uint32_t struct_size;
  uint32_t created;         /* 1: there was no replica before this start */
  uint8_t replica[16];
  uint64_t head;            /* last seq given; 0 = none */
  uint32_t durable;         /* 1: commit survives power loss */
  uint32_t multi_writer;    /* 1: others may write the same tables */
  uint64_t commit_items_max; /* mutations in one commit; 0 = no limit */
  uint64_t item_bytes_max;   /* body + keys + meta of one change; 0 = no limit */
} tg_storage_info;

/* ---- writing ---- */

#define TG_OP_PUT 1u         /* write change (item, tombstone or evict) under its key; takes a new seq */
#define TG_OP_PURGE 2u       /* remove the row of change->key without a trace */
#define TG_OP_RENUMBER 3u    /* same state, new seq, via = 0 */
#define TG_OP_META_PUT 4u    /* meta_key := meta_value */
#define TG_OP_META_DELETE 5u
#define TG_OP_OWNER_ADD 6u   /* add owner to the named owner set meta_key */
#define TG_OP_OWNER_REMOVE 7u
#define TG_OP_ENDS_TRIM 8u   /* forget kept commit ends below position, but never the newest */
#define TG_OP_EPOCH 9u       /* a new epoch, `position`, begins with the next seq: the replica was found rewound while it
                              * ran. First in its group; TG_CONFLICT if the epoch was used before */
#define TG_OP_REKEY 10u      /* same state and via; direction and lane become those of change, so that the row moves from
                              * feed to feed. It keeps its seq; position 1: it takes a new one */

/* An interior group end is kept as a commit end when so many mutations, or so many bytes of bodies and keys, were
 * committed since the last one kept: what a feed reports beyond its limit is less than this and one group. */
#define TG_END_MUTATIONS 500u
#define TG_END_BYTES 131072u

#define TG_IF_ALWAYS 0u
#define TG_IF_NEWER 1u   /* apply if the key holds nothing or an older version; else outcome STALE or EQUAL, the rest goes on */
#define TG_IF_VERSION 2u /* apply if the key holds exactly `expected` (zero = holds nothing); else the whole group is CANCELLED.
                          * Judged against what the keys held before the group */

typedef struct tg_mutation {
  uint32_t struct_size;
  uint8_t op;
  uint8_t condition;
  uint16_t reserved;
  const tg_change* change; /* PUT, PURGE, RENUMBER (of these two only its key is read), REKEY (key, direction, lane) */
  tg_version expected;     /* TG_IF_VERSION */
  tg_str meta_key;
  tg_bytes meta_value;
  uint64_t owner;          /* OWNER_ADD, OWNER_REMOVE */
  uint64_t position;       /* ENDS_TRIM, EPOCH, REKEY */
} tg_mutation;

/* A group is a transaction: the puts that apply take one consecutive run of seq. */
typedef struct tg_group {
  const tg_mutation* mutations;
  uint64_t count;
} tg_group;

#define TG_OUTCOME_APPLIED 1u
#define TG_OUTCOME_EQUAL 2u     /* IF_NEWER: the very version is there already */
#define TG_OUTCOME_STALE 3u     /* IF_NEWER: a newer version is there */
#define TG_OUTCOME_MISSING 4u   /* PURGE, RENUMBER, REKEY: no row of that key */
#define TG_OUTCOME_CANCELLED 5u /* its group was cancelled by an IF_VERSION */

typedef struct tg_outcome {
  uint32_t struct_size;
  uint8_t result;        /* TG_OUTCOME_* */
  uint8_t held_kind;     /* kind of what the key held before; 0 = nothing */
  uint16_t reserved;
  uint64_t group;        /* index of the group, of the mutation in it */
  uint64_t mutation;
  uint64_t seq;          /* given to it; 0 if none */
  tg_version held;       /* version that the key held before; zero = nothing */
} tg_outcome;

/* Called once for each mutation with a change (PUT, PURGE, RENUMBER, REKEY), in order. */
typedef struct tg_outcome_sink {
  void* ctx;
  void (*outcome)(void* ctx, const tg_outcome* outcome);
} tg_outcome_sink;

/* ---- reading ---- */

/* Return 0 to go on, anything else to stop. */
typedef struct tg_change_sink {
  void* ctx;
  int32_t (*change)(void* ctx, const tg_change* change);
} tg_change_sink;

/* Which changes a neighbour is to get. direction is UP or DOWN: up feeds read (lane, seq) over up
 * and both; down feeds read (lane, owner, seq) over down and both, for the owners of owner_set. With
 * direction 0 `changes` (and nothing else) reads every row of the replica, whatever the other members say. */
typedef struct tg_feed_selector {
  uint32_t struct_size;
  uint8_t direction;
  uint8_t lane;
  uint16_t reserved;
  uint64_t exclude_via; /* a state is not sent back over the link it came from; 0 = exclude none */
  tg_str owner_set;     /* down feeds */
} tg_feed_selector;

typedef struct tg_feed_stat {
  uint32_t struct_size;
  uint32_t exact;    /* 0: count and bytes are estimates (large backlogs) */
  uint64_t count;    /* changes after the position */
  uint64_t bytes;    /* bodies + keys of them */
  uint64_t head;     /* seq of the last selected change; 0 = none */
  uint64_t floor;    /* lowest position from which the feed is complete: purged tombstones and evicts raise it,
                      * purged items do not; so do forgotten commit ends */
  tg_version oldest; /* version of the first change after the position; zero = none */
} tg_feed_stat;

#define TG_WATERMARK_USABLE 1u
#define TG_WATERMARK_OTHER_REPLICA 2u
#define TG_WATERMARK_UNKNOWN_EPOCH 3u
#define TG_WATERMARK_PAST_EPOCH 4u      /* past the end of that epoch: we were rewound */
#define TG_WATERMARK_NOT_AN_END 5u      /* not a kept commit end */
#define TG_WATERMARK_OTHER_VERSION 6u   /* another version is committed there: rewound or copied */
#define TG_WATERMARK_BELOW_FLOOR 7u

/* An epoch and the first position it gave. */
typedef struct tg_epoch {
  uint64_t epoch;
  uint64_t first;
} tg_epoch;

typedef struct tg_epoch_sink {
  void* ctx;
  int32_t (*epoch)(void* ctx, const tg_epoch* epoch);
} tg_epoch_sink;

#define TG_QUERY_TOMBSTONES 1u /* show tombstones and evicts too */
#define TG_QUERY_KEYS_ONLY 2u  /* body, policy_meta, extra may be left empty */
#define TG_QUERY_REVERSE 4u
#define TG_QUERY_OWNER 8u      /* only owner */
#define TG_QUERY_HASH 16u      /* only this hash (pk, or the index's hash) */

/* Results come in key order: primary (owner, pk, sk); index (hash, sort, owner, pk, sk). Bytes
 * compare as unsigned (memcmp). sort_from is inclusive, sort_to exclusive and empty = no bound;
 * both bound sk, or the index's sort, and are read only with TG_QUERY_HASH. */
typedef struct tg_query {
  uint32_t struct_size;
  uint32_t flags;
  uint64_t owner;
  tg_str index; /* empty = primary */
  tg_str model; /* empty = all */
  tg_str hash;
  tg_str sort_from;
  tg_str sort_to;
  uint64_t limit;   /* items; 0 = no limit */
  tg_bytes cursor;  /* from an earlier call: go on after it; empty = from the beginning */
} tg_query;

/* Where to go on; empty when there is no more. Called at most once, last. */
typedef struct tg_cursor_sink {
  void* ctx;
  void (*cursor)(void* ctx, tg_bytes cursor);
} tg_cursor_sink;

/* A scope of one owner: keys in [from, to) by (pk, sk); has_to = 0: no upper bound. model empty =
 * all models. Left out are tombstones with version.hlc below cut_hlc, and items whose expires_ms is not 0
 * and at most expired_ms. */
typedef struct tg_range {
  uint32_t struct_size;
  uint32_t has_to;
  uint64_t owner;
  tg_str model;
  tg_str from_pk, from_sk;
  tg_str to_pk, to_sk;
  uint64_t cut_hlc;
  uint64_t chunk_items; /* a digest for each so many items; 0 = one digest for all */
  uint32_t direction_mask; /* only rows whose direction has one of these bits; 0 = all rows */
  uint32_t reserved;
  int64_t expired_ms; /* 0: items that have expired are like others */
} tg_range;

/* One chunk: the keys from the end of the chunk before (or range.from) up to but without `end`;
 * the last chunk's has_end is 0 and it ends where the range ends. */
typedef struct tg_digest {
  uint64_t count;
  uint64_t sum; /* of the changes' digests, modulo 2^64 */
  uint64_t direction_count[4]; /* the same of the rows of each direction (0, UP, DOWN, BOTH) alone */
  uint64_t direction_sum[4];
  uint32_t has_end;
  uint32_t reserved;
  tg_str end_pk, end_sk;
} tg_digest;

typedef struct tg_digest_sink {
  void* ctx;
  int32_t (*digest)(void* ctx, const tg_digest* digest);
} tg_digest_sink;

typedef struct tg_meta_sink {
  void* ctx;
  int32_t (*entry)(void* ctx, tg_str key, tg_bytes value);
} tg_meta_sink;

/* One scope that the storage holds: model and owner. */
typedef struct tg_scope {
  tg_str model;
  uint64_t owner;
  uint64_t items;
  uint64_t tombstones;
} tg_scope;

typedef struct tg_scope_sink {
  void* ctx;
  int32_t (*scope)(void* ctx, const tg_scope* scope);
} tg_scope_sink;

typedef struct tg_storage_stats {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t items;
  uint64_t tombstones;
  uint64_t bytes_used;     /* on disk or in memory */
  uint64_t bytes_reserved; /* kept back for acks and deletes when the disk is full */
} tg_storage_stats;

/* ---- the table ---- */

typedef struct tg_storage_v1 {
  tg_lifecycle base;

  /* [control] Opens or creates the replica. */
  tg_code (*start)(void* self, const tg_storage_open* open, tg_storage_info* info, tg_error* error);

  /* [writer] Applies the groups in order, later ones seeing earlier ones, all durable together, or
   * none with an error. *end is the watermark at the end of this commit. Interior group ends are
   * kept as commit ends too, so that a feed can stop there: see TG_END_BYTES; more of them may be.
   * TG_FULL, or TG_IO with retryable = 1: later commits may succeed. TG_IO with retryable = 0: what is
   * on disk is not known any more (a sync failed); every later commit is refused too, reads go on, and
   * the host stops the program. A start then finds what is on disk, and trusts nothing else. */
  tg_code (*commit)(void* self, const tg_group* groups, uint64_t count, const tg_outcome_sink* outcomes,
                    tg_watermark* end, tg_error* error);

  /* [reader] The row of a key, tombstones and evicts too; TG_NOT_FOUND if there is none. */
  tg_code (*get)(void* self, const tg_key* key, const tg_change_sink* sink, tg_error* error);

  /* [reader] */
  tg_code (*query)(void* self, const tg_query* query, const tg_change_sink* sink, const tg_cursor_sink* cursor,
                   tg_error* error);

  /* [reader] Selected changes with seq > after, in seq order, until items or bytes (0 = no limit) are
   * reached, then on to the next kept commit end: a run is never cut. *reached is a kept commit end
   * with every selected change up to it reported; *more is 1 if selected changes remain. When none
   * remains, *reached is the head of the replica. Where commit ends were forgotten, *reached is the end of
   * the run at the limit, which watermark_check calls BELOW_FLOOR. A sink that stops early gets no *reached. */
  tg_code (*changes)(void* self, const tg_feed_selector* selector, uint64_t after, uint64_t limit_items,
                     uint64_t limit_bytes, const tg_change_sink* sink, tg_watermark* reached, uint32_t* more,
                     tg_error* error);

  /* [reader] */
  tg_code (*feed_stat)(void* self, const tg_feed_selector* selector, uint64_t after, tg_feed_stat* stat,
                       tg_error* error);

  /* [reader] The watermark of the last commit. */
  tg_code (*head)(void* self, tg_watermark* head, tg_error* error);

  /* [reader] Judges a watermark that this replica is said to have made: TG_WATERMARK_*. */
  tg_code (*watermark_check)(void* self, const tg_watermark* watermark, uint32_t* verdict, tg_error* error);

  /* [reader] *order < 0, 0, > 0 as a is before, at, after b. TG_INVALID if they cannot be compared. */
  tg_code (*watermark_compare)(void* self, const tg_watermark* a, const tg_watermark* b, int32_t* order,
                               tg_error* error);

  /* [reader] Newest first, at most limit (0 = all). */
  tg_code (*epochs)(void* self, uint64_t limit, const tg_epoch_sink* sink, tg_error* error);

  /* [reader] Digests of one range, chunk by chunk in key order; always at least one. A sink that stops after
   * some chunks has cost no more than those. */
  tg_code (*range_digest)(void* self, const tg_range* range, const tg_digest_sink* sink, tg_error* error);

  /* [reader] The rows of a range in key order, tombstones and evicts too (above cut_hlc), without items that
   * expired (expired_ms). */
  tg_code (*range_scan)(void* self, const tg_range* range, const tg_change_sink* sink, tg_error* error);

  /* [reader] The scopes that hold a row, ordered by owner, then model. */
  tg_code (*scopes)(void* self, const tg_scope_sink* sink, tg_error* error);

  /* [reader] TG_NOT_FOUND if there is none. */
  tg_code (*meta_get)(void* self, tg_str key, const tg_meta_sink* sink, tg_error* error);

  /* [reader] Entries whose key begins with prefix, in key order. */
  tg_code (*meta_scan)(void* self, tg_str prefix, const tg_meta_sink* sink, tg_error* error);

  /* [reader] */
  tg_code (*stats)(void* self, tg_storage_stats* stats, tg_error* error);

  /* [control] Writes a complete copy of the replica to a new file while the writer goes on. */
  tg_code (*backup)(void* self, tg_str path, tg_error* error);

  /* [reader] The rows that stand for something gone, tombstones and evicts, with seq > after, in seq
   * order, at most limit (0 = all). Its cost follows their number, not that of the items: by it the host
   * finds what it may purge. A storage without it is never purged. */
  tg_code (*traces)(void* self, uint64_t after, uint64_t limit, const tg_change_sink* sink, tg_error* error);

  /* [control] Before start: puts the copy that `backup` wrote to `path` in place of the replica, all of it or
   * nothing. The files of the replica before stay where they are, their names followed by `suffix`; TG_CONFLICT
   * if there are such files. An empty path puts back what is kept under the suffix. A storage without it is
   * restored by other means. */
  tg_code (*restore)(void* self, tg_str path, tg_str suffix, tg_error* error);

  /* [reader] The items whose expires_ms is not 0, after (after_ms, after_seq) in the order of (expires_ms, seq), at
   * most limit (0 = all). Its cost follows what it gives: by it the host finds what it may remove. A storage without
   * it keeps what has expired. */
  tg_code (*expiring)(void* self, int64_t after_ms, uint64_t after_seq, uint64_t limit, const tg_change_sink* sink,
                      tg_error* error);
} tg_storage_v1;

#ifdef __cplusplus
}
#endif
