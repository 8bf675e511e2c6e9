/* The value types that cross the plugin boundary: views, ids, versions, watermarks, text for people.
 * Everything is fixed width, so that a call can be marshalled to another process.
 * Thread safety: plain values. Ownership: every view belongs to the side that made it and is valid
 * only during the call (or sink callback) that carries it. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Text in UTF-8, not NUL-terminated. data may be null when size is 0. */
typedef struct tg_str {
  const char* data;
  uint64_t size;
} tg_str;

/* Opaque bytes. data may be null when size is 0. */
typedef struct tg_bytes {
  const uint8_t* data;
  uint64_t size;
} tg_bytes;

/* A text for the caller, such as the reason of a denial. */
typedef struct tg_text_sink {
  void* ctx;
  void (*text)(void* ctx, tg_str text);
} tg_text_sink;

/* Agent ids: 1 = server, 0 = all, nodes 2 .. 2^53-17 (JSON and SQLite keep them exact). */
#define TG_AGENT_ALL 0ull
#define TG_AGENT_SERVER 1ull
#define TG_AGENT_MAX ((1ull << 53) - 17)

/* What orders two states of one item; made once, at the writer. Compared field by field in this
 * order. hlc is a hybrid logical clock: 48 bits of Unix milliseconds, then a 16-bit counter
 * (Kulkarni et al., "Logical Physical Clocks", 2014). All zero means "no state". */
typedef struct tg_version {
  uint64_t hlc;
  uint64_t agent; /* origin agent */
  uint64_t epoch; /* epoch of the origin at the write */
} tg_version;

/* A durable position in the changes of one replica. Only the storage that made a watermark can
 * judge or compare it; everybody else stores it and hands it back. position 0 = before everything. */
typedef struct tg_watermark {
  uint8_t replica[16];
  uint64_t epoch;
  uint64_t position;
  tg_version version; /* of the last change committed at position; zero at position 0 */
} tg_watermark;

/* The key of an item: owner + pk + sk. */
typedef struct tg_key {
  uint64_t owner;
  tg_str pk;
  tg_str sk;
} tg_key;

/* Direction of a model, as bits. */
#define TG_DIRECTION_NONE 0u
#define TG_DIRECTION_UP 1u
#define TG_DIRECTION_DOWN 2u
#define TG_DIRECTION_BOTH 3u

/* Lanes: priority classes with feeds of their own, most urgent first. */
#define TG_LANE_URGENT 0u
#define TG_LANE_STATE 1u   /* models whose items are often updated */
#define TG_LANE_HISTORY 2u /* models whose items are written once */
#define TG_LANE_BULK 3u
#define TG_LANE_COUNT 4u

#define TG_ROLE_SERVER 1u
#define TG_ROLE_ROUTER 2u
#define TG_ROLE_DEVICE 3u

/* What the neighbour of a session is to us. */
#define TG_SIDE_PARENT 1u /* our parent: this side dialled */
#define TG_SIDE_CHILD 2u  /* a child: this side listens */

#ifdef __cplusplus
}
#endif
