/* tg.transport/1-draft: moves frames between this node and its neighbours. It promises nothing the
 * core relies on: frames may be lost, doubled, reordered; acknowledgements are the core's own.
 *
 * Thread safety: as tagged. Events may come from any thread of the transport, never from inside
 * send or close, and never after stop has returned. Ownership: see plugin.h. */
#pragma once

#include "tidegate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TG_TRANSPORT_ID "tg.transport/1-draft"
#define TG_TRANSPORT_KIND "transport"

/* A session is one connection with one peer, named by a number that the transport never reuses. */
typedef uint64_t tg_session;

typedef struct tg_peer {
  uint32_t struct_size;
  uint32_t side;          /* TG_SIDE_* */
  uint64_t agent;         /* the agent the transport knows it to be; 0 = it cannot tell */
  uint32_t authenticated; /* 1: the transport vouches for agent */
  uint32_t reserved;
  tg_str address; /* for people */
} tg_peer;

typedef struct tg_transport_events {
  uint32_t struct_size;
  uint32_t reserved;
  void* ctx;
  void (*opened)(void* ctx, tg_session session, const tg_peer* peer);
  void (*frame)(void* ctx, tg_session session, tg_bytes frame);
  /* No event of this session follows. reason is for people. */
  void (*closed)(void* ctx, tg_session session, tg_str reason);
  /* send() said TG_FULL before and will now accept again. */
  void (*writable)(void* ctx, tg_session session);
} tg_transport_events;

typedef struct tg_transport_info {
  uint32_t struct_size;
  uint32_t listens; /* 1: accepts children */
  uint32_t dials;   /* 1: connects to a parent */
  uint32_t reserved;
  uint64_t frame_bytes_max; /* the largest frame it moves */
} tg_transport_info;

typedef struct tg_transport_stats {
  uint32_t struct_size;
  uint32_t connected; /* 1: its own connection (to a broker, say) is up */
  uint64_t bytes_sent;
  uint64_t bytes_received;
  uint64_t connects;
  tg_str last_error; /* valid until the next call on this instance */
} tg_transport_stats;

typedef struct tg_transport_v1 {
  tg_lifecycle base;

  /* [control] Facts that follow from the configuration; valid after create. */
  tg_code (*info)(void* self, tg_transport_info* info, tg_error* error);

  /* [control] Makes threads and connects in the background; connecting goes on until stop.
   * events and what it points to stay valid until stop has returned. */
  tg_code (*start)(void* self, const tg_transport_events* events, tg_error* error);

  /* [any] Queues one frame, copied. TG_FULL: bounded queue is full, wait for writable();
   * TG_UNAVAILABLE: the session is gone. Never blocks on the network. */
  tg_code (*send)(void* self, tg_session session, tg_bytes frame, tg_error* error);

  /* [any] Ends a session; closed() follows. */
  tg_code (*close)(void* self, tg_session session, tg_str reason, tg_error* error);

  /* [any] */
  tg_code (*stats)(void* self, tg_transport_stats* stats, tg_error* error);
} tg_transport_v1;

#ifdef __cplusplus
}
#endif
