/* Services that the host offers to plugins, asked for with tg_host.service(id).
 * Thread safety: every function is [any] unless tagged. Ownership: tables belong to the host. */
#pragma once

#include <stdint.h>

#include "tidegate/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* tg.log/1: lines go to the daemon's log with the plugin's id. */
#define TG_LOG_ID "tg.log/1"
#define TG_LOG_ERROR 3u /* numbers of RFC 5424 */
#define TG_LOG_WARNING 4u
#define TG_LOG_INFO 6u
#define TG_LOG_DEBUG 7u
typedef struct tg_log_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  void* ctx;
  void (*write)(void* ctx, uint32_t level, tg_str message);
} tg_log_v1;

/* tg.metrics/1: counters and gauges shown at /metrics. */
#define TG_METRICS_ID "tg.metrics/1"
typedef struct tg_metrics_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  void* ctx;
  void (*counter_add)(void* ctx, tg_str name, uint64_t delta);
  void (*gauge_set)(void* ctx, tg_str name, int64_t value);
} tg_metrics_v1;

/* tg.clock/1: the node's clock; virtual in the simulator. */
#define TG_CLOCK_ID "tg.clock/1"
typedef struct tg_clock_v1 {
  uint32_t struct_size;
  uint32_t reserved;
  void* ctx;
  int64_t (*unix_ms)(void* ctx);      /* wall clock; may jump */
  int64_t (*monotonic_us)(void* ctx); /* never goes back */
} tg_clock_v1;

/* tg.node/1: who this node is. */
#define TG_NODE_ID "tg.node/1"
typedef struct tg_node_v1 {
  uint32_t struct_size;
  uint32_t role; /* TG_ROLE_* */
  uint64_t agent;
  uint64_t epoch;       /* of this start */
  tg_str replica_text;  /* 32 hex digits; empty until the storage has started */
} tg_node_v1;

#ifdef __cplusplus
}
#endif
