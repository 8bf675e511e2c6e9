/* tg.events/1-draft: is told what happens on the links and to the items of a node, and may say no: to a
 * neighbour that connects, to a change that somebody writes here, to a change that a neighbour sends.
 *
 * A vetoed session is refused with the plugin's reason, at both ends. A vetoed local write is refused with
 * it, and its transaction with it. A vetoed incoming change is quarantined with it and named to who sent it;
 * a newer version is asked about anew, and so is what is quarantined, when the schemas are read again.
 *
 * Thread safety: every function but the lifecycle and start is [writer]: called by the node's writer thread,
 * one at a time, after start and before stop, under no lock of the host. Each of them holds up every write
 * and every frame of the node: copy what is needed and hand it to a thread of your own. Never wait in one for
 * an answer of the node's own API: the thread that would give it is the one that waits. A null function is
 * not called. In a chain each is told; the first that vetoes decides, and those behind it are not asked.
 * Ownership: see plugin.h; every view is valid during the call. */
#pragma once

#include "tidegate/change.h"
#include "tidegate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TG_EVENTS_ID "tg.events/1-draft"
#define TG_EVENTS_KIND "events"

#define TG_ALLOWED 0u
#define TG_VETOED 1u /* the sink has got the reason, a sentence for people */

/* A session with a neighbour. */
typedef struct tg_link_event {
  uint32_t struct_size;
  uint32_t side; /* TG_SIDE_*: what the neighbour is to us */
  uint64_t agent;
  uint32_t role; /* TG_ROLE_* */
  uint32_t level;
  uint8_t replica[16];
  uint64_t epoch;         /* of the neighbour's start */
  uint64_t session;       /* its number, the same at both ends */
  tg_str address;         /* for people */
  uint32_t authenticated; /* 1: the transport vouches for agent */
  uint32_t reserved;
  tg_str reason; /* disconnected: why, for people; else empty */
} tg_link_event;

/* A change that is about to be staged (changing) or was committed (changed). A local write that is about to
 * be staged has no version yet; seq and the run are those of this replica, and 0 before the commit. */
typedef struct tg_change_event {
  uint32_t struct_size;
  uint32_t side;  /* what the neighbour that sent it is to us; 0 = written at this node */
  uint64_t agent; /* that neighbour; 0 = written at this node */
  const tg_change* change;
} tg_change_event;

/* What a neighbour sent is durable here. */
typedef struct tg_receive_event {
  uint32_t struct_size;
  uint32_t side;
  uint64_t agent;
  uint32_t lane; /* TG_LANE_*; TG_LANE_COUNT: it came by reconcile */
  uint32_t reserved;
  uint64_t changes;     /* that it had */
  uint64_t quarantined; /* of them */
  tg_watermark held;    /* of the neighbour's feed; none by reconcile */
} tg_receive_event;

/* A neighbour has acknowledged more of our feed than before. */
typedef struct tg_ack_event {
  uint32_t struct_size;
  uint32_t side;
  uint64_t agent;
  uint32_t lane;
  uint32_t reserved;
  tg_watermark hop;       /* durable at the neighbour */
  tg_watermark delivered; /* durable at the destination, as far as the neighbour knows */
} tg_ack_event;

typedef struct tg_events_v1 {
  tg_lifecycle base;

  /* [control] After the storage was opened and before any transport runs. May make threads. */
  tg_code (*start)(void* self, tg_error* error);

  /* [writer] A neighbour has said who it is and nothing speaks against it. TG_ALLOWED or TG_VETOED. It asks
   * again, later and later, as long as it is refused. */
  uint32_t (*connecting)(void* self, const tg_link_event* link, const tg_text_sink* reason);
  void (*connected)(void* self, const tg_link_event* link);    /* [writer] */
  void (*disconnected)(void* self, const tg_link_event* link); /* [writer] after each connected */

  /* [writer] Asked of every item and tombstone before it is staged, after every check of the host. May be
   * asked several times about one change, and about one that turns out to be old: TG_ALLOWED promises
   * nothing. Never asked of an evict. */
  uint32_t (*changing)(void* self, const tg_change_event* event, const tg_text_sink* reason);
  /* [writer] Every committed change, in the order of seq, each version once. */
  void (*changed)(void* self, const tg_change_event* event);

  void (*received)(void* self, const tg_receive_event* event); /* [writer] */
  void (*acked)(void* self, const tg_ack_event* event);        /* [writer] */
} tg_events_v1;

#ifdef __cplusplus
}
#endif
