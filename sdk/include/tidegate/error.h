/* How a call across the plugin boundary says that it failed, and why.
 * Functions return a tg_code; on anything but TG_OK they fill the caller's tg_error.
 * Thread safety: plain values. Ownership: the caller owns tg_error. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t tg_code;

#define TG_OK 0
#define TG_INVALID 1       /* the caller's argument or configuration is wrong */
#define TG_NOT_FOUND 2     /* no such object */
#define TG_CONFLICT 3      /* exists already, or another version is there */
#define TG_REFUSED 4       /* not allowed by a rule */
#define TG_UNAVAILABLE 5   /* not now: not connected, not started, stopping */
#define TG_FULL 6          /* disk, quota, queue or window is full */
#define TG_IO 7            /* the operating system failed us: see sys_errno */
#define TG_CORRUPT 8       /* stored or received bytes are damaged */
#define TG_TIMEOUT 9
#define TG_UNSUPPORTED 10
#define TG_INTERNAL 11     /* a defect */

typedef struct tg_error {
  int32_t code;      /* a tg_code */
  int32_t retryable; /* 1: the same call may succeed later */
  int32_t sys_errno; /* 0 if none */
  char where[92];    /* function or object, NUL-terminated */
  char message[512]; /* what failed, on which object, what to do; UTF-8, NUL-terminated */
} tg_error;

#ifdef __cplusplus
}
#endif
